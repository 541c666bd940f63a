//! The workload: clients that ask for links, look whether they are open, use them once, and try to
//! use them again, over all replicas, while things break; others trade tickets, go to a match, or
//! to the cinema together. What they learn stands in the journal.
//!
//! [`api`] makes the calls, [`people`] has the accounts, [`hall`] the seats; [`traders`],
//! [`spectators`] and [`companions`] are the others. Not here: judging what was answered
//! ([`super::checkers`]).

pub mod api;
pub mod companions;
pub mod hall;
pub mod people;
pub mod spectators;
pub mod traders;

use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use reqwest::Method;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::dice::Dice;
use super::journal::Action;
use api::{Api, Ask};
use hall::Match;
use people::Person;

/// Clients at once: enough that several calls are always in flight.
pub const CLIENTS: usize = 12;
/// Those of them who trade.
const TRADERS: usize = 3;
/// Those who go to matches.
const SPECTATORS: usize = 2;
/// Those who go out together.
const COMPANIONS: usize = 2;
/// Whose number is lower asks for links.
const FIRST_TRADER: usize = FIRST_SPECTATOR - TRADERS;
const FIRST_SPECTATOR: usize = FIRST_COMPANION - SPECTATORS;
const FIRST_COMPANION: usize = CLIENTS - COMPANIONS;
/// A client thinks this long between two things it does.
const THINKING: std::ops::Range<Duration> = Duration::from_millis(5)..Duration::from_millis(60);
/// The pause between two looks at a link that is not open.
const LOOKING: std::ops::Range<Duration> = Duration::from_millis(20)..Duration::from_millis(150);
/// Uses of one link at the same moment.
const RIVALS: usize = 4;

/// Running clients.
#[derive(Debug)]
pub struct Workload {
    stop: CancellationToken,
    clients: JoinSet<Result<()>>,
}

impl Workload {
    /// Lets clients loose: each does what the seed says, in an order of its own.
    pub fn start(api: &Api, people: &[Person], usual: Match, seed: u64) -> Self {
        let stop = CancellationToken::new();
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let client = Visitor {
                number,
                api: api.clone(),
                person: people.get(number % people.len().max(1)).cloned(),
                dice: Dice::of(seed, &format!("client {number}")),
                stop: stop.clone(),
            };
            if number >= FIRST_COMPANION {
                clients.spawn(client.go_out_on(people.to_vec()));
            } else if number >= FIRST_SPECTATOR {
                clients.spawn(client.watch_on(people.to_vec(), usual));
            } else if number >= FIRST_TRADER {
                clients.spawn(client.trade_on(people.to_vec()));
            } else {
                clients.spawn(client.run());
            }
        }
        Self { stop, clients }
    }

    /// Whether a client has given up, which none may.
    pub fn has_lost_a_client(&self) -> bool {
        self.clients.len() < CLIENTS
    }

    /// Lets every client finish what it is at and know its outcome.
    ///
    /// # Errors
    /// If one could not learn an outcome.
    pub async fn stop(mut self) -> Result<()> {
        self.stop.cancel();
        while let Some(ended) = self.clients.join_next().await {
            ended??;
        }
        Ok(())
    }
}

/// A client.
struct Visitor {
    number: usize,
    api: Api,
    /// Whose account it uses when it is not a guest.
    person: Option<Person>,
    dice: Dice,
    stop: CancellationToken,
}

impl Visitor {
    async fn run(mut self) -> Result<()> {
        while !self.stop.is_cancelled() {
            self.visit().await?;
            self.pause(THINKING).await;
        }
        Ok(())
    }

    async fn pause(&mut self, range: std::ops::Range<Duration>) {
        let pause = self.dice.between(range);
        tokio::select! {
            () = sleep(pause) => {}
            () = self.stop.cancelled() => {}
        }
    }

    fn replica(&mut self) -> usize {
        usize::try_from(self.dice.below(self.api.replicas() as u64)).unwrap_or(0)
    }

    async fn decided(&mut self, ask: &Ask) -> Result<api::Answer> {
        let replica = self.replica();
        self.api.decided(self.number, replica, ask).await
    }

    /// Asks for a link and goes through with it, as far as there is time.
    async fn visit(&mut self) -> Result<()> {
        let guest = self.dice.in_a_hundred(15);
        let person = self.person.clone().filter(|_| !guest);
        let token = person.map(|person| person.token);
        let mut ask = Ask::get(Action::Request, "/request_for_ticketing_link");
        if self.dice.in_a_hundred(30) {
            ask.method = Method::POST;
        }
        let ask = ask.by(token.clone()).keyed();
        let made = self.decided(&ask).await?;
        if self.dice.in_a_hundred(20) {
            // Whoever asks again with the same key has asked once.
            self.decided(&ask).await?;
        }
        let id = made.reply.made.with_context(|| format!("no link request: {:?}", made.reply))?;
        if guest {
            // It opens at midnight.
            self.check(id, None).await?;
            return Ok(());
        }
        while !self.stop.is_cancelled() {
            if let Some(path) = self.check(id, token.clone()).await? {
                return self.use_link(id, &path, token).await;
            }
            self.pause(LOOKING).await;
        }
        Ok(())
    }

    /// Path and query of the link, if it is open.
    async fn check(&mut self, id: Uuid, token: Option<String>) -> Result<Option<String>> {
        let path = format!("/check_ticketing_link?request_id={id}");
        let ask = Ask::get(Action::Check, path).by(token).about(id);
        let checked = self.decided(&ask).await?;
        let link =
            checked.text("link").and_then(|link| link.find("/buy_ticket/").map(|at| (link, at)));
        Ok(link.and_then(|(link, at)| link.get(at..)).map(ToOwned::to_owned))
    }

    /// Uses an open link, alone or against rivals, then tries it again.
    async fn use_link(&mut self, id: Uuid, path: &str, token: Option<String>) -> Result<()> {
        let once = Ask::get(Action::Buy, path).about(id);
        if self.dice.in_a_hundred(25) {
            let rivals: Vec<Ask> = (0..RIVALS).map(|_| once.clone().keyed()).collect();
            let uses = rivals.iter().enumerate();
            let uses = uses.map(|(rival, ask)| self.api.decided(self.number, rival, ask));
            try_join_all(uses).await?;
        } else {
            self.decided(&once.clone().keyed()).await?;
        }
        if self.dice.in_a_hundred(50) {
            self.check(id, token).await?;
        }
        if self.dice.in_a_hundred(50) {
            self.decided(&once.keyed()).await?;
        }
        Ok(())
    }
}
