//! Reviews over HTTP: rating each other after an outing, and what all have said.

use std::sync::Arc;

use http::StatusCode;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use shared_events::{AccountId, AnnouncementId, ReviewId, TextId};
use uuid::Uuid;

use super::super::announcement::{Announcement, AttendedBy};
use super::super::rating::Said;
use super::super::reviewing::{Opinion, Reviewed};
use super::super::texts::{self, REVIEW, in_vault};
use super::answers::{Many, Plain, Tagged};
use super::errors::{of_command, unknown_announcement};
use super::requests::{Judge, NewOpinion};
use super::review_answers::{AverageSeen, OpinionSeen, Rated, ReviewSeen};
use super::{Service, Tag, call, failed};
use crate::accounts::Caller;
use crate::api::Context;
use crate::api::authentication::RequiredCaller;
use crate::api::body::Body;
use crate::api::idempotent::Keep;
use crate::api::if_match::etag;
use crate::api::paging::Page;
use crate::api::rate_limits::Limited;
use crate::api::timestamp::Timestamp;
use crate::api_error::{ApiError, Code};
use crate::platform::append::Attached;

/// What the routes need.
pub struct OutingReviewsApi(pub Service);

#[OpenApi(tag = "Tag::Outings")]
impl OutingReviewsApi {
    /// Rate who was there with you
    ///
    /// When the outing is over, its guests rate the host and the host rates each guest (`about`).
    /// Nobody reads what one says of the other until both have, or 14 days after the end; until
    /// then the same call changes it.
    ///
    /// Errors: `invalid_fields`, `forbidden`, `not_found`, `outing_not_over`, `review_published`,
    /// `concurrent_change`, `precondition_failed`, `unavailable`.
    #[oai(path = "/app/v1/reviews/:id", method = "post", operation_id = "create_outing_review")]
    async fn create(
        &self,
        caller: RequiredCaller,
        context: Context,
        /// Which announcement.
        id: Path<Uuid>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<String>>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<NewOpinion>,
    ) -> Result<Limited<Rated>, ApiError> {
        let rate = self.0.limits.change(caller.0.account)?;
        let headers = (key.0.as_deref(), if_match.0.as_deref());
        rate.on(self.rate(&caller.0, &context, AnnouncementId(id.0), headers, body).await)
    }

    /// List reviews of an outing
    ///
    /// What can be read of it, oldest first.
    ///
    /// Errors: `not_found`, `invalid_cursor`, `unavailable`.
    #[oai(path = "/app/v1/reviews/:id", method = "get", operation_id = "list_outing_reviews")]
    async fn find_many(
        &self,
        caller: RequiredCaller,
        /// Which announcement.
        id: Path<Uuid>,
        /// Reviews of a page, 1 to 200; 50 unless said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<Many<ReviewSeen>, ApiError> {
        let path = format!("/app/v1/reviews/{}", id.0);
        let page = Page::read(&path, limit.0, after.0.as_deref(), &[])?;
        let after = page.after_uuid()?;
        let id = AnnouncementId(id.0);
        self.0.visible(id, &caller.0).await?;
        self.0.caught_up.wait().await?;
        let now = self.0.clock.now();
        let mut rows = self.0.reviews.list(id, after, page.fetch(), now).await?;
        let next = page.cut(&mut rows, |row| row.review.to_string());
        let people: Vec<_> = rows.iter().flat_map(|row| [row.author, row.about]).collect();
        let names = self.0.people.names(&people).await?;
        let name = |account| names.get(&account).cloned().unwrap_or_default();
        let seen = rows.into_iter().map(|row| ReviewSeen {
            id: row.review.0,
            author_id: row.author.0,
            author_name: name(row.author),
            about_id: row.about.0,
            about_name: name(row.about),
            score: row.score,
            review_text: row.text,
            created: Timestamp(row.rated_at),
        });
        Ok(Many::Page(Json(seen.collect()), next))
    }

