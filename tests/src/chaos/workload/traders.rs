//! Those who trade: they offer a ticket, order it alone or against rivals, pay, give up, or let the
//! hold run out, and give the money back.

use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::future::try_join_all;
use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use super::api::{Answer, Api, Ask};
use super::people::Person;
use super::{RIVALS, THINKING, Visitor};
use crate::chaos::journal::Action;

/// What stands in every token of a card, and nowhere it could be read.
pub const CARD: &str = "tok_canary_Turnstile_43";
/// A card that is declined.
const DECLINED: &str = "tok_chargeDeclined";

/// The pause between two trades, each of which makes about ten events.
const BETWEEN_TRADES: Range<Duration> = Duration::from_millis(20)..Duration::from_millis(150);

/// Offers a ticket.
pub fn list(seller: &Person) -> Ask {
    let body = json!({ "title": "Concert, row 7", "price": 19.99 });
    let ask = Ask::get(Action::List, "/api/tickets").posted(Some(body));
    ask.by(Some(seller.token.clone())).keyed()
}

/// Orders a ticket.
fn order(ticket: Uuid, buyer: &Person) -> Ask {
    let ask = Ask::get(Action::Order, "/api/orders").about(ticket);
    ask.posted(Some(json!({ "ticketId": ticket }))).by(Some(buyer.token.clone())).keyed()
}

fn pay(order: Uuid, buyer: &Person, card: &str) -> Ask {
    let ask = Ask::get(Action::Pay, "/api/payments/charge").about(order);
    let body = json!({ "token": card, "orderId": order });
    ask.posted(Some(body)).by(Some(buyer.token.clone())).keyed()
}

/// Orders a ticket as all of these at the same moment.
///
/// # Errors
/// If an outcome can not be learned.
pub async fn all_order(
    api: &Api,
    client: usize,
    ticket: Uuid,
    buyers: &[Person],
) -> Result<Vec<Answer>> {
    let asks: Vec<Ask> = buyers.iter().map(|buyer| order(ticket, buyer)).collect();
    let all = asks.iter().enumerate().map(|(rival, ask)| api.decided(client, rival, ask));
    try_join_all(all).await
}

/// Pays an order with so many calls at the same moment.
///
/// # Errors
/// If an outcome can not be learned.
pub async fn pay_at_once(
    api: &Api,
    client: usize,
    order: Uuid,
    buyer: &Person,
    times: usize,
) -> Result<Vec<Answer>> {
    let asks: Vec<Ask> = (0..times).map(|_| pay(order, buyer, CARD)).collect();
    let all = asks.iter().enumerate().map(|(rival, ask)| api.decided(client, rival, ask));
    try_join_all(all).await
}

/// An order that somebody has placed.
#[derive(Clone)]
struct Placed {
    order: Uuid,
    ticket: Uuid,
    seller: Person,
    buyer: Person,
}

/// Gives an order up; it may have ended meanwhile.
///
/// # Errors
/// If an outcome can not be learned, or is none of those.
pub async fn give_up(api: &Api, client: usize, order: Uuid, buyer: &Person) -> Result<()> {
    let mut ask = Ask::get(Action::Cancel, format!("/api/orders/{order}")).about(order);
    ask.method = Method::PATCH;
    let answer = api.decided(client, client, &ask.by(Some(buyer.token.clone()))).await?.reply;
    ensure!([200, 409].contains(&answer.status), "an order could not be given up: {answer:?}");
    Ok(())
}

/// Those of several orders of one ticket that were placed, each with its buyer.
pub fn placed<'a>(
    buyers: &'a [Person],
    answers: &'a [Answer],
) -> impl Iterator<Item = (&'a Person, Uuid, &'a Answer)> {
    let both = buyers.iter().zip(answers);
    both.filter_map(|(buyer, answer)| {
        let order = answer.reply.made.filter(|_| answer.reply.status == 201)?;
        Some((buyer, order, answer))
    })
}

