//! What becomes of a mail: decided from what the server said, what the person wants, and how old it
//! is. Not here: how it is recorded (`deliveries.rs`), and when it is tried (`mailer.rs`).

use chrono::{DateTime, TimeDelta, Utc};

use super::deliveries::{Candidate, STALE};
use super::smtp::NotHanded;
use crate::accounts::{Contact, DeliveryType};

/// The pause after the server has put a mail off; it doubles with each time up to the longest.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(30);
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);
/// Doublings after which every pause is the longest.
const MOST_DOUBLINGS: u32 = 10;
/// The pause of a mail that nobody has put off: the server was away, or it is not known yet whether
/// it is still to be sent.
const SHORT_PAUSE: TimeDelta = TimeDelta::seconds(2);

/// What became of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The server has it.
    Sent,
    /// The server knows no such address.
    Bounced(String),
    /// The server does not want it.
    Refused(String),
    /// It could not be sent as long as it made sense.
    Failed(String),
    /// Whether the server has it is not known.
    Unknown,
    /// It makes no sense any more.
    Late,
    /// It is not to be sent any more.
    Off(&'static str),
    /// The server has put it off: it is tried again then.
    Waiting(DateTime<Utc>, String),
    /// It did not come so far that the server could have said anything about it: it is tried again
    /// then, as if it had not been tried.
    Again(DateTime<Utc>, String),
}

impl Outcome {
    /// The state it leaves.
    pub(super) fn state(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Bounced(_) => "bounced",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
            Self::Unknown => "unknown",
            Self::Late => "late",
            Self::Off(_) => "off",
            Self::Waiting(..) | Self::Again(..) => "waiting",
        }
    }

    /// What it counts as; nothing if it was not tried.
    pub(super) fn counts_as(&self) -> Option<&'static str> {
        match self {
            Self::Waiting(..) => Some("put_off"),
            Self::Again(..) => None,
            _ => Some(self.state()),
        }
    }

    /// Why; a word or a reply's code.
    pub(super) fn reason(&self) -> Option<&str> {
        match self {
            Self::Bounced(why)
            | Self::Refused(why)
            | Self::Failed(why)
            | Self::Waiting(_, why)
            | Self::Again(_, why) => Some(why),
            Self::Off(why) => Some(why),
            Self::Sent | Self::Unknown | Self::Late => None,
        }
    }

    /// What it is after the server has not let it come so far.
    pub(super) fn not_handed(why: NotHanded, times: i32, age: Age) -> Self {
        match why {
            NotHanded::Away(reason) => Self::again(&reason, age.now),
            NotHanded::Later(reason) => Self::put_off(reason, times, age),
            NotHanded::NoSuchAddress(reason) => Self::Bounced(reason),
            NotHanded::Never(reason) => Self::Refused(reason),
        }
    }

    /// What it is after the server has put it off, as it has done so many times before.
    pub(super) fn put_off(reason: String, times: i32, age: Age) -> Self {
        let then = age.now + pause_after(times);
        if then >= age.end() { Self::Failed(reason) } else { Self::Waiting(then, reason) }
    }

    /// It is tried again soon.
    pub(super) fn again(reason: &str, now: DateTime<Utc>) -> Self {
        Self::Again(now + SHORT_PAUSE, reason.to_owned())
    }
}

/// How old a mail is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Age {
    pub(super) due_at: DateTime<Utc>,
    pub(super) now: DateTime<Utc>,
}

impl Age {
    /// From when on it is not sent.
    fn end(self) -> DateTime<Utc> {
        self.due_at + STALE
    }

    pub(super) fn is_over(self) -> bool {
        self.now >= self.end()
    }
}

