//! The decision: when a link opens and closes. Pure: no clock, no random, no I/O; time comes from
//! the request's event, so a late or repeated message gets the same answer. Not here: tokens and
//! messages (`answer.rs`).

use chrono::{DateTime, Days, MappedLocalTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use shared_events::{Outcome, Tier};

use crate::phrase::Phrase;
use crate::rule_set::RuleSet;

/// The finest step in which zones have ever shifted.
const SECOND: TimeDelta = TimeDelta::seconds(1);
/// No zone has ever been moved by more than a day at once.
const LARGEST_SHIFT: TimeDelta = TimeDelta::hours(25);

/// What the rules say about one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// The rule's phrase in its canonical spelling.
    pub rule: String,
    /// The version of the rule set that held it.
    pub rule_set_version: String,
    /// What it decided. `opens_at` is never before the request, `closes_at` always after
    /// `opens_at`.
    pub outcome: Outcome,
}

/// Applies the rule of `tier` to a request made at `requested_at`.
///
/// Total and deterministic. A moment that lies beyond the calendar (more than 260,000 years away)
/// is refused.
pub fn evaluate(rules: &RuleSet, tier: Tier, requested_at: DateTime<Utc>) -> Evaluation {
    let rule = rules.rule(tier);
    let opens_at = match rule.opens {
        Phrase::Instant => Some(requested_at),
        Phrase::After(span) => requested_at.checked_add_signed(span.as_delta()),
        Phrase::NextDay(zone) => start_of_next_day(zone, requested_at),
        Phrase::At(moment) => Some(moment.max(requested_at)),
        Phrase::Never => None,
    };
    let times = opens_at.and_then(|opens_at| {
        let closes_at = opens_at.checked_add_signed(rule.stays_open.as_delta())?;
        Some((opens_at, closes_at))
    });
    let outcome = match (times, rule.opens) {
        (Some((opens_at, closes_at)), _) => Outcome::Opens { opens_at, closes_at },
        (None, Phrase::Never) => {
            Outcome::Refused { refused: format!("no links are given to the {tier} tier") }
        }
        (None, _) => {
            Outcome::Refused { refused: "the link would open beyond the calendar".to_owned() }
        }
    };
    Evaluation {
        rule: rule.opens.to_string(),
        rule_set_version: rules.version().to_owned(),
        outcome,
    }
}

/// When the day after that of `requested_at` begins in `zone`, for good.
///
/// A request at exactly 00:00:00 waits for the next midnight. Where clocks skip midnight the day
/// begins with the first moment after the gap; where they fall back over midnight, with the
/// midnight after which the old day does not return. `None` if that lies beyond the calendar.
fn start_of_next_day(zone: Tz, requested_at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    // Conversions near the calendar's end panic inside chrono: keep a distance no zone can bridge.
    requested_at.checked_add_signed(LARGEST_SHIFT * 4)?;
    requested_at.checked_sub_signed(LARGEST_SHIFT * 4)?;
    let day = requested_at.with_timezone(&zone).date_naive().checked_add_days(Days::new(1))?;
    let midnight = day.and_time(NaiveTime::MIN);
    let begins = match zone.from_local_datetime(&midnight) {
        MappedLocalTime::Single(moment) => moment.to_utc(),
        MappedLocalTime::Ambiguous(first, second) => {
            let before_second = (second - SECOND).date_naive();
            if before_second < day { second.to_utc() } else { first.to_utc() }
        }
        MappedLocalTime::None => {
            // Midnight read as UTC is off by the zone's offset at most, and the gap lies within
            // that.
            let about = midnight.and_utc();
            let reached = |moment: DateTime<Utc>| moment.with_timezone(&zone).date_naive() >= day;
            earliest(about - LARGEST_SHIFT, about + LARGEST_SHIFT, reached)
        }
    };
    Some(begins)
}

