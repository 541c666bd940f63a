//! What the operations of the market take, with the rules of each member as the document tells
//! them, and the judgement of each.

use std::borrow::Cow;

use poem_openapi::Object;
use poem_openapi::registry::{MetaSchema, MetaSchemaRef};
use poem_openapi::types::{Example, ParseError, ParseFromJSON, ParseResult, ToJSON, Type};
use serde_json::Value;
use uuid::Uuid;

use crate::api::money::Money;
use crate::api::text::{Rule, Text};
use crate::api_error::{ApiError, FieldError};

/// The longest title, in characters.
const LONGEST_TITLE: usize = 200;
/// The lowest and the highest price, in hundredths.
const PRICES: std::ops::RangeInclusive<i64> = 100..=100_000_000;
/// The longest token of a payment provider that is taken, in characters.
const LONGEST_SOURCE: usize = 255;

/// A ticket to be offered.
#[derive(Object)]
#[oai(rename = "NewListing", example)]
pub(super) struct NewListing {
    /// What is offered, 1 to 200 characters.
    pub(super) title: Text<Title>,
    /// For how much: 1 to 1,000,000, with at most two places.
    pub(super) price: PriceAsked,
}

impl Example for NewListing {
    fn example() -> Self {
        Self { title: Text::new("Concert, row 7"), price: PriceAsked(Money::minor(1_999)) }
    }
}

/// What changes of a listing; what is left out stays.
#[derive(Object)]
#[oai(rename = "ListingChange", example)]
pub(super) struct ListingChange {
    /// The new title, 1 to 200 characters.
    pub(super) title: Option<Text<Title>>,
    /// The new price: 1 to 1,000,000, with at most two places.
    pub(super) price: Option<PriceAsked>,
}

impl Example for ListingChange {
    fn example() -> Self {
        Self { title: None, price: Some(PriceAsked(Money::minor(2_500))) }
    }
}

/// A ticket to be bought.
#[derive(Object)]
#[oai(rename = "NewOrder", example)]
pub(super) struct NewOrder {
    /// Which listing.
    #[oai(rename = "ticketId")]
    pub(super) ticket_id: Uuid,
}

impl Example for NewOrder {
    fn example() -> Self {
        Self { ticket_id: Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0003) }
    }
}

/// A payment to be made.
#[derive(Object)]
#[oai(rename = "NewCharge", example)]
pub(super) struct NewCharge {
    /// What is paid with: a token of the payment provider, such as `tok_visa`.
    pub(super) token: Text<Source>,
    /// Which order is paid.
    #[oai(rename = "orderId")]
    pub(super) order_id: Uuid,
}

impl Example for NewCharge {
    fn example() -> Self {
        let order_id = Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0004);
        Self { token: Text::new("tok_visa"), order_id }
    }
}

/// A price, unjudged; the document tells its bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct PriceAsked(pub(super) Money);

impl Type for PriceAsked {
    const IS_REQUIRED: bool = true;
    type RawValueType = Self;
    type RawElementValueType = Self;

    fn name() -> Cow<'static, str> {
        Money::name()
    }

    fn schema_ref() -> MetaSchemaRef {
        let (minimum, maximum) = (Some(1.0), Some(1_000_000.0));
        let bounds = MetaSchema { minimum, maximum, ..MetaSchema::ANY };
        Money::schema_ref().merge(bounds)
    }

    fn as_raw_value(&self) -> Option<&Self> {
        Some(self)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
        Box::new(std::iter::once(self))
    }
}

impl ParseFromJSON for PriceAsked {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        Money::parse_from_json(value).map(Self).map_err(ParseError::propagate)
    }
}

impl ToJSON for PriceAsked {
    fn to_json(&self) -> Option<Value> {
        self.0.to_json()
    }
}

/// The title of a listing.
pub(super) struct Title;

impl Rule for Title {
    fn schema() -> MetaSchema {
        MetaSchema {
            min_length: Some(1),
            max_length: Some(LONGEST_TITLE),
            pattern: Some(r"\S".to_owned()),
            ..MetaSchema::new("string")
        }
    }
}

/// A token of the payment provider.
pub(super) struct Source;

impl Rule for Source {
    fn schema() -> MetaSchema {
        MetaSchema {
            min_length: Some(1),
            max_length: Some(LONGEST_SOURCE),
            pattern: Some("^[A-Za-z0-9_]+$".to_owned()),
            ..MetaSchema::new("string")
        }
    }
}

/// Collects what is wrong with the members of a request.
#[derive(Default)]
pub(super) struct Judge(Vec<FieldError>);

impl Judge {
    pub(super) fn title(&mut self, title: &Text<Title>) -> String {
        let title = title.0.trim();
        if title.is_empty() || title.chars().count() > LONGEST_TITLE {
            self.0.push(FieldError::new("title", "must have 1 to 200 characters"));
        }
        title.to_owned()
    }

    /// The price in hundredths.
    pub(super) fn price(&mut self, PriceAsked(Money(minor)): PriceAsked) -> i64 {
        let minor = minor.filter(|minor| PRICES.contains(minor));
        if minor.is_none() {
            let rule = "must be 1 to 1000000, with at most two places";
            self.0.push(FieldError::new("price", rule));
        }
        minor.unwrap_or_default()
    }

    pub(super) fn source(&mut self, source: Text<Source>) -> String {
        let fits = |text: &str| {
            (1..=LONGEST_SOURCE).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        if !fits(&source.0) {
            let rule = "must have 1 to 255 letters, digits or underscores";
            self.0.push(FieldError::new("token", rule));
        }
        source.0
    }

    /// # Errors
    /// 422 with each broken rule.
    pub(super) fn verdict(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(ApiError::invalid_fields(self.0)) }
    }
}
