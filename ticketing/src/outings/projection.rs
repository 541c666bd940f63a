//! Projects the log of the outings into its read tables: one builder for all of them, so that they
//! agree with each other.

use async_trait::async_trait;
use cqrs_es::{Aggregate, DomainEvent};
use deadpool_postgres::Transaction;
use shared_events::topology::{OUTINGS_LOG, PROJECT_OUTINGS, Queue};
use shared_events::{AnnouncementEvent, Envelope, RatingEvent};
use uuid::Uuid;

use super::announcement::Announcement;
use super::rating::Rating;
use super::{announcements, bookings, reviews};
use crate::platform::event_store::{ReadError, StoredEvent, decode};
use crate::platform::projections::Projection;
use crate::platform::read_table::update;

/// The projection's name.
pub const OUTINGS_PROJECTION: &str = "outings";

/// Announcements, bookings and reviews.
pub struct OutingsProjection;

fn decoded<'a, E: DomainEvent>(
    events: impl Iterator<Item = &'a StoredEvent>,
) -> Result<Vec<Envelope<E>>, ReadError> {
    events.map(|event| decode(event.clone())).collect()
}

#[async_trait]
impl Projection for OutingsProjection {
    fn name(&self) -> &'static str {
        OUTINGS_PROJECTION
    }

    fn log(&self) -> &'static str {
        OUTINGS_LOG
    }

    fn queue(&self) -> &'static Queue {
        &PROJECT_OUTINGS
    }

    fn tables(&self) -> &'static [&'static str] {
        &["announcements", "bookings", "reviews"]
    }

    async fn apply(
        &self,
        transaction: &Transaction<'_>,
        events: &[StoredEvent],
    ) -> Result<(), ReadError> {
        let of = |aggregate| {
            events.iter().filter(move |event: &&StoredEvent| event.aggregate == aggregate)
        };
        update(transaction, of(Announcement::TYPE), announcements::project).await?;
        let mut changed: Vec<Uuid> = Vec::new();
        for event in decoded::<AnnouncementEvent>(of(Announcement::TYPE))? {
            bookings::project(transaction, &event).await?;
            changed.push(event.aggregate_id);
        }
        changed.sort_unstable();
        changed.dedup();
        if !changed.is_empty() {
            announcements::count_places(transaction, &changed).await?;
        }
        for event in decoded::<RatingEvent>(of(Rating::TYPE))? {
            reviews::project(transaction, &event).await?;
        }
        Ok(())
    }
}
