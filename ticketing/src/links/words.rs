//! Times in words, for people who wait.

use chrono::{DateTime, TimeDelta, Utc};
use shared_events::{LinkRequestEvent, Outcome};

/// A duration as people say it, the two largest units of it: `9 min 30 s`, `2 h 5 min`, `1 d 3 h`.
/// Rounded up to seconds, so nobody who waits that long is early.
pub fn duration(duration: TimeDelta) -> String {
    let mut seconds = duration.num_seconds();
    if duration > TimeDelta::seconds(seconds) {
        seconds += 1;
    }
    let seconds = seconds.max(0);
    let units = [("d", seconds / 86_400), ("h", seconds / 3_600 % 24), ("min", seconds / 60 % 60)];
    let units = units.into_iter().chain([("s", seconds % 60)]);
    let told: Vec<_> = units
        .skip_while(|(_, amount)| *amount == 0)
        .take(2)
        .filter(|(_, amount)| *amount > 0)
        .map(|(unit, amount)| format!("{amount} {unit}"))
        .collect();
    if told.is_empty() { "0 s".to_owned() } else { told.join(" ") }
}

/// What an event means at this moment.
pub fn meaning(event: &LinkRequestEvent, now: DateTime<Utc>) -> String {
    match event {
        LinkRequestEvent::Requested { requested_at, tier, .. } => {
            format!("asked for {} ago as {tier}", duration(now - *requested_at))
        }
        LinkRequestEvent::RuleEvaluated { outcome: Outcome::Refused { refused }, .. } => {
            format!("there will be no link: {refused}")
        }
        LinkRequestEvent::RuleEvaluated {
            outcome: Outcome::Opens { opens_at, closes_at }, ..
        } => {
            if now < *opens_at {
                format!("opens in {}", duration(*opens_at - now))
            } else if now < *closes_at {
                format!("open, closes in {}", duration(*closes_at - now))
            } else {
                format!("closed {} ago", duration(now - *closes_at))
            }
        }
        LinkRequestEvent::LinkIssued { .. } => "the link exists and works once".to_owned(),
        LinkRequestEvent::TicketBought { bought_at, .. } => {
            format!("used {} ago, for good", duration(now - *bought_at))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_told_in_its_two_largest_units() {
        for (seconds, words) in [
            (0, "0 s"),
            (1, "1 s"),
            (60, "1 min"),
            (570, "9 min 30 s"),
            (3_600, "1 h"),
            (3_601, "1 h"),
            (7_500, "2 h 5 min"),
            (97_200, "1 d 3 h"),
        ] {
            assert_eq!(duration(TimeDelta::seconds(seconds)), words);
        }
    }

    #[test]
    fn a_started_second_counts() {
        assert_eq!(duration(TimeDelta::milliseconds(1)), "1 s");
        assert_eq!(duration(TimeDelta::milliseconds(-5)), "0 s");
    }

    #[test]
    fn a_verdict_is_told_as_what_it_means_now() {
        let opens_at = DateTime::UNIX_EPOCH + TimeDelta::minutes(10);
        let closes_at = opens_at + TimeDelta::hours(1);
        let event = LinkRequestEvent::RuleEvaluated {
            rule: "10 minutes".into(),
            rule_set_version: "v1".into(),
            outcome: Outcome::Opens { opens_at, closes_at },
        };
        let at = |seconds| meaning(&event, DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds));
        assert_eq!(at(30), "opens in 9 min 30 s");
        assert_eq!(at(600), "open, closes in 1 h");
        assert_eq!(at(4_260), "closed 1 min ago");
    }
}
