//! Those who trade: they offer a ticket, order it alone or against rivals, pay, give up, or let the
//! hold run out, and give the money back.

use anyhow::{Context, Result};
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

impl Visitor {
    pub(super) async fn trade_on(mut self, mut people: Vec<Person>) -> Result<()> {
        while !self.stop.is_cancelled() {
            self.dice.shuffle(&mut people);
            if let [seller, buyers @ ..] = people.as_slice() {
                self.trade(seller, buyers).await?;
            }
            self.pause(THINKING).await;
        }
        Ok(())
    }

    async fn trade(&mut self, seller: &Person, buyers: &[Person]) -> Result<()> {
        let listed = self.decided(&list(seller)).await?;
        let ticket = listed.reply.made.context("a ticket")?;
        let rivals = if self.dice.in_a_hundred(30) { RIVALS } else { 1 };
        let buyers = buyers.get(..rivals).unwrap_or(buyers);
        let answers = all_order(&self.api, self.number, ticket, buyers).await?;
        let mut both = buyers.iter().zip(&answers);
        let winner = both.find_map(|(buyer, answer)| Some((buyer, answer.reply.made?)));
        let (buyer, order) = winner.context("a ticket that nobody got")?;
        self.pause(THINKING).await;
        match self.dice.below(10) {
            // Left to its deadline.
            0 => Ok(()),
            1 => self.cancel(order, buyer).await,
            2 => {
                self.decided(&pay(order, buyer, DECLINED)).await?;
                self.pay(order, seller, buyer).await
            }
            _ => self.pay(order, seller, buyer).await,
        }
    }

    async fn cancel(&mut self, order: Uuid, buyer: &Person) -> Result<()> {
        let mut ask = Ask::get(Action::Cancel, format!("/api/orders/{order}")).about(order);
        ask.method = Method::PATCH;
        self.decided(&ask.by(Some(buyer.token.clone()))).await.map(drop)
    }

    async fn pay(&mut self, order: Uuid, seller: &Person, buyer: &Person) -> Result<()> {
        let ask = pay(order, buyer, CARD);
        let paid = self.decided(&ask).await?;
        if self.dice.in_a_hundred(20) {
            self.decided(&ask).await?;
        }
        let payment = paid.reply.made.filter(|_| paid.reply.status == 201);
        let Some(payment) = payment.filter(|_| self.dice.in_a_hundred(20)) else { return Ok(()) };
        let path = format!("/api/payments/{payment}/refund");
        let back = Ask::get(Action::GiveBack, path).about(payment).posted(None);
        self.decided(&back.by(Some(seller.token.clone())).keyed()).await.map(drop)
    }
}
