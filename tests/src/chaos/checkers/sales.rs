//! The same promises for the market: what was acknowledged is in the history, everything has its
//! effect once, a ticket has one holder, and money and tickets add up.

use std::collections::{BTreeMap, HashMap, HashSet};

use uuid::Uuid;

use crate::chaos::findings::{Charge, Findings, Sale};
use crate::chaos::journal::{Action, Call};

/// What may happen to a listing or an order more often than once.
const MAY_REPEAT: [&str; 6] =
    ["Edited", "Reserved", "Released", "Sold", "PaymentStarted", "PaymentDeclined"];

/// Acknowledged is durable.
pub(super) fn durable(findings: &Findings) -> Vec<String> {
    let mut wrong = Vec::new();
    let happened: HashSet<(&str, Uuid)> =
        findings.market_events.iter().map(|sale| (sale.kind.as_str(), sale.stream)).collect();
    for call in &findings.calls {
        if let Some((kind, stream)) = promised(call)
            && !happened.contains(&(kind, stream))
        {
            wrong.push(format!("call {} was acknowledged, {stream} is not {kind}", call.number));
        }
    }
    let asked: HashSet<(Action, Uuid)> =
        findings.calls.iter().filter_map(|call| Some((call.action, call.about?))).collect();
    let made: HashSet<Uuid> =
        findings.calls.iter().filter_map(|call| call.reply().and_then(|r| r.made)).collect();
    for sale in &findings.market_events {
        let asked_for = |actions: &[Action]| {
            actions.iter().any(|action| asked.contains(&(*action, sale.stream)))
        };
        let caused = match (sale.aggregate.as_str(), sale.kind.as_str()) {
            ("listing", "Listed") | ("order", "Placed") => made.contains(&sale.stream),
            ("order", "PaymentStarted" | "Completed") => asked_for(&[Action::Pay]),
            // Three declined payments cancel an order too.
            ("order", "Cancelled") => asked_for(&[Action::Cancel, Action::Pay]),
            _ => true,
        };
        if !caused {
            wrong.push(format!("nobody caused that {} is {}", sale.stream, sale.kind));
        }
    }
    wrong
}

/// What an answer has promised: an event, and of what.
fn promised(call: &Call) -> Option<(&'static str, Uuid)> {
    let reply = call.reply()?;
    match (call.action, reply.status) {
        (Action::List, 201) => Some(("Listed", reply.made?)),
        (Action::Order, 201) => Some(("Placed", reply.made?)),
        (Action::Pay, 201) => Some(("Completed", call.about?)),
        (Action::Cancel, 200) => Some(("Cancelled", call.about?)),
        (Action::GiveBack, 200) => Some(("Refunded", call.about?)),
        _ => None,
    }
}

/// Effect once.
pub(super) fn once(findings: &Findings) -> Vec<String> {
    let mut wrong = Vec::new();
    for (expected, sale) in (1..).zip(&findings.market_events) {
        if sale.position != expected {
            wrong.push(format!("where position {expected} should be is {}", sale.position));
            break;
        }
    }
    let streams = streams(findings);
    for (id, sales) in &streams {
        let sequences: Vec<i64> = sales.iter().map(|sale| sale.sequence).collect();
        if !(1..).zip(&sequences).all(|(expected, sequence)| expected == *sequence) {
            wrong.push(format!("the sequences of {id} are {sequences:?}"));
        }
        let kinds = sales.iter().map(|sale| sale.kind.as_str());
        let kinds: Vec<&str> = kinds.filter(|kind| !MAY_REPEAT.contains(kind)).collect();
        if kinds.iter().collect::<HashSet<_>>().len() != kinds.len() {
            wrong.push(format!("something happened twice to {id}: {kinds:?}"));
        }
    }
    for row in &findings.market_rows {
        let last = streams.get(&row.stream).map_or(0, |sales| sales.len() as i64);
        if row.sequence != last {
            let (id, applied) = (row.stream, row.sequence);
            wrong.push(format!("{id} has {last} events, of which its row has {applied}"));
        }
    }
    if findings.market_rows.len() != streams.len() {
        wrong.push(format!("{} streams have {} rows", streams.len(), findings.market_rows.len()));
    }
    let mut results: HashMap<Uuid, HashSet<Uuid>> = HashMap::new();
    let makes = |call: &&Call| [Action::List, Action::Order].contains(&call.action);
    for call in findings.calls.iter().filter(makes) {
        if let (Some(key), Some(id)) = (call.key, call.reply().and_then(|reply| reply.made)) {
            results.entry(key).or_default().insert(id);
        }
    }
    for (key, ids) in results.iter().filter(|(_, ids)| ids.len() > 1) {
        wrong.push(format!("the key {key} has {} results", ids.len()));
    }
    wrong
}

