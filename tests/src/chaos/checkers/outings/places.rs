//! One holder: an announcement has never more guests than places, at any of its events, and nobody
//! can apply just where no place is left.

use std::collections::BTreeSet;

use super::history::{Outing, end, play};
use crate::chaos::findings::Findings;

pub(in super::super) fn places(findings: &Findings) -> Vec<String> {
    let (mut wrong, mut told) = (Vec::new(), BTreeSet::new());
    play(findings, |event, outing, _| {
        let (taken, Outing { places, .. }) = (outing.taken(), outing);
        if taken > *places && told.insert(event.stream) {
            let (id, at) = (event.stream, event.sequence);
            wrong.push(format!("the outing {id} has {taken} guests for {places} places at {at}"));
        }
    });
    for (id, outing) in
        end(findings).iter().filter(|(_, outing)| outing.is_open && !outing.is_called_off)
    {
        let (taken, Outing { places, is_closed, .. }) = (outing.taken(), outing);
        if *is_closed != (taken >= *places) {
            let closed = if *is_closed { "closed" } else { "open" };
            wrong
                .push(format!("the outing {id} is {closed} with {taken} of {places} places taken"));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::super::sample::{OUTING, booking, of, of_booking, push, sound, without};
    use super::*;
    use crate::chaos::findings::outings::OutingsEvent;

    #[test]
    fn a_sound_outing_passes() {
        assert_eq!(places(&sound()), Vec::<String>::new());
    }

    #[test]
    fn a_guest_too_many_is_found() {
        let mut findings = sound();
        push(&mut findings, of_booking("Accepted", booking(2)));
        assert_eq!(places(&findings).len(), 1);
        let mut fewer = sound();
        let change = of("announcement", OUTING, "PlacesChanged");
        push(&mut fewer, OutingsEvent { places: Some(1), ..change });
        assert_eq!(places(&fewer).len(), 1);
    }

    #[test]
    fn a_guest_too_many_for_a_moment_is_found_although_the_end_is_right() {
        // Another was accepted for who withdrew, and declined when that one came back.
        for said in ["Withdrawn", "Declined"] {
            assert_eq!(places(&without("announcement", said)).len(), 1, "{said}");
        }
    }

    #[test]
    fn a_door_that_is_wrong_is_found() {
        let mut findings = sound();
        let last = findings.outings.events.iter().rposition(|event| event.kind == "Closed");
        findings.outings.events.remove(last.expect("one"));
        assert_eq!(places(&findings).len(), 1);
    }
}
