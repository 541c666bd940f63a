//! Times that people send: RFC 3339, or without a zone, which is UTC. And the times that a list is
//! filtered by: an instant or a day of UTC.

use chrono::{
    DateTime, Datelike, Days, NaiveDate, NaiveDateTime, SubsecRound, TimeDelta, Timelike, Utc,
};

use crate::api_error::{ApiError, Code};

/// What a time without a zone may look like.
const WITHOUT_ZONE: [&str; 4] =
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];

/// Years that a time can be in: outside, chrono or Postgres has no room for what follows from it.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=9999;
/// From so many nanoseconds of a second on it is a leap second, which Postgres does not keep.
const LEAP: u32 = 1_000_000_000;

/// Reads a time, as exactly as it is kept: to the microsecond; of the years 1970 to 9999, and not a
/// leap second.
pub(super) fn instant(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let zoned = DateTime::parse_from_rfc3339(text).map(|time| time.to_utc()).ok();
    let utc =
        |format: &&str| NaiveDateTime::parse_from_str(text, format).map(|time| time.and_utc()).ok();
    let instant = zoned.or_else(|| WITHOUT_ZONE.iter().find_map(utc))?;
    let is_kept = YEARS.contains(&instant.year()) && instant.nanosecond() < LEAP;
    is_kept.then(|| instant.trunc_subsecs(6))
}

/// The times that a filter means: from the first instant on, until before the second.
///
/// # Errors
/// 400 if the text is neither an instant nor a day, of the years 1970 to 9999.
pub(super) fn range(text: &str) -> Result<(DateTime<Utc>, DateTime<Utc>), ApiError> {
    if let Ok(day) = NaiveDate::parse_from_str(text.trim(), "%Y-%m-%d") {
        if !YEARS.contains(&day.year()) {
            return Err(neither());
        }
        let first = day.and_time(chrono::NaiveTime::MIN).and_utc();
        return first.checked_add_days(Days::new(1)).map(|next| (first, next)).ok_or_else(neither);
    }
    let instant = instant(text).ok_or_else(neither)?;
    Ok((instant, instant + TimeDelta::microseconds(1)))
}

fn neither() -> ApiError {
    let detail = "filter[date] is a time such as 2027-01-15T19:00:00Z, or a day such as 2027-01-15";
    ApiError::new(Code::MalformedParameter, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_a_zone_is_utc() {
        let expected = DateTime::from_timestamp(1_800_039_600, 0);
        for text in [
            "2027-01-15T19:00:00Z",
            "2027-01-15T21:00:00+02:00",
            "2027-01-15T19:00:00",
            "2027-01-15T19:00",
            "2027-01-15 19:00:00.0000001",
        ] {
            assert_eq!(instant(text), expected, "{text}");
        }
        for text in ["", "tomorrow", "2027-01-15", "2027-13-15T19:00:00Z"] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn a_filter_means_an_instant_or_a_day() {
        let (first, next) = range("2027-01-15").unwrap();
        assert_eq!((first.timestamp(), next - first), (1_799_971_200, TimeDelta::days(1)));
        let (instant, after) = range("2027-01-15T19:00:00Z").unwrap();
        assert_eq!(after - instant, TimeDelta::microseconds(1));
        assert_eq!(range("soon").unwrap_err().code(), Code::MalformedParameter);
    }

    #[test]
    fn what_can_not_be_kept_is_no_time() {
        for text in [
            "+262142-12-31T23:59:59",
            "-5000-01-01T00:00:00",
            "1969-12-31T23:59:59Z",
            "9999-12-31T23:59:59-01:00",
            "2026-12-31T23:59:60Z",
            "2026-12-31T23:59:60",
        ] {
            assert_eq!(instant(text), None, "{text}");
            assert_eq!(range(text).unwrap_err().code(), Code::MalformedParameter, "{text}");
        }
        for day in ["+262142-12-31", "-5000-01-01", "1969-12-31", "+10000-01-01"] {
            assert_eq!(range(day).unwrap_err().code(), Code::MalformedParameter, "{day}");
        }
        for day in ["1970-01-01", "9999-12-31", "9999-12-31T23:59:59.999999Z"] {
            assert!(range(day).is_ok(), "{day}");
        }
    }
}
