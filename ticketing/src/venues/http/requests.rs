//! What the operations on stadiums, named prices and matches take, and the judgement of each
//! member.

use chrono::{DateTime, Datelike, SubsecRound, TimeDelta, Utc};
use poem_openapi::Object;
use poem_openapi::registry::MetaSchema;
use poem_openapi::types::Example;
use shared_events::{Place, SectionPlan};
use uuid::Uuid;

use super::super::stadium::{MOST_SEATS, NewPlace};
use super::answers::{example_id, example_instant};
use super::bounds::{Count, Items, UnitPrice};
use crate::api::money::Money;
use crate::api::text::{Rule, Text};
use crate::api_error::{ApiError, FieldError};

/// The longest name or title, in characters.
const LONGEST_NAME: usize = 200;
/// The longest description, in characters.
const LONGEST_DESCRIPTION: usize = 4_000;
/// The longest name of a section, in characters.
const LONGEST_SECTION: usize = 50;
/// The number of a row, or of a seat in its row.
type Ordinal = Count<1, 10_000>;
/// Rows of a section, or seats of a row.
type Length = Count<1, 1_000>;
/// The lowest and the highest price, in hundredths.
const PRICES: std::ops::RangeInclusive<i64> = 1..=100_000_000;

/// A stadium to be defined.
#[derive(Object)]
#[oai(rename = "NewStadium", example, skip_serializing_if_is_none)]
pub(super) struct NewStadium {
    /// What it is called, at most 200 characters.
    pub(super) name: Option<Text<Name>>,
    /// What it is like, at most 4,000 characters.
    pub(super) description: Text<Description>,
}

impl Example for NewStadium {
    fn example() -> Self {
        Self { name: Some(Text::new("Arena")), description: Text::new("A hall with a roof") }
    }
}

/// What changes of a stadium; what is left out stays.
#[derive(Object)]
#[oai(rename = "StadiumChange", example, skip_serializing_if_is_none)]
pub(super) struct StadiumChange {
    /// What it is called, at most 200 characters.
    pub(super) name: Option<Text<Name>>,
    /// What it is like, at most 4,000 characters.
    pub(super) description: Option<Text<Description>>,
}

impl Example for StadiumChange {
    fn example() -> Self {
        Self { name: Some(Text::new("Dome")), description: None }
    }
}

impl From<NewStadium> for StadiumChange {
    fn from(NewStadium { name, description }: NewStadium) -> Self {
        Self { name: Some(name.unwrap_or_else(|| Text::new(""))), description: Some(description) }
    }
}

/// Whole sections of seats.
#[derive(Object)]
#[oai(rename = "SeatPlan", example)]
pub(super) struct SeatPlan {
    /// Which, 1 to 200, with 100,000 seats at most.
    pub(super) sections: Items<PlannedSection, 1, 200>,
}

/// A section with rows of equal length.
#[derive(Object)]
#[oai(rename = "PlannedSection")]
pub(super) struct PlannedSection {
    /// Its name, 1 to 50 characters.
    pub(super) name: Text<Section>,
    /// How many rows, 1 to 1,000.
    pub(super) rows: Length,
    /// How many seats each has, 1 to 1,000.
    pub(super) seats_per_row: Length,
}

impl Example for SeatPlan {
    fn example() -> Self {
        let (rows, seats_per_row) = (Count(20), Count(40));
        let north = PlannedSection { name: Text::new("North"), rows, seats_per_row };
        Self { sections: Items(vec![north]) }
    }
}

/// A seat to be put into a stadium.
#[derive(Object)]
#[oai(rename = "NewSeat", example, skip_serializing_if_is_none)]
pub(super) struct NewSeat {
    /// Which stadium.
    pub(super) stadium: Uuid,
    /// The section's name, at most 50 characters.
    pub(super) section: Option<Text<Section>>,
    /// The row, 1 to 10,000.
    pub(super) row: Option<Ordinal>,
    /// The seat in its row, 1 to 10,000.
    pub(super) number: Option<Ordinal>,
    /// The same as `number`.
    pub(super) seat_number: Option<Ordinal>,
}

impl Example for NewSeat {
    fn example() -> Self {
        let section = Some(Text::new("North"));
        let (row, number) = (Some(Count(3)), Some(Count(7)));
        Self { stadium: example_id(1), section, row, number, seat_number: None }
    }
}

/// Where a seat will be; what is left out stays.
#[derive(Object)]
#[oai(rename = "SeatChange", example, skip_serializing_if_is_none)]
pub(super) struct SeatChange {
    /// Its stadium; a seat does not change it.
    pub(super) stadium: Option<Uuid>,
    /// The section's name, at most 50 characters.
    pub(super) section: Option<Text<Section>>,
    /// The row, 1 to 10,000.
    pub(super) row: Option<Ordinal>,
    /// The seat in its row, 1 to 10,000.
    pub(super) number: Option<Ordinal>,
    /// The same as `number`.
    pub(super) seat_number: Option<Ordinal>,
}

