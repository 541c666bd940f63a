//! The market played over HTTP, as its users see it: accounts with cookies, listings, orders and
//! payments, against real processes.
//!
//! `given` makes the states tests start from. All other files hold tests.

mod crashes;
mod events;
pub(crate) mod given;
mod late_news;
mod listings;
mod orders;
mod payments;
mod projection;
mod races;
mod sessions;
mod sign_in;
mod stripe;
mod verify;
