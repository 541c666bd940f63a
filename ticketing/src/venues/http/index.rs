//! The index of the original system: where its collections are.

use std::sync::Arc;

use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::Tag;
use crate::api::authentication::RequiredCaller;
use crate::api_error::ApiError;

/// What the route needs.
pub struct IndexApi {
    /// What addresses begin with.
    pub public_url: Arc<str>,
}

/// Where the collections are.
#[derive(Object)]
#[oai(rename = "VenuesIndex", example)]
struct Index {
    /// Tickets.
    ticket: String,
    /// Stadiums.
    stadium: String,
    /// Seats of stadiums.
    seat: String,
    /// Matches.
    #[oai(rename = "match")]
    fixture: String,
    /// Wallets.
    wallet: String,
    /// Named prices.
    price: String,
}

impl Index {
    fn below(url: &str) -> Self {
        let of = |name: &str| format!("{url}/api/{name}/");
        Self {
            ticket: of("ticket"),
            stadium: of("stadium"),
            seat: of("seat"),
            fixture: of("match"),
            wallet: of("wallet"),
            price: of("price"),
        }
    }
}

impl Example for Index {
    fn example() -> Self {
        Self::below("http://localhost:5000")
    }
}

#[derive(ApiResponse)]
enum IndexAnswer {
    /// The collections
    #[oai(status = 200)]
    Found(Json<Index>),
}

#[OpenApi(tag = "Tag::Venues")]
impl IndexApi {
    /// Find the collections
    ///
    /// Errors: none beside those of every call.
    #[oai(path = "/api", method = "get", operation_id = "venues_index")]
    async fn index(&self, _caller: RequiredCaller) -> Result<IndexAnswer, ApiError> {
        Ok(IndexAnswer::Found(Json(Index::below(&self.public_url))))
    }
}
