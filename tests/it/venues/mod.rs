//! The venues played over HTTP, as spectators and administrators see them: stadiums, matches,
//! seats, wallets and purchases, against real processes.
//!
//! `given` makes the states tests start from. All other files hold tests.

mod expiry;
mod gate;
pub(crate) mod given;
mod matches;
mod purchases;
mod races;
mod reserving;
mod samples;
mod seat_maps;
mod seats;
mod settings;
mod stadiums;
mod tickets;
mod verify;
mod wallets;
