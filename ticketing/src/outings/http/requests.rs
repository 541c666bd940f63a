//! What the operations of outings take, with the rules of each member as the document tells them,
//! and the judgement of each.

use chrono::{DateTime, Utc};
use poem_openapi::Object;
use poem_openapi::registry::MetaSchema;
use poem_openapi::types::Example;
use uuid::Uuid;

use super::bounds::Count;
use super::times;
use crate::api::text::{Rule, Text};
use crate::api_error::{ApiError, FieldError};

/// The longest title and place to meet, in characters.
const LONGEST_LINE: usize = 200;
/// The longest description and review, in characters.
const LONGEST_TEXT: usize = 4_000;

/// How many guests there can be.
pub(super) type Places = Count<1, 1_000>;
/// How long an outing takes, in minutes.
pub(super) type Minutes = Count<1, 1_440>;
/// A score.
pub(super) type Score = Count<1, 5>;

/// An outing to be announced.
#[derive(Object)]
#[oai(rename = "NewAnnouncement", example)]
pub(super) struct NewAnnouncement {
    /// `Created`, a draft, unless said; `Alive`: guests can apply.
    pub(super) status: Option<Text<StatusName>>,
    /// What it is called, 1 to 200 characters.
    pub(super) title: Text<Line>,
    /// What there is to know, at most 4,000 characters.
    pub(super) description: Text<Long>,
    /// Whether only those who follow you may see it.
    pub(super) sub_only: bool,
    /// Whether guests pay nothing.
    pub(super) is_free: bool,
    /// How many guests there can be, 1 to 1,000.
    pub(super) tickets_count: Places,
    /// When it begins, in the future; without a zone it is UTC.
    pub(super) event_time: Text<Time>,
    /// Where, 1 to 200 characters.
    pub(super) event_location: Text<Line>,
    /// How long it takes, in minutes, 1 to 1,440; as long as the film unless said.
    pub(super) duration: Option<Minutes>,
}

impl Example for NewAnnouncement {
    fn example() -> Self {
        Self {
            status: Some(Text::new("Alive")),
            title: Text::new("Metropolis on a big screen"),
            description: Text::new("We meet at the box office"),
            sub_only: false,
            is_free: true,
            tickets_count: Count(2),
            event_time: Text::new("2027-01-15T19:00:00Z"),
            event_location: Text::new("Cinema Mir, hall 2"),
            duration: Some(Count(153)),
        }
    }
}

/// What changes of an announcement; what is left out stays.
#[derive(Object, Default)]
#[oai(rename = "AnnouncementChange", example)]
pub(super) struct AnnouncementChange {
    /// `Alive`: guests can apply from now on. What is open can not be `Created` again.
    pub(super) status: Option<Text<StatusName>>,
    /// What it is called, 1 to 200 characters.
    pub(super) title: Option<Text<Line>>,
    /// What there is to know, at most 4,000 characters.
    pub(super) description: Option<Text<Long>>,
    /// Whether only those who follow you may see it.
    pub(super) sub_only: Option<bool>,
    /// Whether guests pay nothing.
    pub(super) is_free: Option<bool>,
    /// How many guests there can be, 1 to 1,000, and at least as many as are accepted.
    pub(super) tickets_count: Option<Places>,
    /// When it begins, in the future; without a zone it is UTC.
    pub(super) event_time: Option<Text<Time>>,
    /// Where, 1 to 200 characters.
    pub(super) event_location: Option<Text<Line>>,
    /// How long it takes, in minutes, 1 to 1,440.
    pub(super) duration: Option<Minutes>,
}

impl Example for AnnouncementChange {
    fn example() -> Self {
        Self { tickets_count: Some(Count(3)), ..Self::default() }
    }
}

/// Yes or no to a booking.
#[derive(Object)]
#[oai(rename = "BookingAnswer", example)]
pub(super) struct BookingAnswer {
    /// The host accepts or declines, the guest confirms or withdraws.
    pub(super) my_status: bool,
}