impl Example for SeatChange {
    fn example() -> Self {
        let (row, number) = (Some(Count(3)), Some(Count(8)));
        Self { stadium: None, section: None, row, number, seat_number: None }
    }
}

/// A price to be named.
#[derive(Object)]
#[oai(rename = "NewPrice", example)]
pub(super) struct NewTariff {
    /// Its name, 1 to 200 characters.
    pub(super) name: Text<Name>,
    /// How much it is: 0.01 to 1,000,000, with at most two places.
    pub(super) unit_price: UnitPrice,
}

impl Example for NewTariff {
    fn example() -> Self {
        Self { name: Text::new("Adults"), unit_price: UnitPrice(Money::minor(2_000)) }
    }
}

/// What changes of a named price; what is left out stays.
#[derive(Object)]
#[oai(rename = "PriceChange", example, skip_serializing_if_is_none)]
pub(super) struct TariffChange {
    /// Its name, 1 to 200 characters.
    pub(super) name: Option<Text<Name>>,
    /// How much it is: 0.01 to 1,000,000, with at most two places.
    pub(super) unit_price: Option<UnitPrice>,
}

impl Example for TariffChange {
    fn example() -> Self {
        Self { name: None, unit_price: Some(UnitPrice(Money::minor(2_500))) }
    }
}

impl From<NewTariff> for TariffChange {
    fn from(NewTariff { name, unit_price }: NewTariff) -> Self {
        Self { name: Some(name), unit_price: Some(unit_price) }
    }
}

/// A match to be scheduled.
#[derive(Object)]
#[oai(rename = "NewMatch", example, skip_serializing_if_is_none)]
pub(super) struct NewFixture {
    /// In which stadium.
    pub(super) stadium: Uuid,
    /// What it is called, at most 200 characters.
    pub(super) title: Option<Text<Name>>,
    /// Its first instant, in the future.
    pub(super) start_time: DateTime<Utc>,
    /// Its end, after the start, within 30 days.
    pub(super) end_time: DateTime<Utc>,
    /// Whether only holders of a used access link may buy; not unless said.
    pub(super) requires_link: Option<bool>,
}

impl Example for NewFixture {
    fn example() -> Self {
        Self {
            stadium: example_id(1),
            title: Some(Text::new("Final")),
            start_time: example_instant(0),
            end_time: example_instant(120),
            requires_link: None,
        }
    }
}

/// What changes of a match; what is left out stays.
#[derive(Object)]
#[oai(rename = "MatchChange", example, skip_serializing_if_is_none)]
pub(super) struct FixtureChange {
    /// Its stadium; a match does not change it.
    pub(super) stadium: Option<Uuid>,
    /// What it is called, at most 200 characters.
    pub(super) title: Option<Text<Name>>,
    /// Its first instant, in the future.
    pub(super) start_time: Option<DateTime<Utc>>,
    /// Its end, after the start.
    pub(super) end_time: Option<DateTime<Utc>>,
    /// Whether only holders of a used access link may buy.
    pub(super) requires_link: Option<bool>,
}

impl Example for FixtureChange {
    fn example() -> Self {
        Self {
            stadium: None,
            title: None,
            start_time: Some(example_instant(60)),
            end_time: Some(example_instant(180)),
            requires_link: None,
        }
    }
}

impl From<NewFixture> for FixtureChange {
    fn from(new: NewFixture) -> Self {
        let NewFixture { stadium, title, start_time, end_time, requires_link } = new;
        Self {
            stadium: Some(stadium),
            title: Some(title.unwrap_or_else(|| Text::new(""))),
            start_time: Some(start_time),
            end_time: Some(end_time),
            requires_link: Some(requires_link.unwrap_or_default()),
        }
    }
}

