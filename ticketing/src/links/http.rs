//! The access links over HTTP: asking for one, checking it, using it, and its history.
//!
//! The two that act are GETs by contract, and POSTs for whoever prefers that. HEAD and prefetches
//! never reach them. Not here: rules and SQL.

mod admin;
mod answers;
mod errors;
mod limits;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use http::StatusCode;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{OpenApi, Tags};
use secrecy::ExposeSecret;
use shared_events::{RequestId, Requester, Tier};
use uuid::Uuid;

use super::buy_ticket::BuyTicket;
use super::check::{Checked, Checks};
use super::link_request::{LinkRequest, LinkRequestCommand, LinkRequestError};
use super::link_token::LinkKeys;
use super::request::Request;
use super::words;
use crate::accounts::Caller;
use crate::api::Context;
use crate::api::authentication::OptionalCaller;
use crate::api::idempotent::{Call, CallError, Idempotent, Keep};
use crate::api::rate_limits::Limited;
use crate::api::text::{Text, UuidText};
use crate::api::timestamp::Timestamp;
use crate::api_error::{ApiError, Code};
use crate::platform::clock::{self, Clock};
use crate::platform::commands::{Commands, Execution};
use answers::{
    BuyAnswer, CheckAnswer, HistoryAnswer, HistoryEntry, LinkChecked, RequestAnswer, RequestMade,
    TicketPage,
};
use errors::{unknown, wrong};

pub use admin::LinksAdminApi;
pub use limits::LinkLimits;

/// Paths whose GET acts: HEAD and prefetches must not reach them.
pub const ACTING_GETS: [&str; 2] = [REQUEST_PATH, "/buy_ticket/{token}"];

const REQUEST_PATH: &str = "/request_for_ticketing_link";

const CREATED: &str = "Your request is created successfully";
const READY: &str = "Link Generated Successfully";
const NOT_READY: &str = "Your link is not ready yet please wait";
const WELCOME: &str = "Welcome to the Ticket Page";
const UNKNOWN: &str = "Your request_id is invalid";
/// What a client should wait while there is no verdict, seconds.
const SHORTLY: u64 = 1;

/// What the routes need.
pub struct LinksApi {
    /// Commands on link requests.
    pub commands: Commands<LinkRequest>,
    /// Answers checks.
    pub checks: Checks,
    /// The rule service's public keys.
    pub keys: Arc<LinkKeys>,
    /// Repeats of the same call.
    pub idempotent: Idempotent,
    /// Who may how often.
    pub limits: LinkLimits,
    /// The time.
    pub clock: Clock,
    /// What links begin with.
    pub public_url: Arc<str>,
}

#[derive(Tags)]
enum Tag {
    /// Access links: who may buy when.
    #[oai(rename = "links")]
    Links,
}