/// One holder: a ticket is reserved or sold to one order at a time.
pub(super) fn one_holder(findings: &Findings) -> Vec<String> {
    let mut wrong = Vec::new();
    for (id, sales) in streams(findings) {
        let mut holder: Option<Uuid> = None;
        for sale in sales.iter().filter(|sale| sale.aggregate == "listing") {
            match sale.kind.as_str() {
                "Reserved" | "Sold" => {
                    if holder.is_some_and(|holder| Some(holder) != sale.order) {
                        wrong.push(format!("{id} has two holders at {}", sale.sequence));
                    }
                    holder = sale.order;
                }
                "Released" => holder = None,
                _ => {}
            }
        }
    }
    wrong
}

/// Money: a completed order has one payment that was not given back, and its ticket as long as that
/// is so; money for anything else has gone back; nobody waits for an outcome; and the books of the
/// provider say the same.
pub(super) fn money(findings: &Findings) -> Vec<String> {
    let streams = streams(findings);
    let is = |id: &Uuid, kind: &str| {
        streams.get(id).is_some_and(|sales| sales.iter().any(|sale| sale.kind == kind))
    };
    let (owners, buyers) = (owners(&streams), buyers(findings));
    let charges: HashMap<Uuid, &Charge> =
        findings.charges.iter().map(|charge| (charge.payment, charge)).collect();
    let mut wrong = Vec::new();
    for id in charges.keys().filter(|id| !is(id, "Started")) {
        wrong.push(format!("the provider has a charge for {id}, which nobody started"));
    }
    let mut kept: HashMap<Uuid, usize> = HashMap::new();
    for (id, sales) in &streams {
        let Some(order) = sales.first().filter(|sale| sale.aggregate == "payment") else {
            continue;
        };
        let order = order.order.unwrap_or_default();
        let (captured, back) = (is(id, "Captured"), is(id, "Refunded"));
        if !captured && !is(id, "Declined") {
            wrong.push(format!("what became of the payment {id} is unknown"));
        }
        if is(id, "RefundStarted") && !back {
            wrong.push(format!("the payment {id} is not given back yet"));
        }
        let there = charges.get(id).map_or((false, false), |one| (one.captured, one.refunded));
        if (captured, back) != there {
            wrong.push(format!(
                "the payment {id} is captured and refunded: {:?}, at the provider: {there:?}",
                (captured, back)
            ));
        }
        if captured && !back {
            *kept.entry(order).or_default() += 1;
        }
    }
    for (id, sales) in streams.iter().filter(|(_, s)| s.iter().any(|s| s.aggregate == "order")) {
        let is_paid = is(id, "Completed") && !is(id, "Refunded");
        let payments = kept.get(id).copied().unwrap_or_default();
        if payments != usize::from(is_paid) {
            let kinds: Vec<&str> = sales.iter().map(|sale| sale.kind.as_str()).collect();
            wrong.push(format!("{payments} payments are kept for the order {id}: {kinds:?}"));
        }
        let has_ticket = if is_paid { owners.contains(id) } else { buyers.contains(id) };
        if is(id, "Completed") && !has_ticket {
            wrong.push(format!("the order {id} is paid and has no ticket"));
        }
    }
    wrong
}

/// The orders that have their tickets: nothing came after that was sold to them.
fn owners(streams: &BTreeMap<Uuid, Vec<&Sale>>) -> HashSet<Uuid> {
    let last = |sales: &Vec<&Sale>| {
        let mut holders = sales.iter().filter(|sale| sale.aggregate == "listing").rev();
        let last = holders.find(|s| ["Reserved", "Sold", "Released"].contains(&s.kind.as_str()))?;
        last.order.filter(|_| last.kind == "Sold")
    };
    streams.values().filter_map(last).collect()
}

