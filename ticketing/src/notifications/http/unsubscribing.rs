//! Stopping all mail to an address over HTTP: for whoever reads a mail, signed in or not. No rules
//! and no SQL here.

use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Html;
use poem_openapi::{ApiResponse, OpenApi};
use uuid::Uuid;

use super::super::stops::{StopToken, Stops};
use super::super::words::Words;
use super::{NotificationLimits, Tag};
use crate::api::Context;
use crate::api::rate_limits::Limited;
use crate::api_error::{ApiError, Code};
use crate::platform::clock::Clock;

/// What the routes need.
pub struct UnsubscribingApi {
    pub(in super::super) stops: Stops,
    pub(in super::super) words: Words,
    pub(in super::super) limits: NotificationLimits,
    pub(in super::super) clock: Clock,
}

#[derive(ApiResponse)]
enum PageAnswer {
    /// A page for people
    #[oai(status = 200)]
    Page(Html<String>),
}

#[OpenApi(tag = "Tag::Notifications")]
impl UnsubscribingApi {
    /// Ask whether mail is to stop
    ///
    /// Where the link in a mail leads: a page whose button does it. Reading it changes nothing, so
    /// a program that follows links stops no mail. For whoever has the link.
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/app/v1/unsubscribe/:key", method = "get", operation_id = "ask_to_unsubscribe")]
    async fn ask(
        &self,
        context: Context,
        /// What the link of the mail ends with.
        key: Path<Uuid>,
    ) -> Result<Limited<PageAnswer>, ApiError> {
        let rate = self.limits.visit(context.client)?;
        let page = async {
            let stopped = self.stops.is_stopped(StopToken(key.0)).await?.ok_or_else(unknown)?;
            self.page(stopped)
        };
        rate.on(page.await)
    }

    /// Stop all mail to an address
    ///
    /// With one click (RFC 8058), for whoever has the link of a mail: it names its address. No mail
    /// goes there any more, whichever account names it, until the same call is made with
    /// `resume=true`. What accounts are told in the product stays. Doing it again changes nothing;
    /// a body is not looked at.
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/app/v1/unsubscribe/:key", method = "post", operation_id = "unsubscribe")]
    async fn stop(
        &self,
        context: Context,
        /// What the link of the mail ends with.
        key: Path<Uuid>,
        /// `true`: mail may go there again.
        resume: Query<Option<bool>>,
    ) -> Result<Limited<PageAnswer>, ApiError> {
        let rate = self.limits.visit(context.client)?;
        let done = async {
            let (token, resume) = (StopToken(key.0), resume.0 == Some(true));
            let known = match resume {
                true => self.stops.resume(token).await?,
                false => self.stops.stop(token, self.clock.now()).await?,
            };
            if known { self.page(!resume) } else { Err(unknown()) }
        };
        rate.on(done.await)
    }
}

impl UnsubscribingApi {
    fn page(&self, stopped: bool) -> Result<PageAnswer, ApiError> {
        let page = self.words.stop_page(stopped).map_err(|error| ApiError::internal(&error))?;
        Ok(PageAnswer::Page(Html(page)))
    }
}

fn unknown() -> ApiError {
    ApiError::new(Code::NotFound, "There is no such link, or it is too old")
}
