//! What buyers were told in a rush and how often each seat was sold, and what of it is wrong.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use shared_events::AccountId;
use uuid::Uuid;

use crate::chaos::journal::Reply;

/// What somebody is told who comes too late for a seat.
const TOO_LATE: &str = "ticket_unavailable";
/// What somebody is told who holds nothing any more.
const NOTHING_HELD: &str = "nothing_held";
/// What somebody is told who does not hold all that is in their basket any more.
const NOT_HELD: &str = "ticket_not_held";
/// How far the clocks of two replicas may be apart.
const SKEW: TimeDelta = TimeDelta::milliseconds(100);

/// What a buyer was told.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// Whose account they use.
    pub(super) account: AccountId,
    /// What became of their wish for a seat.
    pub(super) reply: Reply,
    /// When they knew.
    pub(super) at: DateTime<Utc>,
    /// What became of their purchase, and when they knew; nothing if they got no seat.
    pub(super) purchase: Option<(Reply, DateTime<Utc>)>,
}

/// A seat that somebody got: which, until when it was held, and when they were told.
type Got = (Uuid, DateTime<Utc>, DateTime<Utc>);

/// What is wrong if this was told of so many seats. More than there are may be held, one after the
/// other: two hold one at once if both have been told so before either hold is over. What the end
/// of a hold says of its beginning is too little, because calls wait in a rush.
pub(super) fn broken(told: &[Told], seats: usize) -> Vec<String> {
    let mut broken = refused(told);
    let is_no =
        |one: &&Told| one.reply.status == 409 && one.reply.code.as_deref() == Some(TOO_LATE);
    let (all, late) = (told.len(), told.iter().filter(is_no).count());
    let got: Vec<Got> = told.iter().filter_map(got).collect();
    if got.len() < seats || got.len() + late != all {
        let got = got.len();
        broken.push(format!("of {all} buyers of {seats} seats {got} got one, {late} were late"));
    }
    let mut holds: BTreeMap<Uuid, Vec<_>> = BTreeMap::new();
    for (ticket, until, told) in got {
        holds.entry(ticket).or_default().push((until, told));
    }
    if holds.len() > seats {
        broken.push(format!("{} seats were held of {seats}", holds.len()));
    }
    for (ticket, holds) in holds {
        for (number, one) in holds.iter().enumerate() {
            let others = holds.iter().skip(number + 1);
            for other in others.filter(|other| at_once(one, other)) {
                broken.push(format!("{ticket} was held by two at once: {one:?}, {other:?}"));
            }
        }
    }
    broken
}

/// Seats that were held and not sold to who held them, although neither the time of the hold was
/// over nor had a rival with the same account bought them.
fn refused(told: &[Told]) -> Vec<String> {
    let receipts = told.iter().filter_map(|one| Some((one.account, &one.purchase.as_ref()?.0)));
    let bought: HashSet<(AccountId, Uuid)> = receipts
        .filter(|(_, receipt)| receipt.status == 200)
        .flat_map(|(account, receipt)| receipt.tickets.iter().map(move |one| (account, *one)))
        .collect();
    let mut refused = Vec::new();
    for one in told {
        let (Some((ticket, until, _)), Some((reply, at))) = (got(one), &one.purchase) else {
            continue;
        };
        let is_bought = bought.contains(&(one.account, ticket));
        let is_over = |until: DateTime<Utc>| until <= *at + SKEW;
        let is_right = match (reply.status, reply.code.as_deref()) {
            (200, _) | (409, Some(NOTHING_HELD)) => is_bought || is_over(until),
            // It may be any of theirs.
            (409, Some(NOT_HELD)) => {
                let theirs = told.iter().filter(|other| other.account == one.account);
                is_bought || theirs.filter_map(got).any(|(_, until, _)| is_over(until))
            }
            _ => false,
        };
        if !is_right {
            let (status, code) = (reply.status, &reply.code);
            refused.push(format!(
                "{ticket}, held until {until}, was refused at {at}: {status} {code:?}"
            ));
        }
    }
    refused
}

/// What is wrong if these are the seats on sale, by how often each was sold.
pub(super) fn not_sold_once(sold: &[i64], seats: usize) -> Vec<String> {
    let once = sold.iter().filter(|times| **times == 1).count();
    let (on_sale, again) = (sold.len(), sold.iter().filter(|times| **times > 1).count());
    if (once, on_sale) == (seats, seats) {
        return Vec::new();
    }
    vec![format!(
        "of {seats} seats, {on_sale} of them on sale, {once} were sold once, {again} more than once"
    )]
}

/// Whether these two (until when it was held, when that was told) were holds of one moment.
fn at_once(one: &(DateTime<Utc>, DateTime<Utc>), other: &(DateTime<Utc>, DateTime<Utc>)) -> bool {
    one.1.max(other.1) + SKEW < one.0.min(other.0)
}

