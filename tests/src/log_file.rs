//! The log files of the private home: appended to, bounded, and quoted when a process fails.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// A log that is longer than this when a process starts is put aside as `<name>.1`.
const LOG_BYTES: u64 = 16 * 1024 * 1024;
/// How much of a log's end is looked at when a process fails.
const QUOTED_BYTES: u64 = 4 * 1024;
/// How many lines of it are shown.
const QUOTED_LINES: usize = 12;

/// Opens the log for appending; answers also where the new output will begin.
///
/// # Errors
/// If it can not be written.
pub fn open(path: &Path) -> std::io::Result<(File, u64)> {
    let length = fs::metadata(path).map_or(0, |metadata| metadata.len());
    if length > LOG_BYTES {
        fs::rename(path, path.with_added_extension("1"))?;
    }
    let log = File::options().create(true).append(true).open(path)?;
    let from = log.metadata()?.len();
    Ok((log, from))
}

/// The last lines written since `from`, introduced by the log's path; empty if there are none.
pub fn quote(log: &Path, from: u64) -> String {
    let text = end_of(log, from).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    match lines.get(lines.len().saturating_sub(QUOTED_LINES)..) {
        Some(last) if !last.is_empty() => {
            format!("; the end of {}:\n  {}", log.display(), last.join("\n  "))
        }
        _ => String::new(),
    }
}

fn end_of(log: &Path, from: u64) -> std::io::Result<String> {
    let mut file = File::open(log)?;
    let end = file.metadata()?.len();
    file.seek(SeekFrom::Start(from.max(end.saturating_sub(QUOTED_BYTES))))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn only_what_was_written_since_is_quoted() {
        let path = std::env::temp_dir().join(format!("turnstile-log-{}", uuid::Uuid::new_v4()));
        let (mut log, from) = open(&path).expect("opened");
        assert_eq!(from, 0);
        assert_eq!(quote(&path, from), "");
        writeln!(log, "an older run").expect("written");
        let (mut log, from) = open(&path).expect("opened again");
        for line in 0..20 {
            writeln!(log, "line {line}").expect("written");
        }
        let quoted = quote(&path, from);
        assert!(quoted.ends_with("line 18\n  line 19"), "{quoted}");
        assert!(!quoted.contains("older") && !quoted.contains("line 7\n"), "{quoted}");
        fs::remove_file(&path).expect("removed");
    }
}