    /// What all think of somebody
    ///
    /// As host and as guest, of what can be read.
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/app/v1/average_score/:id", method = "get", operation_id = "average_score")]
    async fn average(
        &self,
        _caller: RequiredCaller,
        /// Which account.
        id: Path<Uuid>,
    ) -> Result<Plain<AverageSeen>, ApiError> {
        let account = AccountId(id.0);
        if !self.0.people.names(&[account]).await?.contains_key(&account) {
            return Err(ApiError::new(Code::NotFound, "There is no such account"));
        }
        self.0.caught_up.wait().await?;
        let averages = self.0.reviews.averages(&[account], self.0.clock.now()).await?;
        let average = averages.get(&account).copied().unwrap_or_default();
        let (average_score, votes) = (average.score(), average.votes);
        Ok(Plain::Plain(Json(AverageSeen { user_id: id.0, average_score, votes })))
    }
}

impl OutingReviewsApi {
    /// What was written the last time, if anything was.
    async fn known_text(
        &self,
        state: &Announcement,
        attended: AttendedBy,
    ) -> Result<Option<(TextId, String)>, ApiError> {
        let Ok(pair) = attended.pair(state) else { return Ok(None) };
        let said = self.0.reviewing.said(pair).await?;
        let Some(id) = said.and_then(|said| said.text) else { return Ok(None) };
        let mut texts = texts::find(&self.0.vault, &[id]).await?;
        Ok(texts.remove(&id).map(|text| (id, text)))
    }

    async fn rate(
        &self,
        caller: &Caller,
        context: &Context,
        announcement: AnnouncementId,
        (key, if_match): (Option<&str>, Option<&str>),
        body: Body<NewOpinion>,
    ) -> Result<Rated, ApiError> {
        let Body { value: new, bytes } = body;
        let mut judge = Judge::default();
        let score = judge.count("score", new.score);
        let text = new.review_text.as_ref().map(|text| judge.long("review_text", text));
        judge.verdict()?;
        let text = text.filter(|text| !text.is_empty());
        let score = u8::try_from(score).unwrap_or(u8::MAX);
        let execution = self.0.execution(context, if_match)?;
        let now = execution.now;
        let author = caller.account;
        let review = ReviewId(Uuid::now_v7());
        let written = text.as_ref();
        let answer = |reviewed: &Reviewed| {
            let said = reviewed.rating.said(reviewed.pair.side);
            let body = OpinionSeen {
                id: said.map_or(review, |said: Said| said.review).0,
                announcement_id: announcement.0,
                author_id: author.0,
                about_id: reviewed.pair.about.0,
                score,
                review_text: written.cloned().unwrap_or_default(),
                published: reviewed.rating.is_published(now),
            };
            Tagged { body, sequence: reviewed.revision }
        };
        let path = format!("/app/v1/reviews/{announcement}");
        let call = call(caller, key, "POST", &path, &bytes);
        let rate = |keep: Arc<Keep<_>>| async move {
            let state = self.0.visible(announcement, caller).await?.state;
            let host = state.outing().ok_or_else(unknown_announcement)?.terms.host;
            let named = new.about.map(AccountId);
            let about = if author == host { named } else { Some(host) };
            let known = self.known_text(&state, AttendedBy { by: author, about, now }).await?;
            // The same text again is no change.
            let (text, secrets) = match (written, known) {
                (Some(text), Some((id, before))) if *text == before => (Some(id), Vec::new()),
                (Some(text), _) => {
                    let id = TextId(Uuid::now_v7());
                    (Some(id), vec![in_vault(id, REVIEW, text)])
                }
                (None, _) => (None, Vec::new()),
            };
            let about = named;
            let opinion = Opinion { announcement, author, about, score, text, review };
            let attach = |reviewed: &Reviewed| Attached {
                secrets: secrets.clone(),
                ..keep.attach(reviewed)
            };
            self.0.reviewing.rate(opinion, execution, attach).await.map_err(of_command)
        };
        let rated = self.0.idempotent.run(call, StatusCode::OK, answer, rate).await;
        let rated = rated.map_err(|error| failed(error, if_match))?;
        Ok(Rated::Rated(Json(rated.body), etag(rated.sequence)))
    }
}
