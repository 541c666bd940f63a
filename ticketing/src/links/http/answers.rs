//! What the routes of the links answer, each with an example for the document. These are not the
//! events: the wire may change without touching history.

use chrono::{DateTime, TimeDelta, Utc};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object};
use serde::{Deserialize, Serialize};
use shared_events::{Envelope, LinkRequestEvent, Outcome};
use uuid::Uuid;

use super::super::status::LinkStatus;
use super::super::words;
use super::{CREATED, NOT_READY, WELCOME};
use crate::api::timestamp::Timestamp;

fn example_time(minutes: i64) -> Timestamp {
    let time = DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default();
    Timestamp(time + TimeDelta::minutes(minutes))
}

fn example_id() -> Uuid {
    Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0002)
}

/// A link request that was made.
#[derive(Debug, Object, Serialize, Deserialize)]
#[oai(example)]
pub(super) struct RequestMade {
    /// For people.
    pub(super) message: String,
    /// What the request is known by; for a guest, all that it is known by.
    pub(super) request_id: Uuid,
}

impl Example for RequestMade {
    fn example() -> Self {
        Self { message: CREATED.to_owned(), request_id: example_id() }
    }
}

#[derive(ApiResponse)]
pub(super) enum RequestAnswer {
    /// The request is made
    #[oai(status = 201)]
    Made(Json<RequestMade>),
}

/// What a check found.
#[derive(Debug, Object)]
#[oai(example)]
pub(super) struct LinkChecked {
    /// For people.
    pub(super) message: String,
    /// The link, if it is open.
    #[oai(skip_serializing_if_is_none)]
    pub(super) link: Option<String>,
    /// When it opens, if that is known and still to come.
    #[oai(skip_serializing_if_is_none)]
    pub(super) opens_at: Option<Timestamp>,
    /// When to ask again, seconds.
    #[oai(skip_serializing_if_is_none)]
    pub(super) retry_after_seconds: Option<u64>,
}

impl Example for LinkChecked {
    fn example() -> Self {
        Self {
            message: NOT_READY.to_owned(),
            link: None,
            opens_at: Some(example_time(0)),
            retry_after_seconds: Some(570),
        }
    }
}

#[derive(ApiResponse)]
pub(super) enum CheckAnswer {
    /// The link, or when to ask again
    #[oai(status = 200)]
    Checked(
        Json<LinkChecked>,
        /// Seconds until asking again can help; absent if the link is there.
        #[oai(header = "Retry-After")]
        Option<u64>,
    ),
}

/// The ticket page.
#[derive(Debug, Object, Serialize, Deserialize)]
#[oai(example)]
pub(super) struct TicketPage {
    /// A welcome.
    pub(super) message: String,
}

impl Example for TicketPage {
    fn example() -> Self {
        Self { message: WELCOME.to_owned() }
    }
}

#[derive(ApiResponse)]
pub(super) enum BuyAnswer {
    /// The link was used, for good
    #[oai(status = 200)]
    Welcome(Json<TicketPage>),
}

/// One event of a link request.
#[derive(Debug, Object)]
#[oai(example)]
pub(super) struct HistoryEntry {
    /// Its place in the history, from 1.
    sequence: i64,
    /// What happened.
    event: String,
    /// When it was recorded.
    recorded_at: Timestamp,
    /// The rule that decided, if it is a verdict.
    #[oai(skip_serializing_if_is_none)]
    rule: Option<String>,
    /// The version of the rule set that held the rule.
    #[oai(skip_serializing_if_is_none)]
    rule_set_version: Option<String>,
    /// When the link opens, if it does.
    #[oai(skip_serializing_if_is_none)]
    opens_at: Option<Timestamp>,
    /// When it closes.
    #[oai(skip_serializing_if_is_none)]
    closes_at: Option<Timestamp>,
    /// What it means at this moment, in words.
    meaning: String,
}

