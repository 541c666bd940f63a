//! Where people go: a stadium with its matches and their seats on sale, and a wallet for each of
//! them, all made over HTTP as an administrator does. Not here: what they do there
//! ([`super::spectators`]).

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::StatusCode;
use serde_json::{Value, json};
use shared_events::{FixtureId, Place, SeatId, StadiumId, TicketId};
use tokio::time::{Instant, sleep};

use super::api::{Answer, Api, Ask};
use super::people::Person;
use crate::chaos::journal::Action;
use crate::local;

/// The only section of the stadium.
const SECTION: &str = "A";
/// Rows of the stadium: so many seats that they are not sold out while a run lasts.
pub const ROWS: u32 = 40;
/// Seats of each row.
pub const SEATS: u32 = 250;
/// What a seat costs.
const PRICE: u32 = 20;
/// The most that a wallet is opened with.
const MONEY: u32 = 1_000_000;
/// How long before the first match: nothing of it is over while a run lasts.
const AHEAD: TimeDelta = TimeDelta::days(30);
const MATCH: TimeDelta = TimeDelta::hours(2);
/// What one replica knows the others know within this time.
const KNOWN_WITHIN: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);
/// Who does this, for the journal: none of the workload's clients.
const STRANGER: usize = 1_003;

/// A match with seats on sale.
#[derive(Clone, Copy, Debug)]
pub struct Match {
    /// Which.
    pub id: FixtureId,
    stadium: StadiumId,
}

impl Match {
    /// The ticket for a seat, by its row and number, from 1.
    pub fn ticket(&self, row: u32, number: u32) -> TicketId {
        TicketId::of(self.id, seat(self.stadium, row, number))
    }
}

fn seat(stadium: StadiumId, row: u32, number: u32) -> SeatId {
    SeatId::of(stadium, &Place { section: SECTION.to_owned(), row, number })
}

/// A stadium with the match that the workload goes to.
#[derive(Clone, Debug)]
pub struct Hall {
    /// That match.
    pub usual: Match,
    stadium: Stadium,
}

#[derive(Clone, Debug)]
struct Stadium {
    id: StadiumId,
    admin: Person,
    /// The named price of all seats.
    price: String,
    /// When the next match begins.
    next: DateTime<Utc>,
}

impl Hall {
    /// A new one, with a match that has all seats on sale. `admin` may have been let in only now:
    /// it is waited until every replica knows.
    ///
    /// # Errors
    /// If something is refused.
    #[expect(clippy::disallowed_methods, reason = "people go to a match of their own time")]
    pub async fn open(api: &Api, admin: Person) -> Result<Self> {
        let let_in = async |status, _| status == StatusCode::OK;
        until_known(api, &admin, "/admin/accounts?limit=1", let_in).await?;
        let post = async |path: &str, body| prepared(api, &admin, path, body).await;
        let stadium = post("/api/stadium/", json!({ "name": "Arena", "description": "" })).await?;
        let stadium = StadiumId(stadium.reply.made.context("a stadium")?);
        let section = json!({ "name": SECTION, "rows": ROWS, "seats_per_row": SEATS });
        let plan = json!({ "sections": [section] });
        post(&format!("/api/stadium/{stadium}/seats"), plan).await?;
        let price = post("/api/price/", json!({ "name": "Adults", "unit_price": PRICE })).await?;
        let price = price.text("id").context("a price")?.to_owned();
        let mut stadium = Stadium { id: stadium, admin, price, next: Utc::now() + AHEAD };
        Ok(Self { usual: stadium.sell(api, None).await?, stadium })
    }

    /// Whoever administrates it.
    pub fn admin(&self) -> &Person {
        &self.stadium.admin
    }

    /// One more match, with so many seats on sale, row by row.
    ///
    /// # Errors
    /// If something is refused.
    pub async fn sell(&mut self, api: &Api, seats: usize) -> Result<Match> {
        self.stadium.sell(api, Some(seats)).await
    }

    /// Opens a wallet for each of these, with more in it than they will spend.
    ///
    /// # Errors
    /// If one is refused.
    pub async fn give_wallets(&self, api: &Api, people: &[Person]) -> Result<()> {
        for person in people {
            let body = json!({ "user": person.account, "money": MONEY });
            prepared(api, self.admin(), "/api/wallet/", body).await?;
        }
        Ok(())
    }
}

impl Stadium {
    /// Its next match, with the first so many seats on sale, or all.
    async fn sell(&mut self, api: &Api, seats: Option<usize>) -> Result<Match> {
        let stadium = self.id;
        let (start, end) = (self.next, self.next + MATCH);
        self.next = end;
        let body = json!({ "stadium": stadium, "title": "", "start_time": start, "end_time": end });
        let made = prepared(api, &self.admin, "/api/match/", body).await?;
        let id = FixtureId(made.reply.made.context("a match")?);
        let some = seats.map(|count| -> Vec<SeatId> {
            let places = (1..=ROWS).flat_map(|row| (1..=SEATS).map(move |number| (row, number)));
            places.take(count).map(|(row, number)| seat(stadium, row, number)).collect()
        });
        let offer = json!({ "price": self.price, "seats": some });
        prepared(api, &self.admin, &format!("/api/match/{id}/tickets"), offer).await?;
        let has_seats = async |_, map: Value| {
            map.get("sections").and_then(Value::as_array).is_some_and(|all| !all.is_empty())
        };
        until_known(api, &self.admin, &format!("/api/match/{id}/seats"), has_seats).await?;
        Ok(Match { id, stadium })
    }
}

async fn prepared(api: &Api, admin: &Person, path: &str, body: Value) -> Result<Answer> {
    let ask = Ask::get(Action::Prepare, path).posted(Some(body)).keyed();
    let answer = api.decided(STRANGER, 0, &ask.by(Some(admin.token.clone()))).await?;
    ensure!(answer.reply.status == 201, "{path} was refused: {:?}", answer.reply);
    Ok(answer)
}

/// Waits until each replica answers a question of the administrator as it should.
///
/// # Errors
/// If one does not in time.
async fn until_known(
    api: &Api,
    admin: &Person,
    path: &str,
    is_so: impl AsyncFn(StatusCode, Value) -> bool,
) -> Result<()> {
    // Not in the journal: nothing comes of it, and until then it may well be refused.
    let (client, begun) = (local::client(), Instant::now());
    for replica in 0..api.replicas() {
        let url = format!("{}{path}", api.url(replica));
        loop {
            let answer = client.get(&url).bearer_auth(&admin.token).send().await?;
            let (status, body) = (answer.status(), answer.json().await.unwrap_or_default());
            if is_so(status, body).await {
                break;
            }
            ensure!(begun.elapsed() < KNOWN_WITHIN, "{path} is still {status}");
            sleep(LOOK).await;
        }
    }
    Ok(())
}