impl Visitor {
    /// Trades until told to stop; then gives up what was left, so that nobody waits for its end.
    pub(super) async fn trade_on(mut self, mut people: Vec<Person>) -> Result<()> {
        let mut left = Vec::new();
        while !self.stop.is_cancelled() {
            self.dice.shuffle(&mut people);
            if self.dice.in_a_hundred(20) && !left.is_empty() {
                self.take_over(&mut left, &people).await?;
            } else if let [seller, buyers @ ..] = people.as_slice() {
                self.trade(seller, buyers, &mut left).await?;
            }
            self.pause(BETWEEN_TRADES).await;
        }
        for Placed { order, buyer, .. } in &left {
            give_up(&self.api, self.number, *order, buyer).await?;
        }
        Ok(())
    }

    async fn trade(
        &mut self,
        seller: &Person,
        buyers: &[Person],
        left: &mut Vec<Placed>,
    ) -> Result<()> {
        let listed = self.decided(&list(seller)).await?;
        let ticket = listed.reply.made.context("a ticket")?;
        let rivals = if self.dice.in_a_hundred(30) { RIVALS } else { 1 };
        let buyers = buyers.get(..rivals).unwrap_or(buyers);
        let answers = all_order(&self.api, self.number, ticket, buyers).await?;
        // Several, if the hold of one had run out before another was heard.
        let all = placed(buyers, &answers).map(|(buyer, order, _)| {
            let (seller, buyer) = (seller.clone(), buyer.clone());
            Placed { order, ticket, seller, buyer }
        });
        let mut all = all.collect::<Vec<_>>().into_iter();
        let first = all.next().context("a ticket that nobody got")?;
        left.extend(all);
        self.go_through(first, left).await
    }

    /// Orders a ticket that somebody else has left, whether or not its hold has run out, and
    /// whatever has become of its payment.
    async fn take_over(&mut self, left: &mut Vec<Placed>, people: &[Person]) -> Result<()> {
        let one = self.dice.pick(left).cloned().context("something left")?;
        let taken = [&one.seller.username, &one.buyer.username];
        let other = people.iter().find(|person| !taken.contains(&&person.username));
        let buyer = other.context("somebody else")?.clone();
        let ordered = self.decided(&order(one.ticket, &buyer)).await?.reply;
        match ordered.made.filter(|_| ordered.status == 201) {
            Some(order) => self.go_through(Placed { order, buyer, ..one }, left).await,
            None => Ok(()),
        }
    }

    /// Pays, cancels, or leaves to its deadline what was ordered.
    async fn go_through(&mut self, placed: Placed, left: &mut Vec<Placed>) -> Result<()> {
        self.pause(THINKING).await;
        let is_over = match self.dice.below(10) {
            0 => false,
            1 => {
                give_up(&self.api, self.number, placed.order, &placed.buyer).await?;
                true
            }
            2 => {
                self.decided(&pay(placed.order, &placed.buyer, DECLINED)).await?;
                self.pay(&placed).await?
            }
            _ => self.pay(&placed).await?,
        };
        if !is_over {
            left.push(placed);
        }
        Ok(())
    }

    /// Whether it was paid.
    async fn pay(&mut self, placed: &Placed) -> Result<bool> {
        let ask = pay(placed.order, &placed.buyer, CARD);
        let paid = self.decided(&ask).await?;
        if self.dice.in_a_hundred(20) {
            self.decided(&ask).await?;
        }
        let payment = paid.reply.made.filter(|_| paid.reply.status == 201);
        let Some(payment) = payment else { return Ok(false) };
        if self.dice.in_a_hundred(20) {
            let path = format!("/api/payments/{payment}/refund");
            let back = Ask::get(Action::GiveBack, path).about(payment).posted(None);
            self.decided(&back.by(Some(placed.seller.token.clone())).keyed()).await?;
        }
        Ok(true)
    }
}
