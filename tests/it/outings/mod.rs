//! Outings played over HTTP, as hosts and guests see them, against real processes.
//!
//! `given` makes the states tests start from. All other files hold tests.

mod announcements;
mod answers;
mod bookings;
mod changing;
mod conditions;
mod erasing;
mod following;
pub(crate) mod given;
mod lists;
mod moving;
mod narrow;
mod races;
mod reviews;
mod verify;
