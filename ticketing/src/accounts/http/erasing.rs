//! Leaving, over HTTP.

use std::sync::Arc;

use poem_openapi::{ApiResponse, OpenApi};

use super::super::Accounts;
use super::super::erase::EraseError;
use super::Tag;
use crate::api::authentication::RequiredCaller;
use crate::api::cookies::{Cookies, WithCookies};
use crate::api_error::ApiError;

#[derive(ApiResponse)]
enum Erased {
    /// Erased
    #[oai(status = 204)]
    Done,
}

/// The door out.
pub struct ErasingApi {
    pub(super) accounts: Arc<Accounts>,
}

#[OpenApi(tag = "Tag::Accounts")]
impl ErasingApi {
    /// Leave, and be erased
    ///
    /// Name, addresses, password and all that you wrote are deleted at once, and your tokens
    /// refused. What you offer is withdrawn. What happened stays on record without you: under a
    /// number that nobody can tell whose it was. Of an address that mail went to a digest (SHA-256)
    /// is kept for a year, and for good if its reader has stopped mail to it. There is no way back;
    /// a wallet that is not empty is lost.
    ///
    /// Errors: `unavailable`.
    #[oai(path = "/account", method = "delete", operation_id = "delete_account")]
    async fn erase(&self, caller: RequiredCaller) -> Result<WithCookies<Erased>, ApiError> {
        self.accounts.erase(&caller.0).await?;
        Ok(WithCookies { answer: Erased::Done, cookies: Cookies::ended() })
    }
}

impl From<EraseError> for ApiError {
    fn from(error: EraseError) -> Self {
        match error {
            EraseError::Leaving(error) => Self::unavailable(&*error),
            EraseError::Database(error) => error.into(),
        }
    }
}
