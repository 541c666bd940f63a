//! Keeping the maps true: they are filled from the read tables as of the projection's checkpoint,
//! then every event after it is read from the log, as soon as there is news of it. What comes twice
//! is known by its sequence, so the two need not fit exactly. An event that can not be read stops
//! them where they are, loudly, as it stops the projections.

use std::time::Duration;

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use futures_util::future::try_join_all;
use shared_events::topology::VENUES_LOG;
use shared_events::{
    AccountId, Currency, Envelope, FixtureEvent, FixtureId, HoldId, Price, PurchaseId, SeatEvent,
    TicketId,
};
use tokio::time::{Instant, timeout};
use tokio_postgres::Row;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{KEPT_AFTER_END, KnownSeat, Maps, SeatMaps};
use crate::platform::causes::causes;
use crate::platform::clock::Clock;
use crate::platform::database::DatabaseError;
use crate::platform::event_store::{self, READ_LOG, ReadError, StoredEvent, decode};
use crate::venues::fixture::Fixture;
use crate::venues::projection::VENUES_PROJECTION;
use crate::venues::seat::Seat;

/// Events read at once.
const CHUNK: i64 = 1_000;
/// How long without news before the log is looked at nevertheless; as often what is over is
/// forgotten.
const IDLE: Duration = Duration::from_secs(1);
/// The pause after a failure, the first of those that grow.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Streams that are read at the same moment.
const AT_ONCE: usize = 64;

impl SeatMaps {
    /// Follows the log until told to stop.
    pub async fn follow(self, clock: Clock, stop: CancellationToken) {
        let work = async {
            let mut pause = PAUSE;
            loop {
                match self.follow_history(&clock, &mut pause).await {
                    Ok(()) => {
                        tracing::info!("the log is another history: the seat maps begin anew")
                    }
                    Err(error) => {
                        metrics::counter!("ticketing_seat_maps_failed_total").increment(1);
                        tracing::error!(error = causes(&error), "the seat maps can not be kept");
                        tokio::time::sleep(pause).await;
                        pause = (pause * 2).min(LONGEST_PAUSE);
                    }
                }
            }
        };
        tokio::select! {
            () = work => {}
            () = stop.cancelled() => {}
        }
    }

