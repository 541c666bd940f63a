//! The phrases in which rules say when a link opens, typed. Text becomes a [`Phrase`] once, when
//! rules are loaded; nothing compares rules as text. Not here: how a phrase is applied to a request
//! (`evaluate.rs`).

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use chrono_tz::Tz;

use crate::span::Span;

const INSTANT: &str = "instant";
const NEVER: &str = "never";
const NEXT_DAY: &str = "start of the next day";
const IN: &str = " in ";
const AT: &str = "at ";

/// When a link opens.
///
/// Shown in one canonical spelling, which reads back as the same phrase: `1h 30m` is `1 hour 30
/// minutes`, a duration of nothing is `instant`, and the zone UTC is not mentioned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phrase {
    /// At the request itself.
    Instant,
    /// So long after the request; never [`Span::NONE`], which is [`Phrase::Instant`].
    After(Span),
    /// When the day after that of the request begins in this zone.
    NextDay(Tz),
    /// At this moment, or at the request if that is later.
    At(DateTime<Utc>),
    /// Not at all: the request is refused.
    Never,
}

/// The text is no phrase.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAPhrase {
    /// It looks like none of the phrases.
    #[error(
        "`{0}` is no rule; expected `instant`, a duration such as `10 minutes` or `1h 30m` \
         (whole seconds, ten years at most), `start of the next day`, \
         `start of the next day in <IANA zone>`, `at <RFC 3339 time>` or `never`"
    )]
    Unknown(String),
    /// The zone is not in the IANA time zone database.
    #[error("`{0}` is no time zone; expected an IANA zone such as `Europe/Berlin`")]
    Zone(String),
    /// What follows `at` is not a time.
    #[error("`{0}` is no time; expected RFC 3339 such as `2026-12-24T18:00:00+01:00`")]
    Time(String),
}

impl FromStr for Phrase {
    type Err = NotAPhrase;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            INSTANT => return Ok(Self::Instant),
            NEVER => return Ok(Self::Never),
            NEXT_DAY => return Ok(Self::NextDay(Tz::UTC)),
            _ => {}
        }
        if let Some(zone) = text.strip_prefix(NEXT_DAY).and_then(|rest| rest.strip_prefix(IN)) {
            let zone = zone.parse().map_err(|_| NotAPhrase::Zone(zone.to_owned()))?;
            return Ok(Self::NextDay(zone));
        }
        if let Some(time) = text.strip_prefix(AT) {
            let moment = DateTime::parse_from_rfc3339(time)
                .map_err(|_| NotAPhrase::Time(time.to_owned()))?;
            return Ok(Self::At(moment.to_utc()));
        }
        match text.parse() {
            Ok(Span::NONE) => Ok(Self::Instant),
            Ok(span) => Ok(Self::After(span)),
            Err(_) => Err(NotAPhrase::Unknown(text.to_owned())),
        }
    }
}

impl fmt::Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instant => f.write_str(INSTANT),
            Self::After(span) => span.fmt(f),
            Self::NextDay(Tz::UTC) => f.write_str(NEXT_DAY),
            Self::NextDay(zone) => write!(f, "{NEXT_DAY}{IN}{zone}"),
            Self::At(moment) => {
                write!(f, "{AT}{}", moment.to_rfc3339_opts(SecondsFormat::AutoSi, true))
            }
            Self::Never => f.write_str(NEVER),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_phrase_has_one_canonical_spelling_that_reads_back() {
        for (text, canonical) in [
            ("instant", "instant"),
            ("0s", "instant"),
            ("10 minutes", "10 minutes"),
            ("1h 30m", "1 hour 30 minutes"),
            ("start of the next day", "start of the next day"),
            ("start of the next day in UTC", "start of the next day"),
            ("start of the next day in Europe/Berlin", "start of the next day in Europe/Berlin"),
            ("at 2026-12-24T18:00:00+01:00", "at 2026-12-24T17:00:00Z"),
            ("never", "never"),
        ] {
            let phrase: Phrase = text.parse().expect(text);
            assert_eq!(phrase.to_string(), canonical);
            assert_eq!(canonical.parse(), Ok(phrase));
        }
    }

    #[test]
    fn a_slip_of_the_pen_is_refused_and_says_what_was_expected() {
        for (text, expected) in [
            ("", "`instant`"),
            ("Instant", "`instant`"),
            ("instant ", "`instant`"),
            ("soon", "`10 minutes`"),
            ("start of the next day in ", "IANA"),
            ("start of the next day in Europe/Berln", "IANA"),
            ("start of the next dayin UTC", "`start of the next day`"),
            ("at noon", "RFC 3339"),
            ("at 2026-12-24T18:00:00", "RFC 3339"),
        ] {
            let refused = text.parse::<Phrase>().expect_err(text).to_string();
            assert!(refused.contains(expected), "{text}: {refused}");
        }
    }
}