#[OpenApi(tag = "Tag::Links")]
impl LinksApi {
    /// Ask for a link
    ///
    /// With a login token the link opens as the account's tier says; without one as that of a
    /// guest, who is known by the request's id alone.
    ///
    /// Errors: `prefetch_refused`, `unavailable`.
    #[oai(
        path = "/request_for_ticketing_link",
        method = "get",
        operation_id = "request_for_ticketing_link"
    )]
    async fn request_by_get(
        &self,
        caller: OptionalCaller,
        context: Context,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
    ) -> Result<Limited<RequestAnswer>, ApiError> {
        self.request("GET", caller.0, context, key.0).await
    }

    /// Ask for a link
    ///
    /// The same as with GET.
    ///
    /// Errors: `unavailable`.
    #[oai(
        path = "/request_for_ticketing_link",
        method = "post",
        operation_id = "post_request_for_ticketing_link"
    )]
    async fn request_by_post(
        &self,
        caller: OptionalCaller,
        context: Context,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
    ) -> Result<Limited<RequestAnswer>, ApiError> {
        self.request("POST", caller.0, context, key.0).await
    }

    /// Check a link
    ///
    /// Answers with the link from the moment it opens. Asking changes nothing. An account's request
    /// is answered to that account alone.
    ///
    /// Errors: `request_id_missing`, `link_request_unknown`, `link_gone`, `unavailable`.
    #[oai(path = "/check_ticketing_link", method = "get", operation_id = "check_ticketing_link")]
    async fn check(
        &self,
        caller: OptionalCaller,
        /// Which request.
        request_id: Query<Text<UuidText>>,
    ) -> Result<CheckAnswer, ApiError> {
        let id = match request_id.0.0.as_str() {
            "" => return Err(ApiError::new(Code::RequestIdMissing, "request_id is missing")),
            text => read_id(text)?,
        };
        let account = caller.0.map(|caller| caller.account);
        let checked = self.checks.check(id, account).await?.ok_or_else(unknown)?;
        let answer = match checked {
            Checked::Open { token } => {
                let (url, token) = (&self.public_url, token.expose_secret());
                let link = format!("{url}/buy_ticket/{token}?request_id={id}");
                LinkChecked {
                    message: READY.to_owned(),
                    link: Some(link),
                    opens_at: None,
                    retry_after_seconds: None,
                }
            }
            Checked::NotYet { opens_at } => LinkChecked {
                message: NOT_READY.to_owned(),
                link: None,
                opens_at: opens_at.map(Timestamp),
                retry_after_seconds: Some(self.seconds_until(opens_at)),
            },
            Checked::Gone(gone) => return Err(errors::gone(gone)),
        };
        let retry_after = answer.retry_after_seconds;
        Ok(CheckAnswer::Checked(Json(answer), retry_after))
    }

    /// Use a link
    ///
    /// Works once, within its time. The token is the right to use it: no login is needed.
    ///
    /// Errors: `link_request_unknown`, `link_not_yet_open`, `link_wrong`, `link_used`,
    /// `link_expired`, `concurrent_change`, `prefetch_refused`, `unavailable`.
    #[oai(path = "/buy_ticket/:token", method = "get", operation_id = "buy_ticket")]
    async fn buy_by_get(
        &self,
        context: Context,
        /// The link's token.
        token: Path<String>,
        /// Which request; the token names it too.
        request_id: Query<Option<Text<UuidText>>>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
    ) -> Result<BuyAnswer, ApiError> {
        self.buy("GET", context, &token.0, request_id.0.map(|id| id.0), key.0).await
    }

    /// Use a link
    ///
    /// The same as with GET.
    ///
    /// Errors: `link_request_unknown`, `link_not_yet_open`, `link_wrong`, `link_used`,
    /// `link_expired`, `concurrent_change`, `unavailable`.
    #[oai(path = "/buy_ticket/:token", method = "post", operation_id = "post_buy_ticket")]
    async fn buy_by_post(
        &self,
        context: Context,
        /// The link's token.
        token: Path<String>,
        /// Which request; the token names it too.
        request_id: Query<Option<Text<UuidText>>>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
    ) -> Result<BuyAnswer, ApiError> {
        self.buy("POST", context, &token.0, request_id.0.map(|id| id.0), key.0).await
    }

    /// Read a request's history
    ///
    /// Each event with its time, the rule that decided with its version, and what it means now. An
    /// account's request is shown to that account alone, a guest's to whoever knows its id.
    ///
    /// Errors: `link_request_unknown`, `unavailable`.
    #[oai(path = "/link_requests/:id/events", method = "get", operation_id = "link_request_events")]
    async fn history(
        &self,
        caller: OptionalCaller,
        /// Which request.
        id: Path<Uuid>,
    ) -> Result<HistoryAnswer, ApiError> {
        let account = caller.0.map(|caller| caller.account);
        let events = self.checks.history(RequestId(id.0), account).await?.ok_or_else(unknown)?;
        let now = self.clock.now();
        let etag = format!("\"{}\"", events.len());
        let entries = events.iter().map(|event| HistoryEntry::of(event, now)).collect();
        Ok(HistoryAnswer::Events(Json(entries), etag))
    }
}

