//! In which time zone somebody lives, so that a time can be told as their clock shows it.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, FixedOffset, Offset, TimeZone as _, Utc};
use chrono_tz::Tz;

/// A time zone: a region of the IANA database, or a fixed offset from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeZone {
    /// A region with its summer time, such as `Europe/Moscow`.
    Region(Tz),
    /// East of UTC by so much, such as `+03:00`; less than a day.
    East(FixedOffset),
}

impl Default for TimeZone {
    fn default() -> Self {
        Self::Region(Tz::UTC)
    }
}

/// The text names neither a region nor an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a time zone such as Europe/Moscow, or an offset such as +03:00")]
pub struct UnknownTimeZone;

impl TimeZone {
    /// This instant as clocks show it there.
    pub fn at(self, instant: DateTime<Utc>) -> DateTime<FixedOffset> {
        let offset = match self {
            Self::Region(region) => region.offset_from_utc_datetime(&instant.naive_utc()).fix(),
            Self::East(offset) => offset,
        };
        instant.with_timezone(&offset)
    }
}

impl FromStr for TimeZone {
    type Err = UnknownTimeZone;

    fn from_str(text: &str) -> Result<Self, UnknownTimeZone> {
        if let Ok(region) = text.parse::<Tz>() {
            return Ok(Self::Region(region));
        }
        let read = || {
            let (sign, rest) = match text.split_at_checked(1)? {
                ("+", rest) => (1, rest),
                ("-", rest) => (-1, rest),
                _ => return None,
            };
            let (hours, minutes) = rest.split_once(':')?;
            let two = |part: &str, most: i32| {
                let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
                digits.then(|| part.parse::<i32>().ok()).flatten().filter(|number| *number <= most)
            };
            let seconds = two(hours, 23)? * 3_600 + two(minutes, 59)? * 60;
            FixedOffset::east_opt(sign * seconds)
        };
        read().map(Self::East).ok_or(UnknownTimeZone)
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Region(region) => f.write_str(region.name()),
            Self::East(offset) => offset.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(zone: &str, instant: &str) -> String {
        zone.parse::<TimeZone>().unwrap().at(instant.parse().unwrap()).to_rfc3339()
    }

    #[test]
    fn a_time_is_told_as_clocks_show_it_there_in_summer_and_in_winter() {
        assert_eq!(told("Europe/Berlin", "2027-01-15T12:00:00Z"), "2027-01-15T13:00:00+01:00");
        assert_eq!(told("Europe/Berlin", "2027-07-15T12:00:00Z"), "2027-07-15T14:00:00+02:00");
        assert_eq!(told("+05:30", "2027-07-15T12:00:00Z"), "2027-07-15T17:30:00+05:30");
        assert_eq!(told("-09:00", "2027-07-15T12:00:00Z"), "2027-07-15T03:00:00-09:00");
    }

    #[test]
    fn a_zone_reads_back_from_its_name_and_what_is_none_is_refused() {
        for zone in ["UTC", "Europe/Moscow", "+03:00", "-11:30", "+00:00"] {
            assert_eq!(zone.parse::<TimeZone>().unwrap().to_string(), zone);
        }
        assert_eq!(TimeZone::default().to_string(), "UTC");
        for none in ["", "Moscow", "+3", "+3:00", "+24:00", "+03:60", "03:00", "é", "+-3:00"] {
            assert_eq!(none.parse::<TimeZone>(), Err(UnknownTimeZone), "{none}");
        }
    }
}
