//! Outings: people go to the cinema together. A host announces "this film, there, then, so many
//! places", guests apply, the host accepts or declines. Nobody pays. Afterwards host and guests
//! rate each other.
//!
//! ```text
//! announcement: draft --open--> open <--> full --> over (by the clock)
//!                  \______________\________\---> cancelled, until it begins
//! booking:      applied --host--> accepted <--> declined    until it begins (who has no place
//!                                                            leaves until it is over)
//!                       --guest-> withdrawn <--> confirmed, removed
//! rating:       one has rated --> both have, or 14 days are over: published
//! ```
//! Invariants: there are never more guests than places: the announcement's stream gives them, and
//! holds its bookings. Nobody is at two outings at a time, as host or as guest: that is decided by
//! the stream of that person's engagements, in the same append. Only an outing that is moved or
//! called off takes its guests along later: a deadline written in that append has each of them
//! follow; who is elsewhere then is marked, and the outing waits until they have time for it. An
//! announcement is over, and a review can be read, by the clock. Only who was there rates, each the
//! other once, and within the 14 days in which one can answer nobody sees what the other has said,
//! nor that they have, before answering; who rates only after that may have read it. What people
//! write is in the vault.
//!
//! An aggregate has a folder with a file for each of its decisions; what decides over several of
//! them in one append stands beside them: `hosting`, `attending`, `moving`, `waiting`, `reviewing`.

pub mod announcement;
pub mod announcements;
pub mod attending;
pub mod bookings;
pub mod engagements;
pub mod error;
pub mod hosting;
pub mod http;
pub mod invariants;
mod leaving;
pub mod moving;
pub mod planner;
pub mod projection;
pub mod rating;
pub mod reviewing;
pub mod reviews;
pub mod texts;
pub mod waiting;
mod wiring;

pub use wiring::Outings;
