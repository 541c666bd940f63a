//! Notifications over HTTP: one's own notices and which of them one wants. No rules and no SQL
//! here.

mod answers;
mod limits;
mod requests;
mod unsubscribing;

use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{OpenApi, Tags};
use shared_events::AccountId;
use uuid::Uuid;

pub use limits::NotificationLimits;
pub use unsubscribing::UnsubscribingApi;

use super::leads::Leads;
use super::reading::{After, Found, Reading, Sort};
use super::settings::{SwitchError, Switches};
use super::words::{Facts, Words};
use crate::accounts::{Contact, People};
use crate::api::authentication::RequiredCaller;
use crate::api::body::Body;
use crate::api::paging::Page;
use crate::api::rate_limits::Limited;
use crate::api_error::{ApiError, Code};
use crate::platform::caught_up::CaughtUp;
use crate::platform::clock::Clock;
use answers::{NoticeAnswer, NoticePage, NoticeSeen, SettingsAnswer, settings_seen};
use requests::{SettingsChange, SortAsked};

const NOTIFICATIONS: &str = "/app/v1/notifications";

#[derive(Tags)]
enum Tag {
    /// What people are told, and which of it they want.
    #[oai(rename = "notifications")]
    Notifications,
}

/// What the routes need.
pub struct NotificationsApi {
    pub(super) reading: Reading,
    pub(super) switches: Switches,
    pub(super) people: People,
    pub(super) words: Words,
    /// Waits for what has just happened to be listed: one for each log.
    pub(super) caught_up: Vec<CaughtUp>,
    pub(super) limits: NotificationLimits,
    pub(super) clock: Clock,
    pub(super) leads: Leads,
}

impl From<SwitchError> for ApiError {
    fn from(error: SwitchError) -> Self {
        match error {
            SwitchError::Gone => gone(),
            SwitchError::Database(error) => error.into(),
        }
    }
}

fn gone() -> ApiError {
    ApiError::new(Code::Unauthenticated, "The account is no more")
}

fn unknown() -> ApiError {
    ApiError::new(Code::NotFound, "There is no such notification")
}

#[OpenApi(tag = "Tag::Notifications")]
impl NotificationsApi {
    /// List your notifications
    ///
    /// Oldest first, unless something else is said; in the language and by the clock of your
    /// profile. What you have switched off in the product is not listed.
    ///
    /// Errors: `invalid_cursor`, `unavailable`.
    #[oai(path = "/app/v1/notifications", method = "get", operation_id = "list_notifications")]
    async fn list(
        &self,
        caller: RequiredCaller,
        /// `true`: only those you have not read; `false`: only those you have.
        unread: Query<Option<bool>>,
        /// In which order; `created` unless said.
        sort: Query<Option<SortAsked>>,
        /// Notifications of a page, 1 to 200; 50 unless said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<NoticePage, ApiError> {
        let me = caller.0.account;
        let filter = unread.0.map(|unread| unread.to_string());
        let filters = [("unread", filter.as_deref()), ("sort", sort.0.map(SortAsked::as_str))];
        let page = Page::read(NOTIFICATIONS, limit.0, after.0.as_deref(), &filters)?;
        let after = page.after.as_deref().map(read_key).transpose()?;
        let waiting = self.caught_up.iter().map(CaughtUp::wait);
        futures_util::future::try_join_all(waiting).await?;
        let now = self.clock.now();
        let place = (sort.0.map(Sort::from).unwrap_or_default(), after);
        let mut found = self.reading.list(me, unread.0, place, page.fetch(), now).await?;
        let next = page.cut(&mut found, key);
        Ok(NoticePage::Page(Json(self.seen(me, found).await?), next))
    }

