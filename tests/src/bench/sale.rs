//! A stadium and its matches with all seats on sale, made over HTTP as an administrator does.

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use shared_events::{FixtureId, Place, SeatId, StadiumId, TicketId};
use std::time::Duration;
use tokio::time::Instant;

use super::crowd::Member;
use super::http::{Connection, post};
use super::stage::Stage;

/// How long before the first match.
const AHEAD: TimeDelta = TimeDelta::days(30);

/// The plan of a stadium: sections of equal rows.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Sections, called `S1`, `S2` and so on.
    pub sections: u32,
    /// Rows of each section.
    pub rows: u32,
    /// Seats of each row.
    pub seats: u32,
}

impl Plan {
    /// All seats.
    pub fn count(self) -> usize {
        self.sections as usize * self.rows as usize * self.seats as usize
    }

    /// All places, section by section.
    pub fn places(self) -> impl Iterator<Item = Place> {
        let Self { sections, rows, seats } = self;
        (0..sections * rows * seats).map(move |n| Place {
            section: section(n / (rows * seats)),
            row: n / seats % rows + 1,
            number: n % seats + 1,
        })
    }
}

/// What the section of this number, counted from 0, is called.
pub fn section(number: u32) -> String {
    format!("S{}", number + 1)
}

/// A stadium, a named price, and whoever administrates them.
#[derive(Debug)]
pub struct Stadium {
    id: StadiumId,
    tariff: String,
    plan: Plan,
    admin: Member,
    connection: Connection,
    /// When the next match begins.
    next: DateTime<Utc>,
}

/// A match with all seats on sale.
#[derive(Clone, Copy, Debug)]
pub struct Match {
    /// Which.
    pub id: FixtureId,
    stadium: StadiumId,
    /// Until the seats were on sale.
    pub took: Duration,
}

impl Match {
    /// The ticket for a place.
    pub fn ticket(&self, place: &Place) -> TicketId {
        TicketId::of(self.id, SeatId::of(self.stadium, place))
    }
}

impl Stadium {
    /// A new one with this plan.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn build(stage: &Stage, admin: Member, plan: Plan) -> Result<Self> {
        let mut connection = Connection::open(stage.address).await?;
        let token = Some(admin.token.as_str());
        let body = json!({ "name": "Arena", "description": "measured" });
        let id = made(&mut connection, &post("/api/stadium/", token, &body)).await?;
        let sections: Vec<_> = (0..plan.sections)
            .map(|n| json!({ "name": section(n), "rows": plan.rows, "seats_per_row": plan.seats }))
            .collect();
        let seats =
            post(&format!("/api/stadium/{id}/seats"), token, &json!({ "sections": sections }));
        connection.call(&seats).await?.expect(201)?;
        let body = json!({ "name": "Adults", "unit_price": 20 });
        let tariff = made(&mut connection, &post("/api/price/", token, &body)).await?;
        let (id, next) = (StadiumId(id.parse()?), stage.now().await? + AHEAD);
        Ok(Self { id, tariff, plan, admin, connection, next })
    }

    /// All its places.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        self.plan.places()
    }

    /// Its next match, all seats on sale.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn sell(&mut self) -> Result<Match> {
        let (start, end) = (self.next, self.next + TimeDelta::hours(2));
        self.next = end;
        let token = Some(self.admin.token.as_str());
        let body =
            json!({ "stadium": self.id, "title": "Final", "start_time": start, "end_time": end });
        let id = made(&mut self.connection, &post("/api/match/", token, &body)).await?;
        let path = format!("/api/match/{id}/tickets");
        let offer = post(&path, token, &json!({ "price": self.tariff }));
        let begun = Instant::now();
        self.connection.call(&offer).await?.expect(201)?;
        Ok(Match { id: FixtureId(id.parse()?), stadium: self.id, took: begun.elapsed() })
    }
}

async fn made(connection: &mut Connection, request: &[u8]) -> Result<String> {
    let answer = connection.call(request).await?.expect(201)?;
    Ok(answer.member("id").context("an answer without an id")?.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_plan_has_each_of_its_places_once() {
        let plan = Plan { sections: 2, rows: 3, seats: 4 };
        let places: HashSet<Place> = plan.places().collect();
        assert_eq!((places.len(), plan.count()), (24, 24));
        let corner = |section: &str, row, number| Place { section: section.into(), row, number };
        assert!(places.contains(&corner("S1", 1, 1)) && places.contains(&corner("S2", 3, 4)));
    }
}
