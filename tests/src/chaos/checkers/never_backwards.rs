//! Never backwards: what a client has seen of a link stays seen. Not ready, then ready, then used;
//! at whichever replica, never the other way.

use std::collections::HashMap;
use std::time::Duration;

use uuid::Uuid;

use crate::chaos::findings::Findings;
use crate::chaos::journal::{Action, Call};

/// How far a link is, as a check told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    NotReady,
    Ready,
    Gone,
}

/// What a check told, and when.
#[derive(Clone, Copy, Debug)]
struct Sight {
    stage: Stage,
    began: Duration,
    ended: Duration,
}

pub(super) fn check(findings: &Findings) -> Vec<String> {
    let mut sights: HashMap<Uuid, Vec<Sight>> = HashMap::new();
    for call in findings.calls.iter().filter(|call| call.action == Action::Check) {
        if let (Some(id), Some(sight)) = (call.about, sight(call)) {
            sights.entry(id).or_default().push(sight);
        }
    }
    sights.iter().flat_map(|(id, sights)| of_link(*id, sights)).collect()
}

fn sight(call: &Call) -> Option<Sight> {
    let reply = call.reply()?;
    let stage = match reply.status {
        200 if reply.link => Stage::Ready,
        200 => Stage::NotReady,
        410 => Stage::Gone,
        _ => return None,
    };
    Some(Sight { stage, began: call.began, ended: call.ended? })
}

/// A check that began after another had ended may not tell less than that one.
fn of_link(id: Uuid, sights: &[Sight]) -> Vec<String> {
    let mut wrong = Vec::new();
    for later in sights {
        let before = sights.iter().filter(|earlier| earlier.ended < later.began);
        if let Some(seen) = before.map(|earlier| earlier.stage).max()
            && later.stage < seen
        {
            wrong.push(format!("{id} was {seen:?} and then {:?}", later.stage));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::checkers::sample::{answered, call, link, sound};

    #[test]
    fn forwards_passes() {
        assert_eq!(check(&sound()), Vec::<String>::new());
    }

    #[test]
    fn backwards_is_found() {
        for reply in [answered(200), link()] {
            let mut findings = sound();
            findings.calls.push(call(9, Action::Check, None, reply));
            assert_eq!(check(&findings).len(), 1);
        }
    }

    #[test]
    fn of_two_checks_at_once_either_may_be_first() {
        let mut findings = sound();
        let last = findings.calls.last().expect("a check").clone();
        findings.calls.push(Call { began: Duration::ZERO, ..last });
        assert_eq!(check(&findings), Vec::<String>::new());
    }
}
