//! The same promises for the venues: what was acknowledged is in the history, everything has its
//! effect once, a seat has one holder, and money and seats add up.

mod durable;
mod holders;
mod money;
mod once;
#[cfg(test)]
mod sample;

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::chaos::findings::Findings;
use crate::chaos::findings::venues::VenuesEvent;

pub(super) use durable::durable;
pub(super) use holders::{liveness, one_holder};
pub(super) use money::money;
pub(super) use once::once;

/// The streams of one aggregate, each in its order.
fn streams<'a>(findings: &'a Findings, aggregate: &str) -> BTreeMap<Uuid, Vec<&'a VenuesEvent>> {
    let mut streams: BTreeMap<Uuid, Vec<&VenuesEvent>> = BTreeMap::new();
    for event in findings.venues_events.iter().filter(|event| event.aggregate == aggregate) {
        streams.entry(event.stream).or_default().push(event);
    }
    streams
}

/// The events of this type of this aggregate.
fn kinds<'a>(
    findings: &'a Findings,
    aggregate: &'a str,
    kind: &'a str,
) -> impl Iterator<Item = &'a VenuesEvent> {
    let is = move |event: &&VenuesEvent| event.aggregate == aggregate && event.kind == kind;
    findings.venues_events.iter().filter(is)
}
