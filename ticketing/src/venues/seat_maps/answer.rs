//! A seat map as it is answered: one digit a seat, so that 50,000 seats are far less than a
//! megabyte.

use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use shared_events::{FixtureId, TariffId};

use crate::venues::fixture::Terms;

/// Seats of one row that cost the same.
pub(super) struct RowSeen {
    pub(super) section: usize,
    pub(super) row: u32,
    pub(super) first: u32,
    pub(super) price: usize,
    pub(super) seats: String,
}

#[derive(Serialize)]
struct MapSeen {
    r#match: FixtureId,
    prices: Vec<PriceSeen>,
    sections: Vec<SectionSeen>,
}

#[derive(Serialize)]
struct PriceSeen {
    id: TariffId,
    unit_price: serde_json::Number,
}

#[derive(Serialize)]
struct SectionSeen {
    name: Arc<str>,
    rows: Vec<RowOfSection>,
}

#[derive(Serialize)]
struct RowOfSection {
    row: u32,
    first: u32,
    price: usize,
    seats: String,
}

/// The body; `rows` come section by section.
pub(super) fn body(
    fixture: FixtureId,
    names: &[Arc<str>],
    rows: impl Iterator<Item = RowSeen>,
    terms: &[Terms],
) -> Bytes {
    let mut sections: Vec<SectionSeen> = Vec::new();
    let mut last = None;
    for RowSeen { section, row, first, price, seats } in rows {
        if last != Some(section) {
            let name = names.get(section).cloned().unwrap_or_default();
            sections.push(SectionSeen { name, rows: Vec::new() });
            last = Some(section);
        }
        if let Some(section) = sections.last_mut() {
            section.rows.push(RowOfSection { row, first, price, seats });
        }
    }
    let price = |terms: &Terms| PriceSeen {
        id: terms.tariff,
        unit_price: unit_price(terms.price.price_minor),
    };
    let prices = terms.iter().map(price).collect();
    let seen = MapSeen { r#match: fixture, prices, sections };
    // Writing strings and numbers can not fail.
    serde_json::to_vec(&seen).unwrap_or_default().into()
}

fn unit_price(minor: i64) -> serde_json::Number {
    if minor % 100 == 0 {
        return (minor / 100).into();
    }
    // The nearest float is written with the same two places for every price there is.
    serde_json::Number::from_f64(minor as f64 / 100.0).unwrap_or_else(|| 0.into())
}