impl LinksApi {
    async fn request(
        &self,
        method: &str,
        caller: Option<Caller>,
        context: Context,
        key: Option<String>,
    ) -> Result<Limited<RequestAnswer>, ApiError> {
        let account = caller.as_ref().map(|caller| caller.account);
        let rate = self.limits.request(account, context.client)?;
        rate.on(self.make_request(method, caller, context, key).await)
    }

    async fn make_request(
        &self,
        method: &str,
        caller: Option<Caller>,
        context: Context,
        key: Option<String>,
    ) -> Result<RequestAnswer, ApiError> {
        let (requester, tier) = match &caller {
            Some(caller) => (Requester::Account(caller.account), caller.tier),
            None => (Requester::Guest, Tier::Default),
        };
        let call = Call {
            key: key.as_deref(),
            caller: caller.map(|caller| caller.account),
            method,
            path: REQUEST_PATH,
            body: b"",
        };
        let (id, now) = (Uuid::now_v7(), self.clock.now());
        let command = LinkRequestCommand::Request(Request { requester, tier, now });
        let execution = Execution::new(context.origin(), now);
        let answer = |_: &_| RequestMade { message: CREATED.to_owned(), request_id: id };
        let create = |keep: Arc<Keep<_>>| {
            self.commands.create(id, command, execution, move |done| keep.attach(done))
        };
        let made = self.idempotent.run(call, StatusCode::CREATED, answer, create).await?;
        Ok(RequestAnswer::Made(Json(made)))
    }

    async fn buy(
        &self,
        method: &str,
        context: Context,
        token: &str,
        request_id: Option<String>,
        key: Option<String>,
    ) -> Result<BuyAnswer, ApiError> {
        let claims = self.keys.verify(token);
        let id = match request_id.as_deref().filter(|id| !id.is_empty()) {
            Some(id) => read_id(id)?,
            None => claims.as_ref().map(|claims| claims.sub).ok_or_else(wrong)?,
        };
        let (path, body) = (format!("/buy_ticket/{token}"), id.to_string());
        let (key, body) = (key.as_deref(), body.as_bytes());
        let call = Call { key, caller: None, method, path: &path, body };
        let token = claims.filter(|claims| claims.sub == id).map(|claims| claims.jti);
        if token.is_some() && self.checks.is_erased(id).await? {
            return Err(wrong());
        }
        let now = self.clock.now();
        let command = LinkRequestCommand::BuyTicket(BuyTicket { token, now });
        let execution = Execution::new(context.origin(), now);
        let answer = |_: &_| TicketPage { message: WELCOME.to_owned() };
        let buy = |keep: Arc<Keep<_>>| {
            self.commands.execute(id.0, command, execution, move |done| keep.attach(done))
        };
        match self.idempotent.run(call, StatusCode::OK, answer, buy).await {
            Ok(page) => Ok(BuyAnswer::Welcome(Json(page))),
            Err(CallError::Refused(LinkRequestError::NotYetOpen { opens_at })) => {
                Err(self.not_yet_open(opens_at))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn not_yet_open(&self, opens_at: Option<DateTime<Utc>>) -> ApiError {
        let now = self.clock.now();
        let wait = opens_at.map_or(std::time::Duration::from_secs(SHORTLY), |opens_at| {
            clock::until(opens_at, now)
        });
        let detail = match opens_at {
            Some(opens_at) => {
                format!("{NOT_READY}: it opens in {}", words::duration(opens_at - now))
            }
            None => NOT_READY.to_owned(),
        };
        let error = ApiError::new(Code::LinkNotYetOpen, detail).retry_after(wait);
        match opens_at {
            Some(opens_at) => error.opens_at(opens_at),
            None => error,
        }
    }

    fn seconds_until(&self, opens_at: Option<DateTime<Utc>>) -> u64 {
        opens_at.map_or(SHORTLY, |opens_at| {
            crate::api_error::whole_seconds(clock::until(opens_at, self.clock.now()))
        })
    }
}

fn read_id(text: &str) -> Result<RequestId, ApiError> {
    let id = Uuid::parse_str(text).map_err(|_| ApiError::new(Code::MalformedParameter, UNKNOWN))?;
    Ok(RequestId(id))
}
