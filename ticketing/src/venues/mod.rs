//! The venues: stadiums, the matches of a season, their seats, and the wallets they are paid with.
//! Many people try to buy at once. `fixture` in code is a match: `match` is a word of Rust.
//!
//! ```text
//! seat:      free --hold--> held --sell--> sold
//!             ^ \____________/               /
//!             |    release, or its time     / give back (refund)
//!             \----------------------------/
//! fixture:   scheduled (moved, seats put on sale) --> cancelled
//! wallet:    opened --> money comes in (top-up, refund), money goes out (purchase)
//! purchase:  made --> refunded
//! top-up:    started --> captured | declined
//! ```
//! Invariants: one seat of one match is the boundary: who has it is decided by its stream, nobody
//! looks first and books then. Several seats, and a purchase (seats, wallet, purchase, basket), are
//! one append. Whether a hold has ended is a comparison with the clock; who releases names the
//! hold. What a match sells, and when it begins, is guarded by its stream in every append that
//! sells. Two matches of a stadium never overlap, and a place has one seat: by the stadium's
//! stream. No wallet is ever below nothing, and all accounts of the books together are zero.
//!
//! An aggregate has a folder with a file for each of its decisions; what decides over several of
//! them in one append stands beside them: `scheduling`, `offering`, `holding`, `purchasing`, and
//! `topping_up` with the provider in between. `seat_maps` is the memory that serves the map and
//! shows commands what they will probably find.

pub mod access_right;
pub mod basket;
pub mod best_available;
pub mod consumer;
pub mod error;
pub mod fixture;
pub mod fixtures;
pub mod granting;
pub mod holding;
pub mod http;
pub mod invariants;
pub mod offering;
mod pairs;
pub mod place_key;
pub mod projection;
pub mod purchase;
pub mod purchases;
pub mod purchasing;
pub mod sample_season;
pub mod scheduling;
pub mod seat;
pub mod seat_maps;
pub mod stadium;
pub mod stadium_seats;
pub mod stadiums;
pub mod tariff;
pub mod tariffs;
pub mod ticket_status;
pub mod tickets;
pub mod top_up;
pub mod topping_up;
pub mod wallet;
pub mod wallets;
mod wiring;

pub use wiring::Venues;