    /// Fills the maps and keeps them true, also when Postgres is away for a while; returns when the
    /// log is another history.
    async fn follow_history(&self, clock: &Clock, pause: &mut Duration) -> Result<(), ReadError> {
        let history = event_store::history(self.store.database(), VENUES_LOG).await?;
        let mut head = self.store.signal().head();
        let mut position = self.fill(clock.now()).await?;
        *pause = PAUSE;
        let mut tidied = Instant::now();
        loop {
            head.mark_unchanged();
            let news = match self.news(position).await {
                Ok(news) => news,
                Err(error) => {
                    // What is known stays known; nothing is read again.
                    tracing::warn!(error = causes(&error), "the seat maps lag behind");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let more = news.len();
            for event in news {
                position = take(event, |change| change.make(&mut self.write()))?;
            }
            self.position.send_replace(position);
            if tidied.elapsed() > IDLE {
                tidied = Instant::now();
                self.write().forget(clock.now());
                match event_store::history(self.store.database(), VENUES_LOG).await {
                    Ok(now) if now != history => return Ok(()),
                    _ => {}
                }
            }
            if more == 0 {
                timeout(IDLE, head.changed()).await.ok();
            }
        }
    }

    async fn news(&self, after: i64) -> Result<Vec<StoredEvent>, DatabaseError> {
        let client = self.store.database().get().await?;
        let statement = client.prepare_cached(READ_LOG).await?;
        Ok(event_store::read_log(&**client, &statement, VENUES_LOG, after, CHUNK).await?)
    }

    /// Puts together what the read tables have and what has come since, so that nobody ever sees
    /// less than before; returns up to which position that is.
    async fn fill(&self, now: DateTime<Utc>) -> Result<i64, ReadError> {
        let (mut position, fixtures) = {
            let client = self.store.database().get().await?;
            let checkpoint = "select position from checkpoints where projection = $1";
            let row = client.query_opt(checkpoint, &[&VENUES_PROJECTION]).await?;
            let position: i64 = row.map_or(Ok(0), |row| row.try_get(0))?;
            let fixtures = "select fixture_id from fixtures where ends_at > $1";
            let rows = client.query(fixtures, &[&(now - KEPT_AFTER_END)]).await?;
            let id = |row: &Row| Ok(FixtureId(row.try_get(0)?));
            let fixtures: Result<Vec<_>, tokio_postgres::Error> = rows.iter().map(id).collect();
            (position, fixtures?)
        };
        let mut maps = self.load(&fixtures).await?;
        loop {
            let news = self.news(position).await?;
            if news.is_empty() {
                break;
            }
            for event in news {
                position = take(event, |change| change.make(&mut maps))?;
            }
        }
        *self.write() = maps;
        self.position.send_replace(position);
        Ok(position)
    }

    /// Some matches with their seats, at least as new as the read tables are.
    pub(super) async fn load(&self, fixtures: &[FixtureId]) -> Result<Maps, ReadError> {
        let mut maps = Maps::default();
        for some in fixtures.chunks(AT_ONCE) {
            let streams =
                some.iter().map(|id| self.store.stream::<FixtureEvent>(Fixture::TYPE, id.0));
            for event in try_join_all(streams).await?.iter().flatten() {
                maps.apply(event);
            }
        }
        let text = "select ticket_id, sequence, position, status, hold_id, holder, held_until, \
                    purchase_id, price_minor, currency from tickets \
                    where fixture_id = $1 and sequence > 0";
        // One match after the other: no statement takes long, however much was sold.
        for fixture in fixtures {
            let client = self.store.database().get().await?;
            for row in client.query(&client.prepare_cached(text).await?, &[&fixture.0]).await? {
                maps.set(known_seat(&row)?);
            }
        }
        Ok(maps)
    }
}

/// What an event changes in the maps.
enum Change {
    Fixture(Envelope<FixtureEvent>),
    Seat(Envelope<SeatEvent>),
}

impl Change {
    fn make(&self, maps: &mut Maps) {
        match self {
            Self::Fixture(event) => maps.apply(event),
            Self::Seat(event) => maps.apply_to_seat(event),
        }
    }
}

/// Has the change made that an event is, if it is one; its position.
fn take(event: StoredEvent, make: impl FnOnce(Change)) -> Result<i64, ReadError> {
    let position = event.position;
    if event.aggregate == Fixture::TYPE {
        make(Change::Fixture(decode(event)?));
    } else if event.aggregate == Seat::TYPE {
        make(Change::Seat(decode(event)?));
    }
    Ok(position)
}

fn known_seat(row: &Row) -> Result<KnownSeat, tokio_postgres::Error> {
    let (status, holder): (&str, Option<Uuid>) = (row.try_get(3)?, row.try_get(5)?);
    let (hold, until): (Option<Uuid>, Option<DateTime<Utc>>) = (row.try_get(4)?, row.try_get(6)?);
    let (purchase, currency): (Option<Uuid>, &str) = (row.try_get(7)?, row.try_get(9)?);
    let currency = Currency::ALL.into_iter().find(|known| known.as_str() == currency);
    let price_minor = row.try_get(8)?;
    let price = Price { price_minor, currency: currency.unwrap_or(Currency::Usd) };
    let seat = match (status, holder, hold, until, purchase) {
        ("reserved", Some(buyer), Some(hold), Some(until), _) => {
            Seat::Held { hold: HoldId(hold), buyer: AccountId(buyer), until, price }
        }
        ("confirmed", Some(buyer), _, _, Some(purchase)) => {
            Seat::Sold { purchase: PurchaseId(purchase), buyer: AccountId(buyer) }
        }
        _ => Seat::Free,
    };
    Ok(KnownSeat {
        ticket: TicketId(row.try_get(0)?),
        sequence: row.try_get(1)?,
        position: row.try_get(2)?,
        seat,
    })
}