    /// Mark all your notifications as read
    ///
    /// All that you are told so far.
    ///
    /// Errors: `unavailable`.
    #[oai(
        path = "/app/v1/notifications/read",
        method = "put",
        operation_id = "mark_notifications_read"
    )]
    async fn mark_all(&self, caller: RequiredCaller) -> Result<Limited<answers::Gone>, ApiError> {
        let me = caller.0.account;
        let rate = self.limits.change(me)?;
        let marked = self.reading.mark_all_read(me, self.clock.now()).await;
        rate.on(marked.map(|()| answers::Gone::Done).map_err(ApiError::from))
    }

    /// Mark your notification as read
    ///
    /// For good: doing it again changes nothing.
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(
        path = "/app/v1/notifications/:id/read",
        method = "put",
        operation_id = "mark_notification_read"
    )]
    async fn mark(
        &self,
        caller: RequiredCaller,
        /// Which notification.
        id: Path<Uuid>,
    ) -> Result<Limited<NoticeAnswer>, ApiError> {
        let me = caller.0.account;
        let rate = self.limits.change(me)?;
        let marked = async {
            let found = self.reading.mark_read(me, id.0, self.clock.now()).await?;
            let seen = self.seen(me, found.into_iter().collect()).await?;
            let seen = seen.into_iter().next().ok_or_else(unknown)?;
            Ok(NoticeAnswer::One(Json(seen)))
        };
        rate.on(marked.await)
    }

    /// Read which notifications you want
    ///
    /// Each kind with each channel. E-mails are sent to who has not asked otherwise in the profile
    /// (`delivery_type`), unless who reads them has stopped all mail to the address.
    ///
    /// Errors: `unavailable`.
    #[oai(
        path = "/app/v1/notifications/settings",
        method = "get",
        operation_id = "read_notification_settings"
    )]
    async fn settings(&self, caller: RequiredCaller) -> Result<SettingsAnswer, ApiError> {
        self.settings_of(caller.0.account).await
    }

    /// Say which notifications you want
    ///
    /// What is left out stays as it is. What is switched off for `product` is not listed as long as
    /// it is; what is switched off for `email` when it becomes due is never sent.
    ///
    /// Errors: `invalid_fields`, `unavailable`.
    #[oai(
        path = "/app/v1/notifications/settings",
        method = "put",
        operation_id = "change_notification_settings"
    )]
    async fn change_settings(
        &self,
        caller: RequiredCaller,
        body: Body<SettingsChange>,
    ) -> Result<Limited<SettingsAnswer>, ApiError> {
        let me = caller.0.account;
        let rate = self.limits.change(me)?;
        let changed = async {
            self.switches.set(me, &body.value.switches()?).await?;
            self.settings_of(me).await
        };
        rate.on(changed.await)
    }
}

impl NotificationsApi {
    async fn settings_of(&self, account: AccountId) -> Result<SettingsAnswer, ApiError> {
        let off = self.switches.off(account).await?;
        Ok(SettingsAnswer::All(Json(settings_seen(&off))))
    }

    /// Notices in the words of who reads them.
    async fn seen(
        &self,
        reader: AccountId,
        found: Vec<Found>,
    ) -> Result<Vec<NoticeSeen>, ApiError> {
        let contact = self.people.contacts(&[reader]).await?.remove(&reader).ok_or_else(gone)?;
        let all: Vec<_> = found.iter().collect();
        let mut facts = self.reading.facts(&all).await?;
        let mut leads = self.leads.of(&all).await?;
        let seen = found.into_iter().map(|found| {
            let facts = facts.remove(&found.id).unwrap_or_default();
            let link = leads.remove(&found.id).unwrap_or_default();
            self.one(found, &facts, link, &contact)
        });
        seen.collect()
    }

    fn one(
        &self,
        found: Found,
        facts: &Facts,
        link: String,
        reader: &Contact,
    ) -> Result<NoticeSeen, ApiError> {
        let said = self.words.say(found.kind, facts, reader);
        let said = said.map_err(|error| ApiError::internal(&error))?;
        Ok(NoticeSeen::of(found, said, link))
    }
}

/// What a cursor holds: when the last notice of a page was due, in microseconds, and its id.
fn key(found: &Found) -> String {
    format!("{}_{}", found.due_at.timestamp_micros(), found.id)
}

fn read_key(key: &str) -> Result<After, ApiError> {
    let read = || {
        let (time, id) = key.split_once('_')?;
        let due_at = chrono::DateTime::from_timestamp_micros(time.parse().ok()?)?;
        Some(After { due_at, id: id.parse().ok()? })
    };
    read().ok_or_else(Page::invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_goes_on_where_the_one_before_ended_and_nowhere_else() {
        let id = Uuid::from_u128(7);
        let due_at = chrono::DateTime::from_timestamp_micros(1_800_000_000_000_001).unwrap();
        let read = read_key(&format!("1800000000000001_{id}")).unwrap();
        assert_eq!(read, After { due_at, id });
        for key in ["", "1", "x_y", &format!("{}_{id}", i64::MAX), "1_2"] {
            assert_eq!(read_key(key).unwrap_err().code(), Code::InvalidCursor, "{key}");
        }
    }
}
