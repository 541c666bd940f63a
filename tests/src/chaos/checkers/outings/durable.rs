//! Acknowledged is durable: whoever was told yes has it in the history, just once, whatever is
//! there was somebody's wish who was told of it, and what host and guest said last holds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use uuid::Uuid;

use super::history::end;
use crate::chaos::findings::Findings;
use crate::chaos::findings::outings::OutingsEvent;
use crate::chaos::journal::{Action, Call};

/// What a call is about and what it made, or the same of an event.
type Subject = (Option<Uuid>, Option<Uuid>);

/// What was acknowledged with a key is in the history once.
struct Promise {
    action: Action,
    kinds: &'static [&'static str],
    of_call: fn(&Call) -> Subject,
    of_event: fn(&OutingsEvent) -> Subject,
}

const ONCE: [Promise; 5] = [
    Promise {
        action: Action::Announce,
        kinds: &["Announced"],
        of_call: made,
        of_event: |event| (None, Some(event.stream)),
    },
    Promise {
        action: Action::Apply,
        kinds: &["Applied"],
        of_call: made,
        of_event: |event| (Some(event.stream), event.booking),
    },
    Promise {
        action: Action::Change,
        kinds: &["Moved", "PlacesChanged"],
        of_call: about,
        of_event: |event| (Some(event.stream), None),
    },
    Promise {
        action: Action::CallOff,
        kinds: &["Cancelled"],
        of_call: about,
        of_event: |event| (Some(event.stream), None),
    },
    Promise { action: Action::Leave, kinds: &["Removed"], of_call: about, of_event: of_booking },
];

/// Whoever says again what they have said is told yes, and nothing happens.
const AT_LEAST_ONCE: [(Action, &str); 4] = [
    (Action::Accept, "Accepted"),
    (Action::Decline, "Declined"),
    (Action::Withdraw, "Withdrawn"),
    (Action::Confirm, "Confirmed"),
];

fn made(call: &Call) -> Subject {
    (call.about, call.reply().and_then(|reply| reply.made))
}

fn about(call: &Call) -> Subject {
    (call.about, None)
}

fn of_booking(event: &OutingsEvent) -> Subject {
    (event.booking, None)
}

pub(in super::super) fn durable(findings: &Findings) -> Vec<String> {
    let mut wrong = Vec::new();
    for Promise { action, kinds, of_call, of_event } in ONCE {
        let (told, there) = (keys(findings, action, of_call), events(findings, kinds, of_event));
        let all: BTreeSet<&Subject> = told.keys().chain(there.keys()).collect();
        for subject in all {
            let [told, there] = [&told, &there].map(|counts| counts.get(subject).unwrap_or(&0));
            if told != there {
                wrong.push(format!(
                    "{action:?} of {subject:?} was acknowledged {told} times and is there {there} times"
                ));
            }
        }
    }
    for (action, kind) in AT_LEAST_ONCE {
        let (told, there) = (keys(findings, action, about), events(findings, &[kind], of_booking));
        let most = |subject: &Subject| told.get(subject).copied().unwrap_or_default();
        let said = there.iter().filter(|(subject, count)| **count > most(subject));
        wrong.extend(said.map(|(subject, count)| format!("{subject:?} is {kind} {count} times")));
        let lost = told.keys().filter(|subject| !there.contains_key(subject));
        wrong
            .extend(lost.map(|subject| format!("{action:?} of {subject:?} is not in the history")));
    }
    wrong.extend(last_said(findings));
    wrong
}

/// With how many keys each was acknowledged.
fn keys(findings: &Findings, action: Action, of: fn(&Call) -> Subject) -> BTreeMap<Subject, usize> {
    let mut keys: BTreeMap<Subject, BTreeSet<Option<Uuid>>> = BTreeMap::new();
    for call in findings.calls.iter().filter(|one| one.action == action && one.was_answered(200)) {
        keys.entry(of(call)).or_default().insert(call.key);
    }
    keys.into_iter().map(|(subject, keys)| (subject, keys.len())).collect()
}

/// How many events of these types each has.
fn events(
    findings: &Findings,
    kinds: &[&str],
    of: fn(&OutingsEvent) -> Subject,
) -> BTreeMap<Subject, usize> {
    let mut counts = BTreeMap::new();
    for event in findings.outings.events.iter().filter(|one| kinds.contains(&one.kind.as_str())) {
        *counts.entry(of(event)).or_default() += 1;
    }
    counts
}

