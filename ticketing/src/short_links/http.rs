//! Short links over HTTP. No rules and no SQL here.

mod limits;

use chrono::{DateTime, Utc};
use poem_openapi::param::{Header, Path};
use poem_openapi::payload::Json;
use poem_openapi::registry::MetaSchema;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi, Tags};

pub use limits::ShortLinkLimits;

use super::ShortLinks;
use super::allowed_hosts::LONGEST_URL;
use super::make::{Deleted, Link, NewLink, ShortenError};
use super::visit::Visited;
use crate::api::Context;
use crate::api::authentication::RequiredCaller;
use crate::api::body::Body;
use crate::api::if_match;
use crate::api::rate_limits::Limited;
use crate::api::text::{Rule, Text};
use crate::api::timestamp::Timestamp;
use crate::api_error::{ApiError, Code, FieldError};
use crate::platform::idempotency::IdempotencyKey;

const SHORTENER: &str = "/api/v1/shortener";

#[derive(Tags)]
enum Tag {
    /// Short addresses that lead to long ones.
    #[oai(rename = "short_links")]
    ShortLinks,
}

/// An address to be shortened.
#[derive(Object)]
#[oai(rename = "NewShortLink", example, skip_serializing_if_is_none)]
struct NewShortLink {
    /// Where it shall lead: an http or https address of an allowed host, at most 2,048 bytes.
    url: Text<LongAddress>,
    /// From when on it leads nowhere, within ten years; never if nothing is said.
    expires_at: Option<DateTime<Utc>>,
    /// How often it may be visited, 1 to 1,000,000,000; without end if nothing is said.
    visits: Option<i64>,
}

impl Example for NewShortLink {
    fn example() -> Self {
        let expires_at = DateTime::from_timestamp(1_900_000_000, 0);
        Self { url: Text::new("http://localhost:5000/docs"), expires_at, visits: Some(100) }
    }
}

/// The address of something of ours.
struct LongAddress;

impl Rule for LongAddress {
    fn schema() -> MetaSchema {
        let max_length = Some(LONGEST_URL);
        MetaSchema { max_length, ..MetaSchema::new_with_format("string", "uri") }
    }
}

/// A short address.
#[derive(Object)]
#[oai(example)]
struct ShortAddress {
    /// The address.
    url: String,
}

impl Example for ShortAddress {
    fn example() -> Self {
        Self { url: "http://localhost:5000/s/4kT9xQ0b".to_owned() }
    }
}

/// A short link as its maker sees it.
#[derive(Object)]
#[oai(rename = "ShortLink", example)]
struct LinkSeen {
    /// The last part of the short address.
    code: String,
    /// The short address.
    short_url: String,
    /// Where it leads.
    url: String,
    /// How often it was visited.
    visits: u64,
    /// How often it may be; absent if there is no limit.
    #[oai(skip_serializing_if_is_none)]
    visit_limit: Option<u64>,
    /// From when on it leads nowhere; absent if there is no end.
    #[oai(skip_serializing_if_is_none)]
    expires_at: Option<Timestamp>,
    /// When it was made.
    created_at: Timestamp,
}

impl LinkSeen {
    fn of(link: Link, short_url: String) -> Self {
        Self {
            code: link.code,
            short_url,
            url: link.url,
            visits: link.visits.unsigned_abs(),
            visit_limit: link.visit_limit.map(i64::unsigned_abs),
            expires_at: link.expires_at.map(Timestamp),
            created_at: link.created_at.into(),
        }
    }
}

impl Example for LinkSeen {
    fn example() -> Self {
        Self {
            code: "4kT9xQ0b".to_owned(),
            short_url: ShortAddress::example().url,
            url: "http://localhost:5000/docs".to_owned(),
            visits: 7,
            visit_limit: Some(100),
            expires_at: None,
            created_at: Timestamp(DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default()),
        }
    }
}

#[derive(ApiResponse)]
enum Shortened {
    /// Made
    #[oai(status = 201)]
    Made(Json<ShortAddress>),
}

