//! What people are told of outings. Projected from the log of the outings, with when they take
//! place (`outing_plans`) and who applied (`outing_guests`). Which event tells whom stands here;
//! when people are reminded in `reminders.rs`.
//!
//! | event | told |
//! | --- | --- |
//! | changed, moved, called off | guests and applicants: whoever neither withdrew nor was declined |
//! | full, a place again | applicants who wait for the host |
//! | applied, and every change of a booking | host and guest |
//!
//! Guests who have a place are not told that it is full, or has a place again: that follows from
//! the answers of others and changes nothing for them. A host can neither close nor open one by
//! hand; who changes its number of places, and so fills or frees it, changes the announcement, and
//! that is told to all. Who withdrew or was declined, and what only its host knows (a draft has no
//! guests), is nobody's news.
//!
//! What one call changes is one notice: events of one append have one time, and `Moved` comes last
//! of those that change something. What is overtaken stays listed, but ends: if its mail still
//! waits, it is not sent. So ends
//!
//! | when | what was told of |
//! | --- | --- |
//! | it moves, or is called off | changes and earlier moves, and of bookings what says when it begins |
//! | it is called off | that it is full, or has a place again |
//! | it is full, or has a place again | the other of the two |
//! | a booking is answered or removed | how it stood before, and its clashes |
//! | a booking clashes, or does no more | the other of the two |

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use deadpool_postgres::Transaction;
use serde_json::{Value, json};
use shared_events::topology::{OUTINGS_LOG, PROJECT_OUTING_NOTICES, Queue};
use shared_events::{AccountId, AnnouncementEvent, BookingId, Envelope};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::kind::Kind;
use super::notice::{Known, Notice, write};
use super::reminders::{Plan, Whose, remind, retitle_reminders, withdraw_reminders};
use crate::platform::event_store::{ReadError, StoredEvent, decode};
use crate::platform::projections::Projection;

/// The table, the projection and its checkpoint have one name.
pub(super) const NAME: &str = "outing_notices";

/// Projects what hosts, guests and applicants are told.
pub struct OutingNotices;

#[async_trait]
impl Projection for OutingNotices {
    fn name(&self) -> &'static str {
        NAME
    }

    fn log(&self) -> &'static str {
        OUTINGS_LOG
    }

    fn queue(&self) -> &'static Queue {
        &PROJECT_OUTING_NOTICES
    }

    fn tables(&self) -> &'static [&'static str] {
        &[NAME, "outing_plans", "outing_guests"]
    }

    async fn apply(
        &self,
        transaction: &Transaction<'_>,
        events: &[StoredEvent],
    ) -> Result<(), ReadError> {
        for event in events.iter().filter(|event| event.aggregate == "announcement") {
            let event = decode::<AnnouncementEvent>(event.clone())?;
            Step { transaction, event: &event }.apply().await?;
        }
        Ok(())
    }
}

type Applied<T = ()> = Result<T, tokio_postgres::Error>;

/// One event.
struct Step<'a> {
    transaction: &'a Transaction<'a>,
    event: &'a Envelope<AnnouncementEvent>,
}

/// Which bookings of an outing are meant.
const CONCERNED: &str = "guest_says and host_says is distinct from false";
const WAITING: &str = "guest_says and host_says is null";
const COMING: &str = "guest_says and host_says";

/// Whether there is a place: the later is true.
const PLACES: [Kind; 2] = [Kind::AnnouncementFull, Kind::AnnouncementReopened];
/// What is no news any more once an outing has moved, or is called off.
const CHANGES: [Kind; 2] = [Kind::AnnouncementChanged, Kind::AnnouncementMoved];
/// What is said of bookings with the time at which the outing begins.
const TIMED: [Kind; 4] = [
    Kind::BookingAccepted,
    Kind::BookingConfirmed,
    Kind::BookingClashes,
    Kind::BookingClashCleared,
];
/// Whether the guest is elsewhere: the later is true.
const CLASHES: [Kind; 2] = [Kind::BookingClashes, Kind::BookingClashCleared];
/// How a booking stands, and what an answer to it has settled: the last is true.
const ANSWERS: [Kind; 6] = [
    Kind::BookingAccepted,
    Kind::BookingDeclined,
    Kind::BookingWithdrawn,
    Kind::BookingConfirmed,
    Kind::BookingClashes,
    Kind::BookingClashCleared,
];