/// Something that was said with one key: from when on, until when it surely was, and what.
#[derive(Clone, Copy, Debug)]
struct Said {
    from: Duration,
    until: Duration,
    yes: bool,
}

/// What a side of a booking has said last, all else being over before, is what it says in the end.
fn last_said(findings: &Findings) -> Vec<String> {
    let mut wrong = Vec::new();
    let bookings = end(findings).into_values().flat_map(|outing| outing.bookings);
    for (id, booking) in bookings {
        for (side, [yes, no], holds) in [
            ("host", [Action::Accept, Action::Decline], booking.host_says == Some(true)),
            ("guest", [Action::Confirm, Action::Withdraw], booking.guest_says),
        ] {
            let mut all = said(findings, id, yes, true);
            all.extend(said(findings, id, no, false));
            let Some(last) = all.iter().max_by_key(|one| one.from) else { continue };
            let others = all.iter().filter(|other| other.yes != last.yes);
            let is_last = others.map(|other| other.until).all(|until| until < last.from);
            if is_last && holds != last.yes {
                wrong.push(format!("the {side} of {id} has said {last:?}, which does not hold"));
            }
        }
    }
    wrong
}

fn said(findings: &Findings, booking: Uuid, action: Action, yes: bool) -> Vec<Said> {
    let calls = findings.calls.iter();
    let calls = calls.filter(|call| call.action == action && call.about == Some(booking));
    let mut by_key: BTreeMap<Option<Uuid>, Vec<&Call>> = BTreeMap::new();
    calls.for_each(|call| by_key.entry(call.key).or_default().push(call));
    let one = |calls: Vec<&Call>| {
        let from = calls.iter().map(|call| call.began).min()?;
        let heard = calls.iter().filter(|call| call.was_answered(200));
        Some(Said { from, until: heard.filter_map(|call| call.ended).min()?, yes })
    };
    by_key.into_values().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample::{booking, push, sound, without};
    use super::*;

    #[test]
    fn a_sound_outing_passes() {
        assert_eq!(durable(&sound()), Vec::<String>::new());
    }

    #[test]
    fn what_was_acknowledged_and_is_gone_is_found() {
        for lost in [
            "Announced",
            "Moved",
            "Cancelled",
            "Applied",
            "Accepted",
            "Declined",
            "Withdrawn",
            "Confirmed",
            "Removed",
        ] {
            assert!(!durable(&without("announcement", lost)).is_empty(), "{lost}");
        }
    }

    #[test]
    fn what_is_there_twice_is_found() {
        let kinds = ["Announced", "Moved", "Cancelled", "Applied", "Accepted", "Removed"];
        for kind in kinds {
            let mut findings = sound();
            let events = &findings.outings.events;
            let again = events.iter().find(|event| event.kind == kind).expect("one").clone();
            push(&mut findings, again);
            assert!(!durable(&findings).is_empty(), "{kind}");
        }
    }

    #[test]
    fn what_nobody_was_told_of_is_found() {
        for silent in [
            Action::Announce,
            Action::Change,
            Action::CallOff,
            Action::Apply,
            Action::Accept,
            Action::Decline,
            Action::Withdraw,
            Action::Confirm,
            Action::Leave,
        ] {
            let mut findings = sound();
            findings.calls.retain(|call| call.action != silent);
            assert!(!durable(&findings).is_empty(), "{silent:?}");
        }
    }

    #[test]
    fn what_was_said_last_and_does_not_hold_is_found() {
        for (action, number) in [(Action::Withdraw, 3), (Action::Accept, 2)] {
            let mut findings = sound();
            let is = |call: &&Call| call.action == action && call.about == Some(booking(number));
            let yes = findings.calls.iter().filter(is).find(|call| call.was_answered(200));
            let key = yes.expect("said").key;
            let much = Duration::from_secs(1_000);
            for call in findings.calls.iter_mut().filter(|call| call.key == key) {
                (call.began, call.ended) = (call.began + much, call.ended.map(|at| at + much));
            }
            assert_eq!(durable(&findings).len(), 1, "{action:?}");
            // While something else is said too, either may be the last.
            for call in findings.calls.iter_mut().filter(|call| call.about == Some(booking(number)))
            {
                call.ended = Some(2 * much);
            }
            assert_eq!(durable(&findings), Vec::<String>::new(), "{action:?}");
        }
    }
}
