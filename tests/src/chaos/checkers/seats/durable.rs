//! Acknowledged is durable: whoever was told yes has it in the history, and whatever is held,
//! given up, bought or given back was somebody's wish, who was told of it.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{kinds, streams};
use crate::chaos::findings::Findings;
use crate::chaos::journal::{Action, Call};

/// A ticket that is held until then.
type Until = (Uuid, DateTime<Utc>);

pub(in super::super) fn durable(findings: &Findings) -> Vec<String> {
    let mut wrong = holds(findings);
    wrong.extend(given_up(findings));
    wrong.extend(purchases(findings));
    wrong
}

fn acknowledged(findings: &Findings, action: Action) -> impl Iterator<Item = &Call> {
    let is = move |call: &&Call| call.action == action && call.was_answered(200);
    findings.calls.iter().filter(is)
}

fn holds(findings: &Findings) -> Vec<String> {
    let held = kinds(findings, "seat", "Held");
    let held: HashMap<Until, Option<Uuid>> =
        held.filter_map(|event| Some(((event.stream, event.until?), event.hold))).collect();
    let mut told: HashSet<Until> = HashSet::new();
    let mut wrong = Vec::new();
    for call in acknowledged(findings, Action::Reserve) {
        let Some(reply) = call.reply() else { continue };
        // Whoever reserves a single ticket has named it, and is not told of the hold.
        let tickets = match reply.tickets.as_slice() {
            [] => call.about.as_slice(),
            tickets => tickets,
        };
        let Some(until) = reply.until.filter(|_| !tickets.is_empty()) else {
            wrong.push(format!("call {} was told yes, but not of what until when", call.number));
            continue;
        };
        for &ticket in tickets {
            told.insert((ticket, until));
            let hold = held.get(&(ticket, until));
            if hold.is_none_or(|hold| reply.made.is_some() && *hold != reply.made) {
                wrong.push(format!(
                    "call {} was acknowledged, {ticket} is not held until {until}",
                    call.number
                ));
            }
        }
    }
    for (ticket, until) in held.keys().filter(|held| !told.contains(held)) {
        wrong.push(format!("nobody was told that {ticket} is held until {until}"));
    }
    wrong
}

/// A hold ends before its time if its holder says so, once for each who was told yes.
fn given_up(findings: &Findings) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut told: BTreeMap<Uuid, HashSet<Option<Uuid>>> = BTreeMap::new();
    for call in acknowledged(findings, Action::GiveUp) {
        told.entry(call.about.unwrap_or_default()).or_default().insert(call.key);
    }
    let mut early: BTreeMap<Uuid, usize> = BTreeMap::new();
    for (id, events) in streams(findings, "seat") {
        let pairs = events.iter().zip(events.iter().skip(1));
        let is_early = pairs.filter(|(held, after)| {
            after.kind == "Released" && held.until.is_some_and(|until| after.recorded_at < until)
        });
        early.insert(id, is_early.count());
    }
    for id in early.keys().chain(told.keys()).collect::<std::collections::BTreeSet<_>>() {
        let told = told.get(id).map_or(0, HashSet::len);
        let early = early.get(id).copied().unwrap_or_default();
        if told != early {
            wrong.push(format!("{id} was given up {told} times, and released early {early} times"));
        }
    }
    wrong
}

fn purchases(findings: &Findings) -> Vec<String> {
    let mut wrong = Vec::new();
    let made: HashSet<Uuid> = kinds(findings, "purchase", "Made").map(|made| made.stream).collect();
    let sold: HashSet<(Uuid, Option<Uuid>)> =
        kinds(findings, "seat", "Sold").map(|sold| (sold.stream, sold.purchase)).collect();
    let back: HashSet<Uuid> =
        kinds(findings, "purchase", "Refunded").map(|back| back.stream).collect();
    let (mut told, mut told_back) = (HashSet::new(), HashSet::new());
    for call in acknowledged(findings, Action::Purchase) {
        let purchase = call.reply().and_then(|reply| reply.made).unwrap_or_default();
        told.insert(purchase);
        let tickets = call.reply().map_or([].as_slice(), |reply| &reply.tickets);
        let all = tickets.iter().all(|ticket| sold.contains(&(*ticket, Some(purchase))));
        if !made.contains(&purchase) || !all || tickets.is_empty() {
            let number = call.number;
            wrong.push(format!("call {number} was acknowledged, {purchase} has not its seats"));
        }
    }
    for call in acknowledged(findings, Action::Refund) {
        let purchase = call.about.unwrap_or_default();
        told_back.insert(purchase);
        if !back.contains(&purchase) {
            wrong.push(format!("call {} was acknowledged, {purchase} is not back", call.number));
        }
    }
    let untold = made.difference(&told).map(|id| format!("nobody was told of the purchase {id}"));
    let untold = untold.chain(
        back.difference(&told_back).map(|id| format!("nobody was told that {id} was given back")),
    );
    wrong.extend(untold);
    wrong
}

#[cfg(test)]
mod tests {
    use super::super::sample::{called, purchase, sound, without};
    use super::*;

    #[test]
    fn a_sound_sale_passes() {
        assert_eq!(durable(&sound()), Vec::<String>::new());
    }

    #[test]
    fn what_was_acknowledged_and_is_gone_is_found() {
        for (aggregate, lost) in [
            ("seat", "Held"),
            ("seat", "Released"),
            ("seat", "Sold"),
            ("purchase", "Made"),
            ("purchase", "Refunded"),
        ] {
            assert!(!durable(&without(aggregate, lost)).is_empty(), "{lost}");
        }
        let mut other_hold = sound();
        other_hold.venues_events.iter_mut().for_each(|event| event.hold = Some(Uuid::nil()));
        assert!(!durable(&other_hold).is_empty());
    }

    #[test]
    fn what_nobody_was_told_of_is_found() {
        for silent in [Action::Reserve, Action::GiveUp, Action::Purchase, Action::Refund] {
            let mut findings = sound();
            findings.calls.retain(|call| call.action != silent);
            assert!(!durable(&findings).is_empty(), "{silent:?}");
        }
    }

    #[test]
    fn a_yes_that_says_nothing_is_found() {
        let mut findings = sound();
        findings.calls.push(called(Action::Reserve, 9, purchase(1), Default::default()));
        assert_eq!(durable(&findings).len(), 1);
    }
}
