//! Projects the log of the market into its read tables: one builder for all of them, so that they
//! agree with each other.

use async_trait::async_trait;
use cqrs_es::Aggregate;
use deadpool_postgres::Transaction;
use shared_events::topology::{MARKET_LOG, PROJECT_MARKET, Queue};

use super::listing::Listing;
use super::order::Order;
use super::payment::Payment;
use super::{listings, orders, payments};
use crate::platform::event_store::{ReadError, StoredEvent};
use crate::platform::projections::Projection;
use crate::platform::read_table::update;

/// Listings, orders and payments.
pub struct MarketProjection;

#[async_trait]
impl Projection for MarketProjection {
    fn name(&self) -> &'static str {
        "market"
    }

    fn log(&self) -> &'static str {
        MARKET_LOG
    }

    fn queue(&self) -> &'static Queue {
        &PROJECT_MARKET
    }

    fn tables(&self) -> &'static [&'static str] {
        &["listings", "orders", "payments"]
    }

    async fn apply(
        &self,
        transaction: &Transaction<'_>,
        events: &[StoredEvent],
    ) -> Result<(), ReadError> {
        let of = |aggregate| {
            events.iter().filter(move |event: &&StoredEvent| event.aggregate == aggregate)
        };
        update(transaction, of(Listing::TYPE), listings::project).await?;
        update(transaction, of(Order::TYPE), orders::project).await?;
        update(transaction, of(Payment::TYPE), payments::project).await
    }
}