/// The orders that ever had a ticket.
fn buyers(findings: &Findings) -> HashSet<Uuid> {
    let sold = findings.market_events.iter().filter(|sale| sale.kind == "Sold");
    sold.filter_map(|sale| sale.order).collect()
}

/// Liveness: what is due was recorded, and every order has ended.
pub(super) fn liveness(findings: &Findings) -> Vec<String> {
    let mut wrong = Vec::new();
    if findings.overdue > 0 {
        wrong.push(format!("{} deadlines are due and not recorded", findings.overdue));
    }
    let ends = ["Completed", "Cancelled", "Expired", "Refunded"];
    for (id, sales) in streams(findings) {
        let is = |kinds: &[&str]| sales.iter().any(|sale| kinds.contains(&sale.kind.as_str()));
        if is(&["Placed"]) && !is(&ends) {
            wrong.push(format!("{id} never ended"));
        }
    }
    wrong
}

/// How many orders were paid after they had ended: those that got their ticket back, and those
/// whose money went back.
pub(super) fn paid_late(findings: &Findings) -> (usize, usize) {
    let (mut completed, mut refunded) = (0, 0);
    for sales in streams(findings).values() {
        let mut kinds = sales.iter().map(|sale| sale.kind.as_str());
        if kinds.any(|kind| ["Expired", "Cancelled"].contains(&kind)) {
            match kinds.next() {
                Some("Completed") => completed += 1,
                Some("Refunded") => refunded += 1,
                _ => {}
            }
        }
    }
    (completed, refunded)
}

