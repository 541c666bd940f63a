//! One holder, of people's time: nobody is engaged at two outings at a time. Liveness: in the end
//! hosts and guests are engaged just where the announcements say, whatever was moved or called off;
//! who is elsewhere is marked, and nothing waits for a time that is free.

use std::collections::BTreeMap;

use shared_events::{AccountId, EngagementsId};
use uuid::Uuid;

use super::history::{Span, end, span};
use crate::chaos::findings::Findings;

/// The outings of one person, each with its time.
type Times = BTreeMap<Uuid, Span>;

/// What somebody's events say.
#[derive(Default)]
struct Engagements {
    taken: Times,
    waiting: Times,
}

fn overlap(one: Span, other: Span) -> bool {
    one.0 < other.1 && other.0 < one.1
}

impl Engagements {
    /// What stands in the way of that outing at that time.
    fn in_the_way(&self, outing: Uuid, time: Span) -> Option<Uuid> {
        let others = self.taken.iter().filter(|(other, _)| **other != outing);
        others.filter(|(_, taken)| overlap(**taken, time)).map(|(other, _)| *other).next()
    }
}

/// Everybody's engagements in the end, and who was at two outings at a time.
fn engagements(findings: &Findings) -> (BTreeMap<Uuid, Engagements>, Vec<String>) {
    let mut all: BTreeMap<Uuid, Engagements> = BTreeMap::new();
    let mut wrong = Vec::new();
    for event in findings.outings.events.iter().filter(|event| event.aggregate == "engagements") {
        let (engaged, time) = (all.entry(event.stream).or_default(), span(event));
        let outing = event.outing.unwrap_or_default();
        engaged.taken.remove(&outing);
        engaged.waiting.remove(&outing);
        match event.kind.as_str() {
            "Engaged" => {
                if let Some(other) = engaged.in_the_way(outing, time) {
                    let who = event.stream;
                    wrong.push(format!("{who} is at {outing} and {other} at a time: {time:?}"));
                }
                engaged.taken.insert(outing, time);
            }
            "Deferred" => drop(engaged.waiting.insert(outing, time)),
            _ => {}
        }
    }
    (all, wrong)
}

pub(in super::super) fn one_place(findings: &Findings) -> Vec<String> {
    engagements(findings).1
}

pub(in super::super) fn liveness(findings: &Findings) -> Vec<String> {
    let (mut engaged, _) = engagements(findings);
    let mut wrong = Vec::new();
    for (who, engaged) in &engaged {
        for (outing, time) in &engaged.waiting {
            if engaged.in_the_way(*outing, *time).is_none() {
                wrong.push(format!("{outing} waits for {who}, who has time: {time:?}"));
            }
        }
    }
    for (id, outing) in end(findings).iter().filter(|(_, outing)| !outing.is_called_off) {
        let guests = outing.bookings.values().filter(|booking| booking.is_wanted());
        let guests = guests.map(|booking| (booking.guest, booking.clashes));
        for (who, clashes) in guests.chain([(outing.host, false)]) {
            let engaged = engaged.entry(EngagementsId::of(AccountId(who)).0).or_default();
            let (taken, waits) = (engaged.taken.remove(id), engaged.waiting.remove(id));
            let expected = Some(outing.span);
            let is_so = if clashes { waits == expected } else { taken == expected };
            if !is_so {
                let mark = if clashes { "elsewhere" } else { "there" };
                wrong.push(format!(
                    "{who} is {mark} for {id} at {expected:?}, has {taken:?} and waits {waits:?}"
                ));
            }
        }
    }
    // What is left belongs to nothing any more.
    for (who, engaged) in &engaged {
        for (outing, time) in engaged.taken.iter().chain(&engaged.waiting) {
            wrong.push(format!("{who} has {time:?} for {outing}, and nobody wants that"));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::super::sample::{event_mut, hour, sound, without};
    use super::*;

    #[test]
    fn a_sound_outing_passes() {
        assert_eq!(one_place(&sound()), Vec::<String>::new());
        assert_eq!(liveness(&sound()), Vec::<String>::new());
    }

    #[test]
    fn who_is_at_two_outings_at_a_time_is_found() {
        let mut findings = sound();
        let deferred = event_mut(&mut findings, "engagements", "Deferred");
        deferred.kind = "Engaged".to_owned();
        assert_eq!(one_place(&findings).len(), 1);
    }

    #[test]
    fn who_has_not_followed_is_found() {
        for lost in ["Engaged", "Deferred", "Released"] {
            assert!(!liveness(&without("engagements", lost)).is_empty(), "{lost}");
        }
        // Marked although there is time, and not marked although there is none.
        for (kind, other) in [("ClashFound", "Opened"), ("Moved", "Opened")] {
            let mut findings = sound();
            event_mut(&mut findings, "announcement", kind).kind = other.to_owned();
            assert!(!liveness(&findings).is_empty(), "{kind}");
        }
    }

    #[test]
    fn what_waits_for_a_time_that_is_free_is_found() {
        let mut findings = sound();
        let wait = event_mut(&mut findings, "engagements", "Deferred");
        (wait.starts_at, wait.ends_at) = (Some(hour(90)), Some(hour(92)));
        // It is not the time of the outing either.
        assert_eq!(liveness(&findings).len(), 2);
    }
}
