//! The market over HTTP: listings, orders, payments, and what the payment provider tells. No rules
//! and no SQL here.

mod admin;
mod answers;
mod errors;
mod limits;
mod listings;
mod orders;
mod payments;
mod requests;
mod webhooks;

use poem_openapi::Tags;

pub use admin::MarketAdminApi;
pub use limits::MarketLimits;
pub use listings::ListingsApi;
pub use orders::OrdersApi;
pub use payments::PaymentsApi;
pub use webhooks::WebhooksApi;

#[derive(Tags)]
enum Tag {
    /// The market: tickets that people offer, orders that hold them, payments.
    #[oai(rename = "market")]
    Market,
}
