//! The market: people offer tickets, others buy them. Who starts to buy holds the ticket for a
//! while; nobody else can have it meanwhile; what is not paid in time is free again.
//!
//! ```text
//! listing:  free --reserve--> held --sell--> sold
//!            ^ \              /                /
//!            |  \--withdraw  / release        / release (refund)
//!            \--------------/----------------/
//! order:    created <--declined-- awaiting payment --> completed --> refunded
//!             \-- cancelled, expired -- (a late capture) --/------------/
//! payment:  started --> captured --> refunding --> refunded
//!                  \--> declined
//! ```
//! Invariants: a listing has one holder at a time, and who that is, is decided by its stream: a
//! hold and its order are one append. Whether a hold has ended is a comparison with the clock, at
//! which nothing has to happen. The price is that of the moment the order was placed. No money is
//! taken twice for an order, and money that came too late is answered with the ticket or goes back.
//!
//! An aggregate has a folder with a file for each of its decisions; what decides over several of
//! them in one append stands beside them: `buying.rs`, and `paying.rs` with the provider in
//! between.

pub mod buying;
pub mod error;
pub mod http;
pub mod invariants;
mod leaving;
pub mod listing;
pub mod listings;
pub mod order;
pub mod orders;
pub mod paying;
pub mod payment;
pub mod payments;
pub mod projection;
mod wiring;
pub mod words;

pub use wiring::Market;