impl Example for BookingAnswer {
    fn example() -> Self {
        Self { my_status: true }
    }
}

/// What one thinks of another.
#[derive(Object)]
#[oai(rename = "NewOpinion", example)]
pub(super) struct NewOpinion {
    /// How much, 1 to 5.
    pub(super) score: Score,
    /// Why, at most 4,000 characters.
    pub(super) review_text: Option<Text<Long>>,
    /// Who is rated: a host says which guest; a guest rates the host.
    pub(super) about: Option<Uuid>,
}

impl Example for NewOpinion {
    fn example() -> Self {
        let review_text = Some(Text::new("Good company"));
        Self { score: Count(5), review_text, about: None }
    }
}

/// How far an announcement has come, as a client may say it.
pub(super) struct StatusName;

impl Rule for StatusName {
    fn schema() -> MetaSchema {
        let names = ["Created", "Alive"].map(|name| name.into());
        MetaSchema { enum_items: names.to_vec(), ..MetaSchema::new("string") }
    }
}

/// A title or a place to meet.
pub(super) struct Line;

impl Rule for Line {
    fn schema() -> MetaSchema {
        MetaSchema {
            min_length: Some(1),
            max_length: Some(LONGEST_LINE),
            pattern: Some(r"\S".to_owned()),
            ..MetaSchema::new("string")
        }
    }
}

/// A description or a review.
pub(super) struct Long;

impl Rule for Long {
    fn schema() -> MetaSchema {
        MetaSchema { max_length: Some(LONGEST_TEXT), ..MetaSchema::new("string") }
    }
}

/// A time.
pub(super) struct Time;

impl Rule for Time {
    fn schema() -> MetaSchema {
        MetaSchema::new_with_format("string", "date-time")
    }
}

/// Collects what is wrong with the members of a request.
#[derive(Default)]
pub(super) struct Judge(Vec<FieldError>);

impl Judge {
    fn broken(&mut self, field: &str, rule: impl Into<String>) {
        self.0.push(FieldError::new(field, rule));
    }

    /// Whether guests can apply.
    pub(super) fn status(&mut self, status: Option<&Text<StatusName>>) -> Option<bool> {
        match status.map(|status| status.0.as_str()) {
            None => None,
            Some("Created") => Some(false),
            Some("Alive") => Some(true),
            Some("Closed" | "Done") => {
                self.broken("status", "is Closed when no place is left, and Done when it is over");
                None
            }
            Some(_) => {
                self.broken("status", "must be Created or Alive");
                None
            }
        }
    }

    pub(super) fn line(&mut self, field: &str, text: &Text<Line>) -> String {
        let line = text.0.trim();
        if line.is_empty() || line.chars().count() > LONGEST_LINE {
            self.broken(field, "must have 1 to 200 characters");
        }
        line.to_owned()
    }

    pub(super) fn long(&mut self, field: &str, text: &Text<Long>) -> String {
        let long = text.0.trim();
        if long.chars().count() > LONGEST_TEXT {
            self.broken(field, "must have at most 4,000 characters");
        }
        long.to_owned()
    }

    pub(super) fn count<const LEAST: u32, const MOST: u32>(
        &mut self,
        field: &str,
        count: Count<LEAST, MOST>,
    ) -> u32 {
        if !count.fits() {
            self.broken(field, Count::<LEAST, MOST>::rule());
        }
        count.0
    }

    pub(super) fn time(&mut self, text: &Text<Time>) -> DateTime<Utc> {
        times::instant(&text.0).unwrap_or_else(|| {
            self.broken("event_time", "must be a time such as 2027-01-15T19:00:00Z");
            DateTime::UNIX_EPOCH
        })
    }

    /// # Errors
    /// 422 with each broken rule.
    pub(super) fn verdict(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(ApiError::invalid_fields(self.0)) }
    }
}
