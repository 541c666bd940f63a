//! Causes: an error with everything it came from, on one line for the log. An error's own text does
//! not repeat its source, so the log of the text alone would read "a statement failed".
//!
//! What Postgres quotes is left out (see [`causes`]). Not here: what a client is told.

use std::error::Error;

use tokio_postgres::error::DbError;

/// SQLSTATE's class of data exceptions: their messages quote the data.
const DATA_EXCEPTION: &str = "22";

/// An error and all its sources, the outermost first.
///
/// Of what Postgres reports only SQLSTATE and message are told, never DETAIL or HINT, and of a data
/// exception not even the message: they quote values, which may be anybody's address.
pub fn causes(error: &(dyn Error + 'static)) -> String {
    let mut chain = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        chain.push(match error.downcast_ref::<DbError>() {
            Some(reported) => without_values(reported.code().code(), reported.message()),
            None => error.to_string(),
        });
        next = error.source();
    }
    chain.join(": ")
}

fn without_values(state: &str, message: &str) -> String {
    if state.starts_with(DATA_EXCEPTION) {
        format!("SQLSTATE {state}")
    } else {
        format!("SQLSTATE {state}: {message}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("the answer was not read")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn an_error_is_told_with_all_its_sources() {
        let outer = Outer(std::io::Error::other("the cable was cut"));
        assert_eq!(causes(&outer), "the answer was not read: the cable was cut");
    }

    #[test]
    fn what_quotes_values_is_not_told() {
        assert_eq!(without_values("22P02", "invalid input: \"ada@example.org\""), "SQLSTATE 22P02");
        assert_eq!(without_values("42P01", "no table"), "SQLSTATE 42P01: no table");
    }
}
