//! Somebody leaves the market: what they offer is withdrawn, as far as nobody holds it. What is
//! held or sold goes on: the buyer's money and ticket do not depend on the seller. But it remembers
//! that its seller left, and is withdrawn whenever it is free again.

use async_trait::async_trait;
use shared_events::AccountId;
use uuid::Uuid;

use super::listing::{LeaveListing, Listing, ListingCommand};
use super::listings::{Filter, Key, Listings, Sort, Status};
use crate::platform::append::{Attached, Origin};
use crate::platform::caught_up::CaughtUp;
use crate::platform::clock::Clock;
use crate::platform::commands::{Commands, Done, Execution};
use crate::platform::erasure::{Leaving, LeavingError};

/// Listings that are read at a time.
const PAGE: i64 = 200;

/// Withdraws what somebody offers.
pub(super) struct LeavingMarket {
    /// Commands on listings.
    pub(super) commands: Commands<Listing>,
    /// Finds them.
    pub(super) listings: Listings,
    /// Waits until those of a moment ago are found.
    pub(super) caught_up: CaughtUp,
    /// The time.
    pub(super) clock: Clock,
}

#[async_trait]
impl Leaving for LeavingMarket {
    async fn leave(&self, account: Uuid) -> Result<(), LeavingError> {
        let by = AccountId(account);
        self.caught_up.wait().await?;
        let filter = Filter { seller: Some(by), ..Filter::default() };
        let mut after = None;
        loop {
            let now = self.clock.now();
            let page = self.listings.list(&filter, Sort::Oldest, after, PAGE, now).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some(Key::of(&last.row));
            for found in &page {
                // What is known to be done is not asked again.
                if found.row.seller_left || found.row.status_at(now) == Status::Withdrawn {
                    continue;
                }
                let command = ListingCommand::Leave(LeaveListing { by, now });
                let execution = Execution::new(Origin::new(), now);
                let nothing = |_: &Done<Listing>| Attached::default();
                let id = found.row.listing_id;
                self.commands.execute(id, command, execution, nothing).await?;
            }
        }
    }
}
