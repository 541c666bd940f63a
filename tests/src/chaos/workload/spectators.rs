//! Those who go to a match: they reserve seats, one or several, named or the best, alone or against
//! rivals; buy what they hold, give it up, or let its time pass; and give purchases back.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use serde_json::json;
use shared_events::TicketId;
use tokio::time::Instant;
use uuid::Uuid;

use super::api::{Answer, Api, Ask};
use super::hall::{Match, ROWS, SEATS};
use super::people::Person;
use super::{RIVALS, THINKING, Visitor};
use crate::chaos::journal::Action;
use crate::chaos::world::SEAT_HOLD;

/// The pause between two visits.
const BETWEEN_VISITS: Range<Duration> = Duration::from_millis(20)..Duration::from_millis(150);
/// Seats are named among so many of the last row, where hardly any are the best: so few that people
/// are in each other's way.
const NAMED: u32 = 60;
/// How far from the end of a hold it is bought at the last moment.
const LAST_MOMENT: Duration = Duration::from_millis(40);
/// Purchases that a client keeps at most: what is given back can be sold again.
const KEPT: usize = 12;

/// Which seats somebody wants.
#[derive(Clone, Debug)]
enum Wanted {
    /// This one.
    One(TicketId),
    /// All of these.
    All(Vec<TicketId>),
    /// So many of the best, beside each other or not.
    Best(u32, bool),
}

impl Wanted {
    fn ask(&self, of: Match, buyer: &Person) -> Ask {
        let body = match self {
            Self::One(ticket) => {
                let ask = Ask::get(Action::Reserve, format!("/api/ticket/{ticket}/reserve/"));
                return ask.put().about(ticket.0).by(Some(buyer.token.clone())).keyed();
            }
            Self::All(tickets) => json!({ "tickets": tickets }),
            Self::Best(quantity, adjacent) => json!({ "quantity": quantity, "adjacent": adjacent }),
        };
        let ask = Ask::get(Action::Reserve, format!("/api/match/{}/reserve", of.id));
        ask.posted(Some(body)).about(of.id.0).by(Some(buyer.token.clone())).keyed()
    }
}

/// Reserves the best seat there is.
pub fn reserve_best(of: Match, buyer: &Person) -> Ask {
    Wanted::Best(1, false).ask(of, buyer)
}

/// Reserves this seat, by its row and number.
pub fn reserve(of: Match, row: u32, number: u32, buyer: &Person) -> Ask {
    Wanted::One(of.ticket(row, number)).ask(of, buyer)
}

/// Buys all that somebody holds.
pub fn purchase(buyer: &Person) -> Ask {
    let wallet = buyer.wallet();
    let ask = Ask::get(Action::Purchase, format!("/api/wallet/{wallet}/purchase/"));
    ask.posted(None).about(wallet.0).by(Some(buyer.token.clone())).keyed()
}

fn give_up(ticket: Uuid, buyer: &Person) -> Ask {
    let ask = Ask::get(Action::GiveUp, format!("/api/ticket/{ticket}/cancel/"));
    ask.put().about(ticket).by(Some(buyer.token.clone())).keyed()
}

fn refund(purchase: Uuid, buyer: &Person) -> Ask {
    let ask = Ask::get(Action::Refund, format!("/api/purchase/{purchase}/refund"));
    ask.posted(None).about(purchase).by(Some(buyer.token.clone())).keyed()
}

/// Makes all of these calls at the same moment.
///
/// # Errors
/// If an outcome can not be learned.
pub async fn all_at_once(api: &Api, client: usize, asks: &[Ask]) -> Result<Vec<Answer>> {
    let all = asks.iter().enumerate().map(|(rival, ask)| api.decided(client, rival, ask));
    try_join_all(all).await
}

/// A purchase that somebody has made.
struct Bought {
    purchase: Uuid,
    buyer: Person,
    /// Whether its seats were named: few people would get one if they stayed sold.
    named: bool,
}

