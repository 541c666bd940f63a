//! Speaking to the person at the terminal: the only place of this crate that writes to standard
//! output or error. A closed output (`make run | head`) is no reason to stop, so failures to write
//! are ignored.

use std::io::Write;

/// One line, or several, on standard output.
pub fn say(text: impl AsRef<str>) {
    let _ = writeln!(std::io::stdout().lock(), "{}", text.as_ref());
}

/// One line, or several, on standard error; for commands whose standard output is data.
pub fn note(text: impl AsRef<str>) {
    let _ = writeln!(std::io::stderr().lock(), "{}", text.as_ref());
}
