//! Money: every posting moves something between a wallet and one other account, no wallet is ever
//! below zero, each purchase is paid once and for just what its seats cost, each refund gives just
//! that back, and the seats that are sold are those of purchases that were not refunded.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::{kinds, streams};
use crate::chaos::findings::Findings;
use crate::chaos::findings::venues::VenuesEvent;

/// What was posted for a purchase: in which wallet, and how much.
type Postings = BTreeMap<Uuid, Vec<(Uuid, Option<i64>)>>;

/// What the seats say of a purchase.
#[derive(Debug, Default, PartialEq)]
struct Seats {
    /// All that were sold in it.
    sold: BTreeSet<Uuid>,
    /// Those that came back.
    returned: BTreeSet<Uuid>,
    /// What they cost those who held them.
    price: i64,
}

pub(in super::super) fn money(findings: &Findings) -> Vec<String> {
    let (paid, back, mut wrong) = wallets(findings);
    let mut seats = seats(findings);
    let refunded: BTreeSet<Uuid> =
        kinds(findings, "purchase", "Refunded").map(|back| back.stream).collect();
    let mut known = BTreeSet::new();
    for made in kinds(findings, "purchase", "Made") {
        let id = made.stream;
        known.insert(id);
        let told: BTreeSet<Uuid> = made.tickets.iter().copied().collect();
        let seats = seats.remove(&id).unwrap_or_default();
        let is_back = refunded.contains(&id);
        let returned = if is_back { told.clone() } else { BTreeSet::new() };
        let expected = Seats { sold: told, returned, price: made.amount.unwrap_or_default() };
        if seats != expected {
            wrong.push(format!("the purchase {id} is {expected:?}, its seats say {seats:?}"));
        }
        let once = vec![(made.wallet.unwrap_or_default(), made.amount)];
        let posted = paid.get(&id).cloned().unwrap_or_default();
        if posted != once {
            wrong.push(format!("the purchase {id} was paid {posted:?} instead of {once:?}"));
        }
        let given = back.get(&id).cloned().unwrap_or_default();
        if given != (if is_back { once } else { Vec::new() }) {
            wrong.push(format!("for the purchase {id}, refunded: {is_back}, {given:?} came back"));
        }
    }
    let others = paid.keys().chain(back.keys()).chain(seats.keys()).chain(&refunded);
    let others: BTreeSet<&Uuid> = others.filter(|id| !known.contains(id)).collect();
    wrong.extend(others.iter().map(|id| format!("nobody made the purchase {id}")));
    wrong
}

/// What was paid, what was given back, and what is wrong with the books.
fn wallets(findings: &Findings) -> (Postings, Postings, Vec<String>) {
    let (mut paid, mut back, mut wrong) = (Postings::new(), Postings::new(), Vec::new());
    for (wallet, events) in streams(findings, "wallet") {
        let mut balance = 0;
        for event in events.iter().filter(|event| event.kind == "Posted") {
            let VenuesEvent { sequence, amount, from, to, cause, .. } = event;
            let minor = amount.unwrap_or_default();
            let change = match (from.as_deref(), to.as_deref()) {
                (Some("wallet"), Some(other)) if other != "wallet" => -minor,
                (Some(other), Some("wallet")) if other != "wallet" => minor,
                _ => 0,
            };
            if change == 0 || minor <= 0 {
                wrong.push(format!("{wallet} at {sequence}: {minor} from {from:?} to {to:?}"));
            }
            balance += change;
            if balance < 0 {
                wrong.push(format!("{wallet} is at {balance} after {sequence}"));
            }
            let posting = (wallet, *amount);
            match (cause.as_deref(), change > 0) {
                (Some("purchase"), false) => {
                    paid.entry(event.purchase.unwrap_or_default()).or_default().push(posting);
                }
                (Some("refund"), true) => {
                    back.entry(event.purchase.unwrap_or_default()).or_default().push(posting);
                }
                (Some("opening" | "top_up"), true) => {}
                _ => wrong.push(format!("{wallet} at {sequence}: {change} for {cause:?}")),
            }
        }
    }
    (paid, back, wrong)
}

/// What the seats say of each purchase.
fn seats(findings: &Findings) -> BTreeMap<Uuid, Seats> {
    let mut all: BTreeMap<Uuid, Seats> = BTreeMap::new();
    for (id, events) in streams(findings, "seat") {
        let mut price = 0;
        for event in events {
            let purchase = event.purchase.unwrap_or_default();
            match event.kind.as_str() {
                "Held" => price = event.amount.unwrap_or_default(),
                "Sold" => {
                    let seats = all.entry(purchase).or_default();
                    seats.sold.insert(id);
                    seats.price += price;
                }
                "Returned" => {
                    all.entry(purchase).or_default().returned.insert(id);
                }
                _ => {}
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::sample::{PRICE, event_mut, sound, without};
    use super::*;

    #[test]
    fn a_sound_sale_passes() {
        assert_eq!(money(&sound()), Vec::<String>::new());
    }

    #[test]
    fn what_does_not_add_up_is_found() {
        for (aggregate, lost) in [
            ("wallet", "Posted"),
            ("seat", "Sold"),
            ("seat", "Returned"),
            ("purchase", "Made"),
            ("purchase", "Refunded"),
        ] {
            assert!(!money(&without(aggregate, lost)).is_empty(), "{aggregate} {lost}");
        }
        let mut other_price = sound();
        event_mut(&mut other_price, "seat", "Held").amount = Some(1);
        assert_eq!(money(&other_price).len(), 1);
    }

    fn posting<'a>(findings: &'a mut Findings, cause: &str) -> &'a mut VenuesEvent {
        let is = |event: &&mut VenuesEvent| event.cause.as_deref() == Some(cause);
        findings.venues_events.iter_mut().find(is).expect("one")
    }

    #[test]
    fn a_posting_that_is_none_and_a_wallet_below_zero_are_found() {
        let mut one_sided = sound();
        posting(&mut one_sided, "opening").from = Some("wallet".to_owned());
        assert!(!money(&one_sided).is_empty());
        let mut poor = sound();
        posting(&mut poor, "opening").amount = Some(PRICE / 2);
        assert!(money(&poor).iter().all(|text| text.contains(" is at -")));
        assert!(!money(&poor).is_empty());
        let mut odd = sound();
        posting(&mut odd, "opening").cause = None;
        assert_eq!(money(&odd).len(), 1);
    }

    #[test]
    fn what_is_paid_or_given_back_twice_or_wrongly_is_found() {
        for cause in ["purchase", "refund"] {
            let mut twice = sound();
            let again = posting(&mut twice, cause).clone();
            twice.venues_events.push(again);
            assert_eq!(money(&twice).len(), 1, "{cause}");
            let mut wrong = sound();
            posting(&mut wrong, cause).amount = Some(PRICE + 1);
            assert_eq!(money(&wrong).len(), 1, "{cause}");
        }
    }
}