impl Visitor {
    /// Goes to a match until told to stop; then gives back the seats that others may name.
    pub(super) async fn watch_on(mut self, mut people: Vec<Person>, of: Match) -> Result<()> {
        let mut bought = VecDeque::new();
        while !self.stop.is_cancelled() {
            self.dice.shuffle(&mut people);
            self.watch(&people, of, &mut bought).await?;
            if (bought.len() > KEPT || self.dice.in_a_hundred(15))
                && let Some(one) = bought.pop_front()
            {
                self.give_back(&one).await?;
            }
            self.pause(BETWEEN_VISITS).await;
        }
        for one in bought.iter().filter(|one| one.named) {
            self.give_back(one).await?;
        }
        Ok(())
    }

    fn wanted(&mut self, of: Match) -> Wanted {
        let first = SEATS - NAMED;
        let count = match self.dice.below(10) {
            0..=3 => 1,
            4..=6 => 2 + self.dice.below(3) as u32,
            _ => return Wanted::Best(1 + self.dice.below(4) as u32, self.dice.in_a_hundred(50)),
        };
        let mut numbers: Vec<u32> = (first + 1..=SEATS).collect();
        self.dice.shuffle(&mut numbers);
        let mut tickets: Vec<_> =
            numbers.iter().take(count as usize).map(|number| of.ticket(ROWS, *number)).collect();
        match tickets.pop() {
            Some(ticket) if tickets.is_empty() => Wanted::One(ticket),
            last => Wanted::All(tickets.into_iter().chain(last).collect()),
        }
    }

    /// Somebody, or several at the same instant, want the same seats.
    async fn watch(
        &mut self,
        people: &[Person],
        of: Match,
        bought: &mut VecDeque<Bought>,
    ) -> Result<()> {
        let wanted = self.wanted(of);
        let rivals = if self.dice.in_a_hundred(30) { RIVALS } else { 1 };
        let buyers = people.get(..rivals).unwrap_or(people);
        let asks: Vec<Ask> = buyers.iter().map(|buyer| wanted.ask(of, buyer)).collect();
        let begun = Instant::now();
        let answers = all_at_once(&self.api, self.number, &asks).await?;
        if self.dice.in_a_hundred(15) {
            // Whoever asks again with the same key has asked once.
            all_at_once(&self.api, self.number, &asks).await?;
        }
        let named = !matches!(wanted, Wanted::Best(..));
        for (buyer, answer) in buyers.iter().zip(&answers) {
            if answer.reply.status == 200 {
                let tickets = match &wanted {
                    Wanted::One(ticket) => vec![ticket.0],
                    _ => answer.reply.tickets.clone(),
                };
                for purchase in self.make_up_mind(buyer, &tickets, begun).await? {
                    bought.push_back(Bought { purchase, buyer: buyer.clone(), named });
                }
            }
        }
        Ok(())
    }

    /// Buys what is held since `begun`, gives one up, or lets its time pass; what was bought.
    async fn make_up_mind(
        &mut self,
        buyer: &Person,
        tickets: &[Uuid],
        begun: Instant,
    ) -> Result<Vec<Uuid>> {
        self.pause(THINKING).await;
        let once = purchase(buyer);
        let asks = match self.dice.below(10) {
            0 => vec![],
            1 => {
                let last = *self.dice.pick(tickets).context("a ticket")?;
                self.decided(&give_up(last, buyer)).await?;
                // The others, if there are any.
                vec![once]
            }
            2 => {
                let left = (SEAT_HOLD - LAST_MOMENT / 2).saturating_sub(begun.elapsed());
                self.pause(left..left + LAST_MOMENT).await;
                vec![once]
            }
            3 | 4 => vec![once.clone(), once],
            5 | 6 => vec![once, purchase(buyer)],
            _ => vec![once],
        };
        let answers = all_at_once(&self.api, self.number, &asks).await?;
        let mut made: Vec<_> =
            answers.iter().filter(|a| a.reply.status == 200).filter_map(|a| a.reply.made).collect();
        made.dedup();
        Ok(made)
    }

    /// Gives a purchase back, sometimes twice at once: only one of them is told yes.
    async fn give_back(&mut self, Bought { purchase, buyer, .. }: &Bought) -> Result<()> {
        let times = if self.dice.in_a_hundred(25) { 2 } else { 1 };
        let asks: Vec<Ask> = (0..times).map(|_| refund(*purchase, buyer)).collect();
        all_at_once(&self.api, self.number, &asks).await?;
        Ok(())
    }
}