macro_rules! text_rule {
    ($(#[$doc:meta])* $name:ident, $longest:expr) => {
        $(#[$doc])*
        pub(super) struct $name;

        impl Rule for $name {
            fn schema() -> MetaSchema {
                MetaSchema { max_length: Some($longest), ..MetaSchema::new("string") }
            }
        }
    };
}

text_rule!(
    /// A name or a title.
    Name,
    LONGEST_NAME
);
text_rule!(
    /// A description.
    Description,
    LONGEST_DESCRIPTION
);
text_rule!(
    /// The name of a section.
    Section,
    LONGEST_SECTION
);

/// Collects what is wrong with the members of a request.
#[derive(Default)]
pub(super) struct Judge(Vec<FieldError>);

impl Judge {
    pub(super) fn refuse(&mut self, field: impl Into<String>, rule: impl Into<String>) {
        self.0.push(FieldError::new(field, rule));
    }

    fn text(&mut self, field: &'static str, text: &str, shortest: usize, longest: usize) -> String {
        let text = text.trim();
        if !(shortest..=longest).contains(&text.chars().count()) {
            self.refuse(field, format!("must have {shortest} to {longest} characters"));
        }
        text.to_owned()
    }

    /// A name that may be empty.
    pub(super) fn title(&mut self, field: &'static str, text: &Text<Name>) -> String {
        self.text(field, &text.0, 0, LONGEST_NAME)
    }

    pub(super) fn name(&mut self, text: &Text<Name>) -> String {
        self.text("name", &text.0, 1, LONGEST_NAME)
    }

    pub(super) fn description(&mut self, text: &Text<Description>) -> String {
        self.text("description", &text.0, 0, LONGEST_DESCRIPTION)
    }

    fn section(&mut self, text: &Text<Section>, shortest: usize) -> String {
        self.text("section", &text.0, shortest, LONGEST_SECTION)
    }

    /// The price in hundredths.
    pub(super) fn unit_price(&mut self, UnitPrice(Money(minor)): UnitPrice) -> i64 {
        let minor = minor.filter(|minor| PRICES.contains(minor));
        if minor.is_none() {
            self.refuse("unit_price", "must be 0.01 to 1000000, with at most two places");
        }
        minor.unwrap_or_default()
    }

    /// Any number with bounds.
    pub(super) fn count<const LEAST: u32, const MOST: u32>(
        &mut self,
        field: impl Into<String>,
        count: Count<LEAST, MOST>,
    ) -> u32 {
        if !count.fits() {
            self.refuse(field, Count::<LEAST, MOST>::rule());
        }
        count.0
    }

    /// Any list with bounds.
    pub(super) fn items<T, const LEAST: usize, const MOST: usize>(
        &mut self,
        field: &'static str,
        items: Items<T, LEAST, MOST>,
    ) -> Vec<T> {
        if !items.fits() {
            self.refuse(field, Items::<T, LEAST, MOST>::rule());
        }
        items.0
    }

    pub(super) fn plan(&mut self, SeatPlan { sections }: SeatPlan) -> Vec<SectionPlan> {
        let mut plan: Vec<SectionPlan> = Vec::with_capacity(sections.0.len());
        for (index, section) in self.items("sections", sections).into_iter().enumerate() {
            let name = section.name.0.trim().to_owned();
            if !(1..=LONGEST_SECTION).contains(&name.chars().count()) {
                self.refuse(format!("sections[{index}].name"), "must have 1 to 50 characters");
            } else if plan.iter().any(|before| before.name == name) {
                self.refuse(format!("sections[{index}].name"), "is in the plan already");
            }
            let rows = self.count(format!("sections[{index}].rows"), section.rows);
            let seats_per_row =
                self.count(format!("sections[{index}].seats_per_row"), section.seats_per_row);
            plan.push(SectionPlan { name, rows, seats_per_row });
        }
        if plan.iter().map(SectionPlan::seats).sum::<u64>() > MOST_SEATS {
            self.refuse("sections", format!("must have at most {MOST_SEATS} seats in all"));
        }
        plan
    }

    /// Where a seat will be; what is left out is empty.
    pub(super) fn place(&mut self, said: &SeatChange) -> Place {
        let NewPlace { section, row, number } = self.new_place(said);
        if number.is_none() {
            self.refuse("number", "is required");
        }
        Place {
            section: section.unwrap_or_default(),
            row: row.unwrap_or_default(),
            number: number.unwrap_or_default(),
        }
    }

    /// Where a seat will be; what is left out stays.
    pub(super) fn new_place(&mut self, said: &SeatChange) -> NewPlace {
        let section = said.section.as_ref().map(|section| self.section(section, 0));
        let row = said.row.map(|row| self.count("row", row));
        let number = said.number.map(|number| self.count("number", number));
        let same = said.seat_number.map(|number| self.count("seat_number", number));
        if let (Some(number), Some(same)) = (number, same)
            && number != same
        {
            self.refuse("seat_number", "must be the same as number");
        }
        NewPlace { section, row, number: number.or(same) }
    }

    /// A time, as exactly as it is kept.
    pub(super) fn time(&mut self, field: &'static str, time: DateTime<Utc>) -> DateTime<Utc> {
        if !(2_000..10_000).contains(&time.year()) {
            self.refuse(field, "must be in the years 2000 to 9999");
        }
        time.trunc_subsecs(6)
    }

    pub(super) fn span(&mut self, starts_at: DateTime<Utc>, ends_at: DateTime<Utc>) {
        if ends_at <= starts_at {
            self.refuse("end_time", "must be after start_time");
        } else if ends_at - starts_at > TimeDelta::days(30) {
            self.refuse("end_time", "must be within 30 days after start_time");
        }
    }

    /// # Errors
    /// 422 with each broken rule.
    pub(super) fn verdict(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(ApiError::invalid_fields(self.0)) }
    }
}

impl From<NewSeat> for SeatChange {
    fn from(new: NewSeat) -> Self {
        let NewSeat { stadium, section, row, number, seat_number } = new;
        Self { stadium: Some(stadium), section, row, number, seat_number }
    }
}