/// The first whole second after `before` at which `reached` holds, which it does from then on and
/// at `after`.
fn earliest(
    mut before: DateTime<Utc>,
    mut after: DateTime<Utc>,
    reached: impl Fn(DateTime<Utc>) -> bool,
) -> DateTime<Utc> {
    while after - before > SECOND {
        let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
        if reached(middle) {
            after = middle;
        } else {
            before = middle;
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rule_set::DEFAULT_RULES;
    use proptest::prelude::*;

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).expect("a time").to_utc()
    }

    fn rules(default: &str) -> RuleSet {
        let json = format!(
            r#"{{"premium": "instant", "standard": "10 minutes", "default": "{default}"}}"#
        );
        RuleSet::parse("rules.json", &json).expect("rules")
    }

    fn times(
        rules: &RuleSet,
        tier: Tier,
        requested_at: DateTime<Utc>,
    ) -> (DateTime<Utc>, DateTime<Utc>) {
        match evaluate(rules, tier, requested_at).outcome {
            Outcome::Opens { opens_at, closes_at } => (opens_at, closes_at),
            Outcome::Refused { refused } => panic!("refused: {refused}"),
        }
    }

    fn opens(default: &str, requested_at: &str) -> DateTime<Utc> {
        times(&rules(default), Tier::Default, at(requested_at)).0
    }

    #[test]
    fn each_tier_opens_and_closes_as_the_table_says() {
        let rules = RuleSet::parse("rules.json", DEFAULT_RULES).expect("rules");
        let asked = at("2026-11-21T09:30:00.123456Z");
        for (tier, opens_at, closes_at) in [
            (Tier::Premium, "2026-11-21T09:30:00.123456Z", "2026-11-21T10:30:00.123456Z"),
            (Tier::Standard, "2026-11-21T09:40:00.123456Z", "2026-11-21T10:40:00.123456Z"),
            (Tier::Default, "2026-11-22T00:00:00Z", "2026-11-22T02:00:00Z"),
        ] {
            assert_eq!(times(&rules, tier, asked), (at(opens_at), at(closes_at)), "{tier}");
        }
    }

    #[test]
    fn a_decision_records_the_rule_and_its_version() {
        let rules = RuleSet::parse("rules.json", DEFAULT_RULES).expect("rules");
        let decided = evaluate(&rules, Tier::Standard, at("2026-11-21T09:30:00Z"));
        assert_eq!(decided.rule, "10 minutes");
        assert_eq!(decided.rule_set_version, rules.version());
    }

    #[test]
    fn a_request_at_midnight_waits_until_the_next_one() {
        let phrase = "start of the next day";
        assert_eq!(opens(phrase, "2026-11-21T00:00:00Z"), at("2026-11-22T00:00:00Z"));
        assert_eq!(opens(phrase, "2026-11-20T23:59:59.999999Z"), at("2026-11-21T00:00:00Z"));
    }

    #[test]
    fn midnight_is_that_of_utc_unless_a_zone_is_named() {
        let (utc, berlin) = ("start of the next day", "start of the next day in Europe/Berlin");
        let asked = "2026-11-21T23:30:00Z";
        assert_eq!(opens(utc, asked), at("2026-11-22T00:00:00Z"));
        assert_eq!(opens(berlin, asked), at("2026-11-22T23:00:00Z"));
    }

    #[test]
    fn leap_days_and_new_year_are_days_like_others() {
        let phrase = "start of the next day";
        assert_eq!(opens(phrase, "2028-02-28T12:00:00Z"), at("2028-02-29T00:00:00Z"));
        assert_eq!(opens(phrase, "2028-02-29T12:00:00Z"), at("2028-03-01T00:00:00Z"));
        assert_eq!(opens(phrase, "2027-02-28T12:00:00Z"), at("2027-03-01T00:00:00Z"));
        assert_eq!(opens(phrase, "2026-12-31T23:00:00Z"), at("2027-01-01T00:00:00Z"));
    }

    #[test]
    fn where_clocks_skip_midnight_the_day_begins_after_the_gap() {
        // Brazil went from 00:00 to 01:00 on 4 November 2018.
        let sao_paulo = "start of the next day in America/Sao_Paulo";
        assert_eq!(opens(sao_paulo, "2018-11-03T20:00:00-03:00"), at("2018-11-04T01:00:00-02:00"));
        // Samoa had no 30 December 2011.
        let apia = "start of the next day in Pacific/Apia";
        assert_eq!(opens(apia, "2011-12-29T20:00:00-10:00"), at("2011-12-31T00:00:00+14:00"));
        // Toronto went from 23:30 to 00:30 on 30 March 1919, so the 31st began half an hour late.
        let toronto = "start of the next day in America/Toronto";
        assert_eq!(opens(toronto, "1919-03-30T20:00:00-05:00"), at("1919-03-31T00:30:00-04:00"));
    }

    #[test]
    fn where_clocks_fall_back_over_midnight_the_old_day_has_to_be_over_for_good() {
        // Newfoundland went from 00:01 on Sunday back to 23:01 on Saturday, 7 November 2010.
        let newfoundland = "start of the next day in America/St_Johns";
        let sunday = at("2010-11-07T00:00:00-03:30");
        assert_eq!(opens(newfoundland, "2010-11-06T20:00:00-02:30"), sunday);
        assert_eq!(opens(newfoundland, "2010-11-06T23:30:00-03:30"), sunday);
        // Cuba went from 01:00 back to 00:00 of the same day, 1 November 2026: the day begins with
        // the first.
        let havana = "start of the next day in America/Havana";
        assert_eq!(opens(havana, "2026-10-31T20:00:00-04:00"), at("2026-11-01T00:00:00-04:00"));
    }

    #[test]
    fn a_moment_in_the_past_opens_with_the_request() {
        let phrase = "at 2026-12-24T18:00:00+01:00";
        assert_eq!(opens(phrase, "2026-11-21T09:30:00Z"), at("2026-12-24T17:00:00Z"));
        assert_eq!(opens(phrase, "2026-12-25T09:30:00Z"), at("2026-12-25T09:30:00Z"));
    }

    #[test]
    fn never_is_refused_with_a_reason() {
        let decided = evaluate(&rules("never"), Tier::Default, at("2026-11-21T09:30:00Z"));
        let refused = "no links are given to the default tier".to_owned();
        assert_eq!(decided.outcome, Outcome::Refused { refused });
        assert_eq!(decided.rule, "never");
    }

    #[test]
    fn the_ends_of_the_calendar_are_refused_not_survived_by_luck() {
        for phrase in ["instant", "10 minutes", "start of the next day in Pacific/Apia"] {
            let end = evaluate(&rules(phrase), Tier::Default, DateTime::<Utc>::MAX_UTC);
            assert!(matches!(end.outcome, Outcome::Refused { .. }), "{phrase}");
        }
        let zone = rules("start of the next day in America/Havana");
        let begin = evaluate(&zone, Tier::Default, DateTime::<Utc>::MIN_UTC);
        assert!(matches!(begin.outcome, Outcome::Refused { .. }));
    }

    /// Any moment from 1900 to 2100, to the microsecond.
    fn moments() -> impl Strategy<Value = DateTime<Utc>> {
        let (from, to) = (at("1900-01-01T00:00:00Z"), at("2100-01-01T00:00:00Z"));
        (from.timestamp_micros()..to.timestamp_micros())
            .prop_map(|micros| DateTime::from_timestamp_micros(micros).expect("in range"))
    }

    proptest! {
        #[test]
        fn a_link_never_opens_early_and_always_closes_later(
            asked in moments(),
            tier in prop::sample::select(Tier::ALL.to_vec()),
        ) {
            let rules = RuleSet::parse("rules.json", DEFAULT_RULES).expect("rules");
            let (opens_at, closes_at) = times(&rules, tier, asked);
            prop_assert!(opens_at >= asked && closes_at > opens_at);
            prop_assert_eq!(evaluate(&rules, tier, asked), evaluate(&rules, tier, asked));
        }

        #[test]
        fn the_next_day_begins_exactly_once_in_every_zone(
            asked in moments(),
            zone in prop::sample::select(chrono_tz::TZ_VARIANTS.to_vec()),
        ) {
            let begins = start_of_next_day(zone, asked).expect("within the calendar");
            let day_of = |moment: DateTime<Utc>| moment.with_timezone(&zone).date_naive();
            prop_assert!(begins > asked);
            prop_assert!(day_of(begins) > day_of(asked));
            prop_assert!(day_of(begins - SECOND) <= day_of(asked), "not a second late");
            for minutes in (0..180).step_by(5) {
                let later = begins + TimeDelta::minutes(minutes);
                prop_assert!(day_of(later) >= day_of(begins), "the old day returned");
            }
        }
    }
}