fn streams(findings: &Findings) -> BTreeMap<Uuid, Vec<&Sale>> {
    let mut streams: BTreeMap<Uuid, Vec<&Sale>> = BTreeMap::new();
    for sale in &findings.market_events {
        streams.entry(sale.stream).or_default().push(sale);
    }
    streams
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::checkers::sample::{answered, call, made};
    use crate::chaos::findings::StatusRow;
    use crate::chaos::journal::Reply;

    const TICKET: Uuid = Uuid::from_u128(200);
    const ORDER: Uuid = Uuid::from_u128(201);
    const PAYMENT: Uuid = Uuid::from_u128(202);

    fn about(about: Uuid, action: Action, key: u128, reply: Reply) -> Call {
        Call { about: Some(about), ..call(1, action, Some(key), reply) }
    }

    /// A ticket that was offered, ordered and paid.
    fn sound() -> Findings {
        let kinds = [
            ("listing", TICKET, 1, "Listed", None),
            ("listing", TICKET, 2, "Reserved", Some(ORDER)),
            ("order", ORDER, 1, "Placed", None),
            ("order", ORDER, 2, "PaymentStarted", None),
            ("payment", PAYMENT, 1, "Started", Some(ORDER)),
            ("payment", PAYMENT, 2, "Captured", None),
            ("order", ORDER, 3, "Completed", None),
            ("listing", TICKET, 3, "Sold", Some(ORDER)),
        ];
        let sales = (1..).zip(kinds);
        let sales = sales.map(|(position, (aggregate, stream, sequence, kind, order))| Sale {
            position,
            aggregate: aggregate.to_owned(),
            stream,
            sequence,
            kind: kind.to_owned(),
            order,
        });
        let row = |(stream, sequence)| StatusRow { stream, sequence };
        Findings {
            calls: vec![
                call(0, Action::List, Some(1), made(TICKET)),
                about(TICKET, Action::Order, 2, made(ORDER)),
                about(ORDER, Action::Pay, 3, made(PAYMENT)),
            ],
            market_events: sales.collect(),
            market_rows: [(TICKET, 3), (ORDER, 3), (PAYMENT, 2)].map(row).into(),
            charges: vec![Charge { payment: PAYMENT, captured: true, refunded: false }],
            ..Findings::default()
        }
    }

    fn all(findings: &Findings) -> [usize; 4] {
        [durable, once, one_holder, money].map(|check| check(findings).len())
    }

    #[test]
    fn a_sound_trade_passes() {
        assert_eq!(all(&sound()), [0; 4]);
    }

    #[test]
    fn what_was_acknowledged_and_is_gone_is_found() {
        for lost in ["Listed", "Placed", "Completed"] {
            let mut findings = sound();
            findings.market_events.retain(|sale| sale.kind != lost);
            assert!(!durable(&findings).is_empty(), "{lost}");
        }
        let mut findings = sound();
        findings.calls.push(about(ORDER, Action::Cancel, 4, answered(200)));
        assert_eq!(durable(&findings).len(), 1);
    }

    #[test]
    fn what_nobody_caused_is_found() {
        for silent in [Action::List, Action::Order, Action::Pay] {
            let mut findings = sound();
            findings.calls.retain(|call| call.action != silent);
            assert!(!durable(&findings).is_empty(), "{silent:?}");
        }
    }

    #[test]
    fn what_happened_twice_or_was_not_projected_is_found() {
        let mut twice = sound();
        let again = Sale { position: 9, sequence: 4, ..twice.market_events[6].clone() };
        twice.market_events.push(again);
        twice.market_rows[1].sequence = 4;
        assert_eq!(once(&twice).len(), 1);
        let mut behind = sound();
        behind.market_rows[0].sequence = 2;
        assert_eq!(once(&behind).len(), 1);
        let mut two_results = sound();
        two_results.calls.push(about(TICKET, Action::Order, 2, made(PAYMENT)));
        assert_eq!(once(&two_results).len(), 1);
    }

    #[test]
    fn a_ticket_with_two_holders_is_found() {
        let mut findings = sound();
        findings.market_events[7].order = Some(PAYMENT);
        assert_eq!(one_holder(&findings).len(), 1);
    }

    #[test]
    fn money_that_does_not_add_up_is_found() {
        let mut unpaid = sound();
        unpaid.market_events.retain(|sale| sale.aggregate != "payment");
        unpaid.charges.clear();
        assert_eq!(money(&unpaid).len(), 1);
        let mut unknown = sound();
        unknown.market_events.retain(|sale| sale.kind != "Captured");
        unknown.charges.clear();
        assert_eq!(money(&unknown).len(), 2);
        let mut taken = sound();
        taken.market_events.retain(|sale| sale.kind != "Completed");
        assert_eq!(money(&taken).len(), 1);
        let mut no_ticket = sound();
        no_ticket.market_events.retain(|sale| sale.kind != "Sold");
        assert_eq!(money(&no_ticket).len(), 1);
    }

    #[test]
    fn a_ticket_that_is_lost_without_its_refund_is_found() {
        let other = Some(Uuid::from_u128(203));
        let sale = |sequence, kind: &str, order| Sale {
            sequence,
            kind: kind.to_owned(),
            order,
            ..sound().market_events.remove(7)
        };
        let mut lost = sound();
        lost.market_events.push(sale(4, "Released", Some(ORDER)));
        assert_eq!(money(&lost).len(), 1);
        // Sold twice with a stray release in between: nobody has it at the same time.
        lost.market_events.extend([sale(5, "Reserved", other), sale(6, "Sold", other)]);
        assert_eq!((money(&lost).len(), one_holder(&lost).len()), (1, 0));
    }

    #[test]
    fn books_of_the_provider_that_say_something_else_are_found() {
        let charge = |payment, captured, refunded| Charge { payment, captured, refunded };
        for charges in [
            vec![],
            vec![charge(PAYMENT, false, false)],
            vec![charge(PAYMENT, true, true)],
            vec![charge(PAYMENT, true, false), charge(Uuid::nil(), true, false)],
        ] {
            let findings = Findings { charges: charges.clone(), ..sound() };
            assert_eq!(money(&findings).len(), 1, "{charges:?}");
        }
    }

    #[test]
    fn what_was_paid_late_is_counted() {
        let mut findings = sound();
        assert_eq!(paid_late(&findings), (0, 0));
        let expired = Sale { kind: "Expired".to_owned(), ..findings.market_events[6].clone() };
        findings.market_events.insert(6, expired);
        assert_eq!(paid_late(&findings), (1, 0));
        findings.market_events[7].kind = "Refunded".to_owned();
        assert_eq!(paid_late(&findings), (0, 1));
    }

    #[test]
    fn an_order_that_never_ends_is_found() {
        let mut findings = sound();
        findings.market_events.retain(|sale| sale.kind != "Completed");
        assert_eq!(liveness(&findings).len(), 1);
    }

    #[test]
    fn a_deadline_that_nobody_records_is_found() {
        assert_eq!(liveness(&sound()), Vec::<String>::new());
        assert_eq!(liveness(&Findings { overdue: 1, ..sound() }).len(), 1);
    }
}
