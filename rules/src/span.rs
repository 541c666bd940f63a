//! A span of time as rules write it: `10 minutes`, `1h 30m`. Not here: what a rule does with it
//! (`phrase.rs`, `rule_set.rs`).

use std::fmt;
use std::str::FromStr;

use chrono::TimeDelta;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// The longest span there is: ten years of 365 days. A longer one is taken for a slip of the pen.
const LONGEST: i64 = 3_650 * DAY;

/// What a span is expected to look like, for error messages.
pub const EXPECTED_SPAN: &str = "a duration in whole seconds such as `10 minutes` or `1h 30m`";

/// A span of time in whole seconds, from none to ten years. Days have 24 hours.
///
/// Two spellings of the same length are equal and shown in the same words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    seconds: i64,
}

/// The text is no span.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not {EXPECTED_SPAN}, ten years at most")]
pub struct NotASpan(String);

impl Span {
    /// No time at all.
    pub const NONE: Self = Self { seconds: 0 };

    /// So many hours, from 0 to 24.
    pub const fn of_hours(hours: u8) -> Self {
        Self { seconds: hours as i64 * HOUR }
    }

    /// The length for calculations with moments.
    pub fn as_delta(self) -> TimeDelta {
        TimeDelta::seconds(self.seconds)
    }
}

impl FromStr for Span {
    type Err = NotASpan;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || NotASpan(text.to_owned());
        let duration = humantime::parse_duration(text).map_err(|_| refused())?;
        let seconds = i64::try_from(duration.as_secs()).map_err(|_| refused())?;
        if duration.subsec_nanos() != 0 || seconds > LONGEST {
            return Err(refused());
        }
        Ok(Self { seconds })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.seconds / DAY, "day"),
            (self.seconds % DAY / HOUR, "hour"),
            (self.seconds % HOUR / MINUTE, "minute"),
            (self.seconds % MINUTE, "second"),
        ];
        let mut separator = "";
        for (count, unit) in parts.into_iter().filter(|(count, _)| *count > 0) {
            let plural = if count == 1 { "" } else { "s" };
            write!(f, "{separator}{count} {unit}{plural}")?;
            separator = " ";
        }
        if separator.is_empty() { f.write_str("0 seconds") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(text: &str) -> Span {
        text.parse().expect("a span")
    }

    #[test]
    fn spellings_of_one_length_are_equal_and_read_the_same() {
        for text in ["90 minutes", "1h 30m", "1hour 30min", "1.5h", "5400s"] {
            assert_eq!(span(text), span("1h 30m"), "{text}");
            assert_eq!(span(text).to_string(), "1 hour 30 minutes", "{text}");
        }
    }

    #[test]
    fn what_is_no_span_in_whole_seconds_is_refused() {
        for text in ["", "10", "soon", "-5 minutes", "500ms", "11 years", "99999999999999999999s"] {
            assert_eq!(text.parse::<Span>(), Err(NotASpan(text.to_owned())));
        }
    }

    proptest! {
        #[test]
        fn every_span_reads_back_from_its_own_words(seconds in 0..=LONGEST) {
            let span = Span { seconds };
            prop_assert_eq!(span.to_string().parse::<Span>(), Ok(span));
        }
    }
}
