//! Notifications: people are told of what concerns them, in the product and by e-mail.
//!
//! | word | meaning |
//! | --- | --- |
//! | notice | that somebody is to be told of something, because of an event; projected |
//! | kind | what it is they are told of; each person can switch it off for each channel |
//! | due | to be told from that moment on; a reminder is due in the future |
//! | withdrawn | not to be told any more: it was not due yet when it lost its sense |
//! | stopped | of an address: who reads mail there wants none, whichever account names it |
//! | delivery | what became of a notice by one channel: read, sent, bounced …; state, never rebuilt |
//!
//! Invariants: one notice for each cause, person and kind, whatever way the events come; one
//! delivery for each notice and channel; no mail is handed to a server twice unless the server
//! itself said that it has not taken it; notices hold ids, times and what is public, no personal
//! data and nothing that people wrote: names and titles are joined when somebody reads.
//!
//! Each of the four logs has a projection with tables of its own (`links.rs`, `market.rs`,
//! `venues.rs`, `outings.rs`), because `rebuild` makes and swaps the tables of one projection. They
//! follow logs that other contexts write: nothing is written here but deliveries, switches and
//! stopped addresses.

mod dead_address;
mod deliveries;
pub mod http;
mod invariants;
mod kind;
mod leads;
mod links;
mod looks;
mod mail;
mod mailer;
mod market;
mod notice;
mod outcome;
mod outings;
mod reading;
mod reminders;
mod server_pause;
mod settings;
mod smtp;
mod stops;
mod venues;
mod wiring;
mod words;

pub use links::LinkNotices;
pub use market::MarketNotices;
pub use outings::OutingNotices;
pub use venues::VenueNotices;
pub use wiring::Notifications;
