//! Names in answers that are kept for repeats: there are none. Whoever is erased would otherwise be
//! called by name in what others were answered. A repeat is answered with what people are called
//! by then. Not here: what else is kept (`answers.rs`).

use std::collections::HashMap;

use shared_events::AccountId;
use uuid::Uuid;

use super::Service;
use super::answers::{AnnouncementSeen, BookingSeen};
use crate::api_error::ApiError;

impl Service {
    /// A booking with names. Who has just acted on it is one of the two, and has a name.
    pub(super) async fn booking_named(&self, seen: BookingSeen) -> Result<BookingSeen, ApiError> {
        let is_named = ![&seen.author_name, &seen.guest_name].into_iter().all(String::is_empty);
        if is_named {
            return Ok(seen);
        }
        let name = self.namer(&[seen.author_id, seen.guest_id]).await?;
        let (author_name, guest_name) = (name(seen.author_id), name(seen.guest_id));
        Ok(BookingSeen { author_name, guest_name, ..seen })
    }

    /// An announcement with names. Who has just acted on it is its host, and has a name.
    pub(super) async fn announcement_named(
        &self,
        mut seen: AnnouncementSeen,
    ) -> Result<AnnouncementSeen, ApiError> {
        if !seen.author_name.is_empty() {
            return Ok(seen);
        }
        let guests = seen.guest_list.iter().map(|guest| guest.guest_id);
        let people: Vec<_> = guests.chain([seen.author_id]).collect();
        let name = self.namer(&people).await?;
        seen.author_name = name(seen.author_id);
        for guest in &mut seen.guest_list {
            guest.guest_name = name(guest.guest_id);
        }
        Ok(seen)
    }

    async fn namer(&self, people: &[Uuid]) -> Result<impl Fn(Uuid) -> String + use<>, ApiError> {
        let people: Vec<_> = people.iter().copied().map(AccountId).collect();
        let names: HashMap<AccountId, String> = self.people.names(&people).await?;
        Ok(move |id| names.get(&AccountId(id)).cloned().unwrap_or_default())
    }
}
