//! Notifications, as people get them: in the product over HTTP, and by e-mail through a real SMTP
//! server.
//!
//! `given` makes the states tests start from. All other files hold tests.

mod addresses;
mod clashes;
mod crashes;
mod given;
mod kinds;
mod latest;
mod leads;
mod mails;
mod outings;
mod overtaken;
mod privacy;
mod product;
mod projections;
mod reminders;
mod replies;
mod slow;
mod unsubscribing;
mod upgrades;
mod verify;
