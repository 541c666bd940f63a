//! What people wrote, in the vault: each text under the id that events carry. Erased ones are
//! empty. Not here: which texts there may be.

use std::collections::HashMap;

use secrecy::ExposeSecret;
use shared_events::TextId;
use uuid::Uuid;

use crate::platform::append::NewSecret;
use crate::platform::database::DatabaseError;
use crate::platform::vault::Vault;

/// What the title of an announcement is called in the vault.
pub const TITLE: &str = "announcement_title";
/// What its description is called.
pub const DESCRIPTION: &str = "announcement_description";
/// What the place to meet is called.
pub const LOCATION: &str = "announcement_location";
/// What was written in a review.
pub const REVIEW: &str = "review_text";

/// A text for the vault.
pub fn in_vault(id: TextId, name: &'static str, text: &str) -> NewSecret {
    NewSecret { id: id.0, name, value: text.to_owned(), expires_at: None }
}

/// The texts that are still there, whatever they are called: each has an id of its own.
///
/// # Errors
/// [`DatabaseError`] if Postgres does not answer.
pub async fn find(vault: &Vault, ids: &[TextId]) -> Result<HashMap<TextId, String>, DatabaseError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let found = vault.find_all(&ids).await?;
    Ok(found.iter().map(|(id, text)| (TextId(*id), text.expose_secret().to_owned())).collect())
}
