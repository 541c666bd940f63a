//! Projects the log of the venues into its read tables: one builder for all of them, so that they
//! agree with each other.

use async_trait::async_trait;
use cqrs_es::{Aggregate, DomainEvent};
use deadpool_postgres::Transaction;
use shared_events::topology::{PROJECT_VENUES, Queue, VENUES_LOG};
use shared_events::{Envelope, FixtureEvent, SeatEvent, StadiumEvent, WalletEvent};
use uuid::Uuid;

use super::fixture::Fixture;
use super::purchase::Purchase;
use super::seat::Seat;
use super::stadium::Stadium;
use super::tariff::Tariff;
use super::wallet::Wallet;
use super::{fixtures, purchases, stadium_seats, stadiums, tariffs, tickets, wallets};
use crate::platform::event_store::{ReadError, StoredEvent, decode};
use crate::platform::projections::Projection;
use crate::platform::read_table::update;

/// The projection's name.
pub const VENUES_PROJECTION: &str = "venues";

/// Stadiums, matches, tickets, wallets and purchases.
pub struct VenuesProjection;

fn decoded<'a, E: DomainEvent>(
    events: impl Iterator<Item = &'a StoredEvent>,
) -> Result<Vec<Envelope<E>>, ReadError> {
    events.map(|event| decode(event.clone())).collect()
}

#[async_trait]
impl Projection for VenuesProjection {
    fn name(&self) -> &'static str {
        VENUES_PROJECTION
    }

    fn log(&self) -> &'static str {
        VENUES_LOG
    }

    fn queue(&self) -> &'static Queue {
        &PROJECT_VENUES
    }

    fn tables(&self) -> &'static [&'static str] {
        &[
            "stadiums",
            "stadium_seats",
            "tariffs",
            "fixtures",
            "tickets",
            "wallets",
            "ledger",
            "purchases",
        ]
    }

    async fn apply(
        &self,
        transaction: &Transaction<'_>,
        events: &[StoredEvent],
    ) -> Result<(), ReadError> {
        let of = |aggregate| {
            events.iter().filter(move |event: &&StoredEvent| event.aggregate == aggregate)
        };
        update(transaction, of(Stadium::TYPE), stadiums::project).await?;
        for event in decoded::<StadiumEvent>(of(Stadium::TYPE))? {
            stadium_seats::project(transaction, &event).await?;
        }
        update(transaction, of(Tariff::TYPE), tariffs::project).await?;
        // A ticket is there before anybody can hold it, and nothing of a match that comes later
        // says who has it: so the matches of a batch go before its seats.
        update(transaction, of(Fixture::TYPE), fixtures::project).await?;
        for event in decoded::<FixtureEvent>(of(Fixture::TYPE))? {
            tickets::project(transaction, &event).await?;
        }
        tickets::project_seats(transaction, &decoded::<SeatEvent>(of(Seat::TYPE))?).await?;
        let postings = decoded::<WalletEvent>(of(Wallet::TYPE))?;
        let ids: Vec<Uuid> = postings.iter().map(|event| event.aggregate_id).collect();
        let before = wallets::rows(transaction, &ids).await?;
        wallets::project_ledger(transaction, &postings, before).await?;
        update(transaction, of(Wallet::TYPE), wallets::project).await?;
        update(transaction, of(Purchase::TYPE), purchases::project).await
    }
}
