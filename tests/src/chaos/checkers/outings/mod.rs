//! The same promises for the outings: what was acknowledged is in the history, everything has its
//! effect once, there are never more guests than places, nobody is at two outings at a time, all
//! have followed what was moved or called off, and each is told once of what concerns them.

mod durable;
mod history;
mod once;
mod places;
#[cfg(test)]
mod sample;
mod time;
mod told;

pub(super) use durable::durable;
pub(super) use once::once;
pub(super) use places::places;
pub(super) use time::{liveness, one_place};
pub(super) use told::told;