/// Why a notice is not sent to somebody; `None` if it is.
pub(super) fn why_not(candidate: &Candidate, contact: &Contact) -> Option<&'static str> {
    if contact.address.is_none() {
        Some("no_address")
    } else if contact.delivery != DeliveryType::Email {
        Some("in_product")
    } else if candidate.switched_off {
        Some("switched_off")
    } else if candidate.stopped {
        Some("unsubscribed")
    } else if candidate.bounced {
        Some("bounced_before")
    } else {
        None
    }
}

fn pause_after(times: i32) -> TimeDelta {
    let doublings = times.unsigned_abs().min(MOST_DOUBLINGS);
    (FIRST_PAUSE * 2_i32.pow(doublings)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::accounts::Language;

    fn contact(address: Option<&str>, delivery: DeliveryType) -> Contact {
        Contact {
            name: "Ann".to_owned(),
            address: address.map(str::to_owned),
            delivery,
            language: Language::En,
            time_zone: "+00:00".parse().unwrap(),
        }
    }

    fn candidate(switched_off: bool, bounced: bool) -> Candidate {
        let id = Uuid::nil();
        Candidate { notice: id, person: id, bounced, switched_off, stopped: false }
    }

    fn aged(age: TimeDelta) -> Age {
        let due_at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        Age { due_at, now: due_at + age }
    }

    #[test]
    fn only_who_wants_a_mail_and_has_an_address_gets_one() {
        let ann = contact(Some("ann@example.com"), DeliveryType::Email);
        assert_eq!(why_not(&candidate(false, false), &ann), None);
        assert_eq!(why_not(&candidate(true, false), &ann), Some("switched_off"));
        assert_eq!(why_not(&candidate(false, true), &ann), Some("bounced_before"));
        let stopped = Candidate { stopped: true, ..candidate(false, false) };
        assert_eq!(why_not(&stopped, &ann), Some("unsubscribed"));
        let nowhere = contact(None, DeliveryType::Email);
        assert_eq!(why_not(&candidate(false, false), &nowhere), Some("no_address"));
        let inside = contact(Some("ann@example.com"), DeliveryType::InProduct);
        assert_eq!(why_not(&candidate(false, false), &inside), Some("in_product"));
    }

    #[test]
    fn what_is_put_off_is_tried_again_with_growing_pauses_as_long_as_it_is_sent() {
        let put_off = |times, age| {
            let why = NotHanded::Later("450".to_owned());
            Outcome::not_handed(why, times, aged(age))
        };
        let (none, code) = (TimeDelta::zero(), || "450".to_owned());
        let now = aged(none).now;
        assert_eq!(put_off(0, none), Outcome::Waiting(now + FIRST_PAUSE, code()));
        assert_eq!(put_off(1, none), Outcome::Waiting(now + FIRST_PAUSE * 2, code()));
        assert_eq!(put_off(1_000, none), Outcome::Waiting(now + LONGEST_PAUSE, code()));
        assert_eq!(put_off(1_000, STALE - LONGEST_PAUSE), Outcome::Failed(code()));
        assert!(!aged(STALE - FIRST_PAUSE).is_over() && aged(STALE).is_over());
    }

    #[test]
    fn an_outage_of_the_server_is_held_against_no_mail() {
        let why = NotHanded::Away("535".to_owned());
        let outcome = Outcome::not_handed(why, 0, aged(STALE - LONGEST_PAUSE));
        let Outcome::Again(then, _) = &outcome else { panic!("{outcome:?}") };
        assert!(*then > aged(STALE - LONGEST_PAUSE).now);
        assert_eq!((outcome.state(), outcome.counts_as()), ("waiting", None));
    }

    #[test]
    fn what_is_refused_for_good_is_not_tried_again() {
        let age = aged(TimeDelta::zero());
        let code = || "550".to_owned();
        let dead = Outcome::not_handed(NotHanded::NoSuchAddress(code()), 0, age);
        assert_eq!(dead, Outcome::Bounced(code()));
        let unwanted = Outcome::not_handed(NotHanded::Never(code()), 0, age);
        assert_eq!(unwanted, Outcome::Refused(code()));
    }
}