fn got(Told { reply, at, .. }: &Told) -> Option<Got> {
    match reply.tickets.as_slice() {
        [ticket] if reply.status == 200 => Some((*ticket, reply.until?, *at)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn refusal(code: &str) -> Reply {
        Reply { status: 409, code: Some(code.to_owned()), ..Reply::default() }
    }

    fn receipt(tickets: &[u128]) -> Reply {
        let tickets = tickets.iter().copied().map(Uuid::from_u128).collect();
        Reply { status: 200, tickets, ..Reply::default() }
    }

    /// Told at the one time, held until the other and bought at once.
    fn yes(ticket: u128, told: i64, until: i64) -> Told {
        let reply = Reply { until: Some(at(until)), ..receipt(&[ticket]) };
        let (account, purchase) = (AccountId(Uuid::from_u128(7)), receipt(&[ticket]));
        Told { account, reply, at: at(told), purchase: Some((purchase, at(told))) }
    }

    fn no(code: &str) -> Told {
        Told { reply: refusal(code), purchase: None, ..yes(1, 1, 2) }
    }

    /// The same, but the purchase was answered with this in that second.
    fn but(told: Told, purchase: Reply, second: i64) -> Told {
        Told { purchase: Some((purchase, at(second))), ..told }
    }

    #[test]
    fn each_seat_to_one_or_to_several_one_after_the_other_is_right() {
        let once = [yes(1, 1, 2), yes(2, 1, 2), no(TOO_LATE), no(TOO_LATE)];
        assert_eq!(broken(&once, 2), Vec::<String>::new());
        let later = [yes(1, 1, 2), yes(2, 1, 2), yes(1, 2, 3), no(TOO_LATE)];
        assert_eq!(broken(&later, 2), Vec::<String>::new());
    }

    #[test]
    fn two_at_once_too_few_too_many_or_another_answer_are_wrong() {
        for told in [
            vec![yes(1, 0, 2), yes(2, 0, 2), yes(1, 1, 3)],
            vec![yes(1, 0, 2), no(TOO_LATE)],
            vec![yes(1, 0, 2), yes(2, 0, 2), no("too_many_held")],
            vec![yes(1, 0, 2), yes(2, 0, 2), yes(3, 0, 2)],
            vec![yes(1, 0, 2), yes(2, 0, 2), Told { reply: receipt(&[]), ..no(TOO_LATE) }],
        ] {
            assert_eq!(broken(&told, 2).len(), 1, "{told:?}");
        }
    }

    #[test]
    fn who_held_too_long_or_whose_rival_was_quicker_may_be_refused() {
        for right in [
            [yes(1, 0, 2), but(yes(2, 0, 2), refusal(NOTHING_HELD), 2)],
            [yes(1, 0, 2), but(yes(2, 0, 2), refusal(NOT_HELD), 2)],
            // Both have one account, and the first has bought what both held.
            [but(yes(1, 0, 2), receipt(&[1, 2]), 1), but(yes(2, 0, 2), refusal(NOTHING_HELD), 1)],
            // What was left of the basket was bought.
            [but(yes(1, 0, 2), receipt(&[2]), 2), yes(2, 1, 3)],
        ] {
            assert_eq!(broken(&right, 2), Vec::<String>::new(), "{right:?}");
        }
    }

    #[test]
    fn who_is_refused_what_they_hold_is_wronged() {
        let other = || AccountId(Uuid::from_u128(8));
        for wrong in [
            [yes(1, 0, 2), but(yes(2, 0, 2), refusal(NOTHING_HELD), 1)],
            [yes(1, 0, 2), but(yes(2, 0, 2), refusal(NOT_HELD), 1)],
            [yes(1, 0, 2), but(yes(2, 0, 2), refusal("insufficient_funds"), 2)],
            [yes(1, 0, 2), but(yes(2, 0, 2), receipt(&[]), 1)],
            // Somebody else has bought it.
            [
                Told { account: other(), ..but(yes(1, 0, 2), receipt(&[1, 2]), 1) },
                but(yes(2, 0, 2), refusal(NOTHING_HELD), 1),
            ],
        ] {
            assert_eq!(broken(&wrong, 2).len(), 1, "{wrong:?}");
        }
        let all = [1, 2].map(|seat| but(yes(seat, 0, 2), refusal(NOTHING_HELD), 1));
        assert_eq!(broken(&all, 2).len(), 2);
    }

    #[test]
    fn every_seat_has_to_be_sold_and_each_once() {
        assert_eq!(not_sold_once(&[1, 1, 1], 3), Vec::<String>::new());
        let none: &[i64] = &[];
        for wrong in [none, &[0, 0, 0], &[1, 1, 0], &[1, 1, 2], &[1, 1], &[1, 1, 1, 0]] {
            assert_eq!(not_sold_once(wrong, 3).len(), 1, "{wrong:?}");
        }
    }
}
