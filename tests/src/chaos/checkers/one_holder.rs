//! One holder: a link is used once. Of all who tried with keys of their own at most one was let in,
//! and exactly one where nobody's outcome is unknown; after the use nobody is given the link.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use uuid::Uuid;

use crate::chaos::findings::Findings;
use crate::chaos::journal::{Action, Call};

pub(super) fn check(findings: &Findings) -> Vec<String> {
    let mut by_link: HashMap<Uuid, Vec<&Call>> = HashMap::new();
    for call in &findings.calls {
        if let Some(id) = call.about {
            by_link.entry(id).or_default().push(call);
        }
    }
    let mut wrong: Vec<String> =
        by_link.iter().flat_map(|(id, calls)| of_link(*id, calls)).collect();
    let mut uses: HashMap<Uuid, usize> = HashMap::new();
    for event in findings.events.iter().filter(|event| event.kind == "TicketBought") {
        *uses.entry(event.request).or_default() += 1;
    }
    for (id, count) in uses.into_iter().filter(|(_, count)| *count > 1) {
        wrong.push(format!("the link of {id} was used {count} times"));
    }
    wrong
}

fn of_link(id: Uuid, calls: &[&Call]) -> Vec<String> {
    let uses = || calls.iter().filter(|call| call.action == Action::Buy);
    // A call without a key stands for itself.
    let holder = |call: &Call| call.key.unwrap_or(Uuid::from_u128(call.number as u128));
    let holders: HashSet<Uuid> =
        uses().filter(|call| call.was_answered(200)).map(|call| holder(call)).collect();
    let mut wrong = Vec::new();
    if holders.len() > 1 {
        wrong.push(format!("{} holders of the link of {id}", holders.len()));
    }
    let refused =
        uses().any(|call| call.reply().is_some_and(|reply| is_used(reply.code.as_deref())));
    if refused && holders.is_empty() {
        wrong.push(format!("the link of {id} is used, and nobody was let in"));
    }
    let used_at: Option<Duration> =
        uses().filter(|call| call.was_answered(200)).filter_map(|call| call.ended).min();
    let given = calls.iter().filter(|call| call.reply().is_some_and(|reply| reply.link));
    for call in given.filter(|call| used_at.is_some_and(|used| call.began > used)) {
        wrong.push(format!("call {} was given the link of {id} after its use", call.number));
    }
    wrong
}

fn is_used(code: Option<&str>) -> bool {
    code == Some("link_used")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::checkers::sample::{answered, call, link, sound};

    #[test]
    fn one_use_passes_however_often_its_answer_is_repeated() {
        assert_eq!(check(&sound()), Vec::<String>::new());
        let mut repeated = sound();
        repeated.calls.push(call(9, Action::Buy, Some(2), answered(200)));
        assert_eq!(check(&repeated), Vec::<String>::new());
    }

    #[test]
    fn two_holders_are_found() {
        let mut findings = sound();
        findings.calls.push(call(9, Action::Buy, Some(4), answered(200)));
        assert_eq!(check(&findings).len(), 1);
        let mut findings = sound();
        findings.events.push(findings.events[3].clone());
        assert_eq!(check(&findings).len(), 1);
    }

    #[test]
    fn a_used_link_without_a_holder_is_found() {
        let mut findings = sound();
        findings.calls.retain(|call| call.action != Action::Buy || !call.was_answered(200));
        assert_eq!(check(&findings).len(), 1);
    }

    #[test]
    fn a_used_link_that_is_given_out_is_found() {
        let mut findings = sound();
        findings.calls.push(call(9, Action::Check, None, link()));
        assert_eq!(check(&findings).len(), 1);
    }
}