impl HistoryEntry {
    /// An event as it is to be read at `now`.
    pub(super) fn of(event: &Envelope<LinkRequestEvent>, now: DateTime<Utc>) -> Self {
        let (mut rule, mut rule_set_version, mut opens_at, mut closes_at) =
            (None, None, None, None);
        if let LinkRequestEvent::RuleEvaluated {
            rule: phrase,
            rule_set_version: version,
            outcome,
        } = &event.payload
        {
            (rule, rule_set_version) = (Some(phrase.clone()), Some(version.clone()));
            if let Outcome::Opens { opens_at: opens, closes_at: closes } = outcome {
                (opens_at, closes_at) = (Some((*opens).into()), Some((*closes).into()));
            }
        }
        Self {
            sequence: event.sequence,
            event: event.event_type.clone(),
            recorded_at: event.recorded_at.into(),
            rule,
            rule_set_version,
            opens_at,
            closes_at,
            meaning: words::meaning(&event.payload, now),
        }
    }
}

impl Example for HistoryEntry {
    fn example() -> Self {
        Self {
            sequence: 2,
            event: "RuleEvaluated".to_owned(),
            recorded_at: example_time(0),
            rule: Some("10 minutes".to_owned()),
            rule_set_version: Some("5f0c9a1e6b7d2c3f".to_owned()),
            opens_at: Some(example_time(10)),
            closes_at: Some(example_time(70)),
            meaning: "opens in 9 min 30 s".to_owned(),
        }
    }
}

#[derive(ApiResponse)]
pub(super) enum HistoryAnswer {
    /// The events, oldest first
    #[oai(status = 200)]
    Events(
        Json<Vec<HistoryEntry>>,
        /// The sequence of the last event, quoted.
        #[oai(header = "ETag")]
        String,
    ),
}

/// A link request as administrators see it.
#[derive(Debug, Object)]
#[oai(rename = "LinkRequest", example)]
pub(super) struct LinkRequestSeen {
    /// Which request.
    id: Uuid,
    /// Whose; absent for a guest's.
    #[oai(skip_serializing_if_is_none)]
    account_id: Option<Uuid>,
    /// The tier it was made with.
    tier: String,
    /// When it was made.
    requested_at: Timestamp,
    /// The rule that decided; absent while there is no verdict.
    #[oai(skip_serializing_if_is_none)]
    rule: Option<String>,
    /// The version of the rule set.
    #[oai(skip_serializing_if_is_none)]
    rule_set_version: Option<String>,
    /// When the link opens.
    #[oai(skip_serializing_if_is_none)]
    opens_at: Option<Timestamp>,
    /// When it closes.
    #[oai(skip_serializing_if_is_none)]
    closes_at: Option<Timestamp>,
    /// Why there is no link.
    #[oai(skip_serializing_if_is_none)]
    refused: Option<String>,
    /// When it was used.
    #[oai(skip_serializing_if_is_none)]
    bought_at: Option<Timestamp>,
}

impl From<LinkStatus> for LinkRequestSeen {
    fn from(status: LinkStatus) -> Self {
        Self {
            id: status.request_id,
            account_id: status.account_id,
            tier: status.tier,
            requested_at: status.requested_at.into(),
            rule: status.rule,
            rule_set_version: status.rule_set_version,
            opens_at: status.opens_at.map(Timestamp),
            closes_at: status.closes_at.map(Timestamp),
            refused: status.refused,
            bought_at: status.bought_at.map(Timestamp),
        }
    }
}

impl Example for LinkRequestSeen {
    fn example() -> Self {
        Self {
            id: example_id(),
            account_id: Some(Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0001)),
            tier: "standard".to_owned(),
            requested_at: example_time(0),
            rule: Some("10 minutes".to_owned()),
            rule_set_version: Some("5f0c9a1e6b7d2c3f".to_owned()),
            opens_at: Some(example_time(10)),
            closes_at: Some(example_time(70)),
            refused: None,
            bought_at: None,
        }
    }
}

#[derive(ApiResponse)]
pub(super) enum SeenAnswer {
    /// The request
    #[oai(status = 200)]
    One(
        Json<LinkRequestSeen>,
        /// The sequence of its last event, quoted.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
pub(super) enum SeenPage {
    /// A page of requests
    #[oai(status = 200)]
    Page(
        Json<Vec<LinkRequestSeen>>,
        /// The next page, `rel="next"` (RFC 8288); absent on the last one.
        #[oai(header = "Link")]
        Option<String>,
    ),
}