#[derive(ApiResponse)]
enum LinkAnswer {
    /// The link
    #[oai(status = 200)]
    Link(
        Json<LinkSeen>,
        /// How often it was visited, quoted, which is all that changes of it; for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
enum Gone {
    /// Done; there is nothing to say
    #[oai(status = 204)]
    Done,
}

#[derive(ApiResponse)]
enum There {
    /// On to where it leads
    #[oai(status = 302)]
    Found(
        /// Where it leads.
        #[oai(header = "Location")]
        String,
    ),
}

/// The operations on short links.
pub struct ShortLinksApi {
    /// Makes and follows them.
    pub links: ShortLinks,
    /// Who may how often.
    pub limits: ShortLinkLimits,
}

#[OpenApi(tag = "Tag::ShortLinks")]
impl ShortLinksApi {
    /// Shorten an address
    ///
    /// The short one leads there until it expires or was visited as often as it may be.
    ///
    /// Errors: `invalid_fields`, `too_many_links`, `unavailable`.
    #[oai(path = "/api/v1/shortener", method = "post", operation_id = "shorten")]
    async fn shorten(
        &self,
        caller: RequiredCaller,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        body: Body<NewShortLink>,
    ) -> Result<Limited<Shortened>, ApiError> {
        let maker = caller.0.account;
        let rate = self.limits.change(maker)?;
        let made = async {
            let (key, bytes) = (key.0.as_deref(), &body.bytes);
            let key = IdempotencyKey::read(key, Some(maker.0), "POST", SHORTENER, bytes)?;
            let NewShortLink { url, expires_at, visits } = body.value;
            let link = NewLink { maker, url: url.0, expires_at, visits };
            let url = self.links.make(link, key).await?.url;
            Ok(Shortened::Made(Json(ShortAddress { url })))
        };
        rate.on(made.await)
    }

    /// Read a short link
    ///
    /// With the number of its visits. For who made it.
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/api/v1/shortener/:code", method = "get", operation_id = "read_short_link")]
    async fn read(
        &self,
        caller: RequiredCaller,
        /// The last part of the short address.
        code: Path<String>,
    ) -> Result<LinkAnswer, ApiError> {
        let link = self.links.made_by(caller.0.account, &code.0).await?.ok_or_else(unknown)?;
        let (address, etag) = (self.links.address(&link.code), if_match::etag(link.visits));
        Ok(LinkAnswer::Link(Json(LinkSeen::of(link, address)), etag))
    }

    /// Delete a short link
    ///
    /// For who made it.
    ///
    /// Errors: `not_found`, `precondition_failed`, `unavailable`.
    #[oai(path = "/api/v1/shortener/:code", method = "delete", operation_id = "delete_short_link")]
    async fn delete(
        &self,
        caller: RequiredCaller,
        /// The last part of the short address.
        code: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<Limited<Gone>, ApiError> {
        let maker = caller.0.account;
        let rate = self.limits.change(maker)?;
        let deleted = async {
            let visits = if_match::sequence(if_match.0.as_deref())?;
            match self.links.delete(maker, &code.0, visits).await? {
                Deleted::Done => Ok(Gone::Done),
                Deleted::Visited => Err(if_match::changed()),
                Deleted::Unknown => Err(unknown()),
            }
        };
        rate.on(deleted.await)
    }

    /// Follow a short link
    ///
    /// Each time counts as a visit; HEAD and declared prefetches do not.
    ///
    /// Errors: `not_found`, `short_link_gone`, `unavailable`.
    #[oai(path = "/s/:code", method = "get", operation_id = "visit_short_link")]
    async fn visit(
        &self,
        context: Context,
        /// The last part of the short address.
        code: Path<String>,
    ) -> Result<Limited<There>, ApiError> {
        let rate = self.limits.visit(context.client)?;
        let there = async {
            match self.links.visit(&code.0).await? {
                Visited::LeadsTo(url) => Ok(There::Found(url)),
                Visited::Dead => {
                    let detail = "The link has expired, or was visited as often as it may be";
                    Err(ApiError::new(Code::ShortLinkGone, detail))
                }
                Visited::Unknown => Err(unknown()),
            }
        };
        rate.on(there.await)
    }
}

fn unknown() -> ApiError {
    ApiError::new(Code::NotFound, "There is no such short link")
}

impl From<ShortenError> for ApiError {
    fn from(error: ShortenError) -> Self {
        match error {
            ShortenError::Invalid(fields) => Self::invalid_fields(
                fields.into_iter().map(|(name, rule)| FieldError::new(name, rule)).collect(),
            ),
            ShortenError::KeyReused => Self::idempotency_key_reused(),
            ShortenError::InFlight => Self::request_in_flight(),
            ShortenError::MakerGone => Self::new(Code::Unauthenticated, "The account is no more"),
            ShortenError::TooMany => {
                Self::new(Code::TooManyLinks, "Delete links that you need no more")
            }
            ShortenError::NoCode => Self::internal(&error),
            ShortenError::Database(error) => error.into(),
        }
    }
}