impl Step<'_> {
    async fn apply(&self) -> Applied {
        use AnnouncementEvent as Event;
        match &self.event.payload {
            Event::Announced { host, title, starts_at, .. } => {
                let text = "insert into outing_plans \
                                (announcement_id, host, title_id, starts_at, set_by, open) \
                            values ($1, $2, $3, $4, $5, false) on conflict do nothing";
                let cause = self.event.event_id;
                self.execute(text, &[&self.id(), &host.0, &title.0, starts_at, &cause]).await
            }
            Event::Opened => {
                let text = "update outing_plans set open = true where announcement_id = $1";
                self.execute(text, &[&self.id()]).await?;
                let Some(plan) = self.plan().await? else { return Ok(()) };
                remind(self.transaction, &plan, self.event.recorded_at, &[plan.host]).await
            }
            Event::Edited { title, .. } => {
                let text = "update outing_plans set title_id = $2 where announcement_id = $1";
                self.execute(text, &[&self.id(), &title.0]).await?;
                let now = self.event.recorded_at;
                retitle_reminders(self.transaction, self.id(), title.0, now).await?;
                self.tell_change().await
            }
            Event::PlacesChanged { .. } => self.tell_change().await,
            Event::Moved { starts_at, .. } => self.moved(*starts_at).await,
            Event::Closed => self.tell_those_who_wait(Kind::AnnouncementFull).await,
            Event::Reopened => self.tell_those_who_wait(Kind::AnnouncementReopened).await,
            Event::Cancelled => {
                self.withdraw(Whose::Everybodys).await?;
                self.end_timed().await?;
                self.end(&[self.id()], &PLACES).await?;
                let text = "update outing_plans set open = false where announcement_id = $1";
                self.execute(text, &[&self.id()]).await?;
                self.tell(CONCERNED, Kind::AnnouncementCancelled).await
            }
            Event::Ended => Ok(()),
            Event::Applied { booking, guest } => {
                let text = "insert into outing_guests (booking_id, announcement_id, guest, guest_says) \
                            values ($1, $2, $3, true) on conflict do nothing";
                self.execute(text, &[&booking.0, &self.id(), &guest.0]).await?;
                self.tell_both(*booking, Kind::BookingApplied, &[]).await
            }
            Event::Accepted { booking } => {
                self.answer(*booking, "host_says = true", Kind::BookingAccepted).await
            }
            Event::Declined { booking } => {
                self.answer(*booking, "host_says = false", Kind::BookingDeclined).await
            }
            Event::Withdrawn { booking } => {
                self.answer(*booking, "guest_says = false", Kind::BookingWithdrawn).await
            }
            Event::Confirmed { booking } => {
                self.answer(*booking, "guest_says = true", Kind::BookingConfirmed).await
            }
            Event::Removed { booking } => {
                self.answer(*booking, "guest_says = false", Kind::BookingRemoved).await?;
                let text = "delete from outing_guests where booking_id = $1";
                self.execute(text, &[&booking.0]).await
            }
            Event::ClashFound { booking } => {
                self.tell_both(*booking, Kind::BookingClashes, &CLASHES).await
            }
            Event::ClashCleared { booking } => {
                self.tell_both(*booking, Kind::BookingClashCleared, &CLASHES).await
            }
        }
    }

    fn id(&self) -> Uuid {
        self.event.aggregate_id
    }

    async fn execute(&self, text: &str, values: &[&(dyn ToSql + Sync)]) -> Applied {
        let statement = self.transaction.prepare_cached(text).await?;
        self.transaction.execute(&statement, values).await?;
        Ok(())
    }

    async fn plan(&self) -> Applied<Option<Plan>> {
        Plan::find(self.transaction, self.id()).await
    }

    /// Those bookings, and whose they are.
    async fn guests(&self, which: &str) -> Applied<Vec<(BookingId, AccountId)>> {
        let text = format!(
            "select booking_id, guest from outing_guests where announcement_id = $1 and {which} \
             order by booking_id"
        );
        let statement = self.transaction.prepare_cached(&text).await?;
        let rows = self.transaction.query(&statement, &[&self.id()]).await?;
        let read = |row: &Row| Ok((BookingId(row.try_get(0)?), AccountId(row.try_get(1)?)));
        rows.iter().map(read).collect()
    }

    /// It takes place at another time, or only takes longer or shorter.
    async fn moved(&self, starts_at: DateTime<Utc>) -> Applied {
        if self.plan().await?.is_some_and(|plan| plan.starts_at == starts_at) {
            return self.tell_change().await;
        }
        self.withdraw(Whose::Everybodys).await?;
        let text = "update outing_plans set starts_at = $2, set_by = $3 where announcement_id = $1";
        self.execute(text, &[&self.id(), &starts_at, &self.event.event_id]).await?;
        // That it moved says as well that it was changed by the same call.
        let text = "update outing_notices set withdrawn_at = $2 \
                    where about = $1 and kind = 'announcement_changed' and due_at = $2";
        self.execute(text, &[&self.id(), &self.event.recorded_at]).await?;
        self.end_timed().await?;
        self.tell(CONCERNED, Kind::AnnouncementMoved).await?;
        self.remind_all().await
    }

    /// Tells that it was changed, unless the same call has changed something before: all that a
    /// call appends has its `recorded_at`, which is when what it tells is due. Of two calls in the
    /// same microsecond one is told, in words that are true of both.
    async fn tell_change(&self) -> Applied {
        let text = "select from outing_notices where about = $1 \
                        and kind = 'announcement_changed' and due_at = $2 limit 1";
        let statement = self.transaction.prepare_cached(text).await?;
        let now = self.event.recorded_at;
        let told = self.transaction.query_opt(&statement, &[&self.id(), &now]).await?;
        match told {
            Some(_) => Ok(()),
            None => self.tell(CONCERNED, Kind::AnnouncementChanged).await,
        }
    }

    /// What was told of these so far makes no sense any more.
    async fn end(&self, about: &[Uuid], kinds: &[Kind]) -> Applied {
        if about.is_empty() || kinds.is_empty() {
            return Ok(());
        }
        let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
        let text = "update outing_notices set until = least(until, $2) \
                    where about = any($1) and kind = any($3)";
        self.execute(text, &[&about, &self.event.recorded_at, &kinds]).await
    }

    /// Whether there is a place now.
    async fn tell_those_who_wait(&self, kind: Kind) -> Applied {
        self.end(&[self.id()], &PLACES).await?;
        self.tell(WAITING, kind).await
    }

    /// It does not begin when it was said to.
    async fn end_timed(&self) -> Applied {
        self.end(&[self.id()], &CHANGES).await?;
        let bookings: Vec<Uuid> = self.guests("true").await?.iter().map(|(id, _)| id.0).collect();
        self.end(&bookings, &TIMED).await
    }

    /// Tells those guests of the announcement.
    async fn tell(&self, which: &str, kind: Kind) -> Applied {
        let guests = self.guests(which).await?;
        let Some(plan) = self.plan().await?.filter(|_| !guests.is_empty()) else { return Ok(()) };
        let details = json!({ "title_id": plan.title_id, "starts_at": plan.starts_at });
        // That it was changed is news only until it begins.
        let is_called_off = kind == Kind::AnnouncementCancelled;
        let until = (!is_called_off).then_some(plan.starts_at);
        let notice = |(booking, guest): (BookingId, AccountId)| {
            let about = if is_called_off { booking.0 } else { self.id() };
            self.notice(guest, kind, about, &details, until)
        };
        let notices: Vec<_> = guests.into_iter().map(notice).collect();
        write(self.transaction, NAME, &notices, Known::Stays).await
    }

    /// Notes what is said of a booking, and tells both. Who comes is reminded, who does not is not.
    async fn answer(&self, booking: BookingId, change: &str, kind: Kind) -> Applied {
        let text = format!(
            "update outing_guests set {change} where booking_id = $1 \
             returning guest, coalesce({COMING}, false)"
        );
        let statement = self.transaction.prepare_cached(&text).await?;
        let row = self.transaction.query_opt(&statement, &[&booking.0]).await?;
        let Some(row) = row else { return Ok(()) };
        let (guest, comes) = (AccountId(row.try_get(0)?), row.try_get::<_, bool>(1)?);
        self.tell_both(booking, kind, &ANSWERS).await?;
        if !comes {
            return self.withdraw(Whose::Of(guest)).await;
        }
        match self.plan().await?.filter(|plan| plan.open) {
            Some(plan) => remind(self.transaction, &plan, self.event.recorded_at, &[guest]).await,
            None => Ok(()),
        }
    }

    /// Tells host and guest of a booking, of which those were no news any more.
    async fn tell_both(&self, booking: BookingId, kind: Kind, overtaken: &[Kind]) -> Applied {
        self.end(&[booking.0], overtaken).await?;
        let text = "select guest from outing_guests where booking_id = $1";
        let statement = self.transaction.prepare_cached(text).await?;
        let row = self.transaction.query_opt(&statement, &[&booking.0]).await?;
        let (Some(row), Some(plan)) = (row, self.plan().await?) else { return Ok(()) };
        let guest = AccountId(row.try_get(0)?);
        let details = |role: &str, other: AccountId| {
            json!({
                "title_id": plan.title_id,
                "starts_at": plan.starts_at,
                "role": role,
                "other_id": other.0,
            })
        };
        let about = if kind == Kind::BookingRemoved { self.id() } else { booking.0 };
        let notices = [
            self.notice(plan.host, kind, about, &details("host", guest), None),
            self.notice(guest, kind, about, &details("guest", plan.host), None),
        ];
        write(self.transaction, NAME, &notices, Known::Stays).await
    }

    fn notice(
        &self,
        person: AccountId,
        kind: Kind,
        about: Uuid,
        details: &Value,
        until: Option<DateTime<Utc>>,
    ) -> Notice {
        let (cause, due_at) = (self.event.event_id, Some(self.event.recorded_at));
        Notice { person, kind, cause, about, due_at, until, details: details.clone() }
    }

    async fn withdraw(&self, whose: Whose) -> Applied {
        withdraw_reminders(self.transaction, self.id(), self.event.recorded_at, whose).await
    }

    /// Reminds the host and all who come, if guests could apply at all.
    async fn remind_all(&self) -> Applied {
        let Some(plan) = self.plan().await?.filter(|plan| plan.open) else { return Ok(()) };
        let coming = self.guests(COMING).await?.into_iter().map(|(_, guest)| guest);
        let people: Vec<_> = coming.chain([plan.host]).collect();
        remind(self.transaction, &plan, self.event.recorded_at, &people).await
    }
}
