//! What is announced: the read table of announcements, how events make it, and its questions. One
//! announcement is read from its stream, so it is never older than its last event; lists are as the
//! projection has them. Texts are joined from the vault. Whether an outing has begun or is over is
//! asked of the clock. How many places are taken is counted from the bookings.

use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate;
use deadpool_postgres::Transaction;
use shared_events::{AccountId, AnnouncementEvent, AnnouncementId, Envelope, FilmId};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::announcement::{Announcement, Status};
use super::texts::{LOCATION, TITLE};
use crate::platform::event_store::{EventStore, ReadError};
use crate::platform::read_table::{ReadRow, read_table};
use crate::platform::vault::Vault;

read_table! {
    /// One announcement as it stands, without its texts.
    pub struct AnnouncementRow of "announcements" {
        /// Which announcement.
        announcement_id: Uuid = "uuid",
        /// Whose.
        host: Uuid = "uuid",
        /// To which film.
        film_id: Uuid = "uuid",
        /// Its title, in the vault.
        title_id: Uuid = "uuid",
        /// Where it is, in the vault.
        location_id: Uuid = "uuid",
        /// Whether only those who follow the host may see it.
        sub_only: bool = "boolean",
        /// Whether guests pay nothing.
        is_free: bool = "boolean",
        /// How many guests there can be.
        places: i32 = "integer",
        /// How many there are.
        taken: i32 = "integer",
        /// As it was recorded: `draft`, `open`, `full`, `ended` or `cancelled`.
        stage: String = "text",
        /// Its first instant.
        starts_at: DateTime<Utc> = "timestamptz",
        /// The first instant at which it is over.
        ends_at: DateTime<Utc> = "timestamptz",
        /// The sequence of the last event in this row.
        sequence: i64 = "bigint",
    }
}

impl AnnouncementRow {
    /// What people see at this moment, whether or not somebody has recorded that it is over.
    pub fn status_at(&self, now: DateTime<Utc>) -> Status {
        match self.stage.as_str() {
            "draft" => Status::Created,
            "ended" => Status::Done,
            "open" | "full" if now >= self.ends_at => Status::Done,
            "open" => Status::Alive,
            _ => Status::Closed,
        }
    }

    /// How many places are left.
    pub fn left(&self) -> i32 {
        (self.places - self.taken).max(0)
    }

    /// How long it takes, in minutes.
    pub fn duration_minutes(&self) -> i64 {
        (self.ends_at - self.starts_at).num_minutes()
    }
}

fn number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

/// The row after one more event.
pub fn project(mut row: AnnouncementRow, event: &Envelope<AnnouncementEvent>) -> AnnouncementRow {
    row.announcement_id = event.aggregate_id;
    row.sequence = event.sequence;
    let stage = match &event.payload {
        AnnouncementEvent::Announced {
            host,
            film,
            title,
            location,
            sub_only,
            is_free,
            places,
            starts_at,
            duration_minutes,
            ..
        } => {
            row.host = host.0;
            row.film_id = film.0;
            row.title_id = title.0;
            row.location_id = location.0;
            row.sub_only = *sub_only;
            row.is_free = *is_free;
            row.places = number(*places);
            row.starts_at = *starts_at;
            row.ends_at = *starts_at + TimeDelta::minutes((*duration_minutes).into());
            "draft"
        }
        AnnouncementEvent::Edited { title, location, sub_only, is_free, .. } => {
            row.title_id = title.0;
            row.location_id = location.0;
            row.sub_only = *sub_only;
            row.is_free = *is_free;
            return row;
        }
        AnnouncementEvent::PlacesChanged { places } => {
            row.places = number(*places);
            return row;
        }
        AnnouncementEvent::Moved { starts_at, duration_minutes } => {
            row.starts_at = *starts_at;
            row.ends_at = *starts_at + TimeDelta::minutes((*duration_minutes).into());
            return row;
        }
        AnnouncementEvent::Opened | AnnouncementEvent::Reopened => "open",
        AnnouncementEvent::Closed => "full",
        AnnouncementEvent::Ended => "ended",
        AnnouncementEvent::Cancelled => "cancelled",
        _ => return row,
    };
    row.stage = stage.to_owned();
    row
}

/// Counts the places that are taken, once the bookings of a batch are there.
///
/// # Errors
/// If Postgres does not answer.
pub async fn count_places(
    transaction: &Transaction<'_>,
    ids: &[Uuid],
) -> Result<(), tokio_postgres::Error> {
    let text = "update announcements a set taken = (select count(*) from bookings b \
                    where b.announcement_id = a.announcement_id and guest_says and host_says) \
                where announcement_id = any($1)";
    let statement = transaction.prepare_cached(text).await?;
    transaction.execute(&statement, &[&ids]).await?;
    Ok(())
}

/// An announcement of a list, with its texts; those that were erased are empty.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The announcement.
    pub row: AnnouncementRow,
    /// Its title.
    pub title: String,
    /// Where it is.
    pub location: String,
}

/// Which announcements a list has.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Whose view it is; `None` for administrators, who see all that was ever announced.
    pub viewer: Option<Viewer>,
    /// Only of this host; one's own with drafts.
    pub host: Option<AccountId>,
    /// Only to this film.
    pub film: Option<FilmId>,
    /// Only those at which guests pay nothing, or only others.
    pub is_free: Option<bool>,
    /// Only of hosts whom the viewer follows.
    pub followed_only: bool,
    /// Only with so many places left.
    pub left: Option<i32>,
    /// Only those that begin in this time; the end is not part of it.
    pub starts: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Only with this text in their place, whatever its case.
    pub location: Option<String>,
}

/// Who looks at a list.
#[derive(Clone, Debug)]
pub struct Viewer {
    /// Which account.
    pub account: AccountId,
    /// Whom they follow.
    pub follows: Vec<AccountId>,
}

/// Conditions with their parameters.
#[derive(Default)]
struct Conditions {
    text: Vec<String>,
    parameters: Vec<Box<dyn ToSql + Sync + Send>>,
}

impl Conditions {
    /// The number of a new parameter, as SQL names it.
    fn parameter(&mut self, value: impl ToSql + Sync + Send + 'static) -> String {
        self.parameters.push(Box::new(value));
        format!("${}", self.parameters.len())
    }

    /// A condition in which `?` is the parameter.
    fn add(&mut self, condition: &str, value: impl ToSql + Sync + Send + 'static) {
        let parameter = self.parameter(value);
        self.text.push(condition.replace('?', &parameter));
    }
}

impl Filter {
    /// A statement for each shape, because a prepared one has one plan.
    fn conditions(&self, now: DateTime<Utc>) -> Conditions {
        let mut all = Conditions::default();
        let mut all_are_open = false;
        if let Some(Viewer { account, follows }) = &self.viewer {
            let own = self.host == Some(*account);
            all_are_open = !own;
            let me = all.parameter(account.0);
            let hosts: Vec<Uuid> = follows.iter().map(|host| host.0).collect();
            let hosts = all.parameter(hosts);
            if own {
                all.add("(a.stage = 'draft' or a.stage = 'open' and a.starts_at > ?)", now);
            } else {
                all.add("a.stage = 'open' and a.starts_at > ?", now);
            }
            all.text.push(format!(
                "(not a.sub_only or a.host = {me} or a.host = any({hosts}) \
                  or exists (select from bookings b where b.guest = {me} \
                      and b.announcement_id = a.announcement_id \
                      and b.guest_says and b.host_says is distinct from false))"
            ));
            if self.followed_only {
                all.text.push(format!("a.host = any({hosts})"));
            }
        }
        if let Some(host) = self.host {
            all.add("a.host = ?", host.0);
        }
        if let Some(film) = self.film {
            all.add("a.film_id = ?", film.0);
        }
        if let Some(is_free) = self.is_free {
            all.add("a.is_free = ?", is_free);
        }
        if let Some(left) = self.left {
            all.add("a.places - a.taken >= ?", left);
        }
        if let Some((from, until)) = self.starts {
            let (from, until) = (all.parameter(from), all.parameter(until));
            let starts =
                |of: &str| format!("{of}.starts_at >= {from} and {of}.starts_at < {until}");
            // Left to itself, Postgres may look for a time in all that is open, because that comes
            // in the order of the page. Ids that are known before are probed in that order too.
            all.text.push(if all_are_open && self.host.is_none() {
                format!(
                    "a.announcement_id = any(array(select d.announcement_id from announcements d \
                         where d.stage = 'open' and {}))",
                    starts("d")
                )
            } else {
                starts("a")
            });
        }
        all
    }
}

/// When a stream was begun and last changed.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Its first event.
    pub created: DateTime<Utc>,
    /// Its last event.
    pub modified: DateTime<Utc>,
}

/// Reads announcements; cheap to clone.
#[derive(Clone)]
pub struct Announcements {
    store: EventStore,
    vault: Vault,
}

impl Announcements {
    /// Reads from the store's database.
    pub fn new(store: EventStore) -> Self {
        let vault = Vault::new(store.database().clone());
        Self { store, vault }
    }

    /// When an announcement was made and last changed; `None` if there is none.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn times(&self, id: AnnouncementId) -> Result<Option<Times>, ReadError> {
        let nth = |order| {
            format!(
                "(select recorded_at from events where aggregate_id = $1 and aggregate = $2 \
                 order by sequence {order} limit 1)"
            )
        };
        let text = format!("select {}, {}", nth("asc"), nth("desc"));
        let client = self.store.database().get().await?;
        let statement = client.prepare_cached(&text).await?;
        let row = client.query_one(&statement, &[&id.0, &Announcement::TYPE]).await?;
        let created: Option<DateTime<Utc>> = row.try_get(0)?;
        let modified: Option<DateTime<Utc>> = row.try_get(1)?;
        Ok(created.zip(modified).map(|(created, modified)| Times { created, modified }))
    }

    /// The announcements that a filter matches, oldest first, as the projection has them.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn list(
        &self,
        filter: &Filter,
        after: Option<Uuid>,
        limit: i64,
        now: DateTime<Utc>,
    ) -> Result<Vec<Listed>, ReadError> {
        let mut conditions = filter.conditions(now);
        // Of 100,000 open announcements with one statement for all texts: 0.2 s for a rare one, and
        // 1.3 s for one that all places have. Like this: below 1 ms for the first and 40 ms for the
        // other. Rare is what few places ever had, those of what is over among them: how many of
        // them are open is known only when each is looked up, and there is no end to what is over.
        // So the place of many old outings and few open ones is looked for in what is open, 0.2 s.
        if let Some(text) = &filter.location {
            match self.vault.rare(LOCATION, text).await? {
                Some(places) => conditions.add("a.location_id = any(?)", places),
                None => conditions.add("position(lower(?) in lower(l.value)) > 0", text.clone()),
            }
        }
        conditions.add("a.announcement_id > ?", after.unwrap_or(Uuid::nil()));
        let limit = conditions.parameter(limit);
        let columns: Vec<_> =
            AnnouncementRow::COLUMNS.iter().map(|(name, _)| format!("a.{name}")).collect();
        let text = format!(
            "select {}, coalesce(t.value, ''), coalesce(l.value, '') from announcements a \
             left join vault t on t.id = a.title_id and t.name = '{TITLE}' \
             left join vault l on l.id = a.location_id and l.name = '{LOCATION}' \
             where {} order by a.announcement_id limit {limit}",
            columns.join(", "),
            conditions.text.join(" and ")
        );
        let client = self.store.database().get().await?;
        let statement = client.prepare_cached(&text).await?;
        let parameters: Vec<&(dyn ToSql + Sync)> =
            conditions.parameters.iter().map(|parameter| &**parameter as _).collect();
        let rows = client.query(&statement, &parameters).await?;
        let read = |row: &Row| {
            let text = AnnouncementRow::COLUMNS.len();
            let (title, location) = (row.try_get(text)?, row.try_get(text + 1)?);
            Ok(Listed { row: AnnouncementRow::read(row, 0)?, title, location })
        };
        Ok(rows.iter().map(read).collect::<Result<_, tokio_postgres::Error>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_is_done_from_its_end_on_whatever_was_recorded() {
        let end = DateTime::UNIX_EPOCH;
        let before = end - TimeDelta::microseconds(1);
        let row = |stage: &str| AnnouncementRow {
            stage: stage.to_owned(),
            ends_at: end,
            ..AnnouncementRow::default()
        };
        assert_eq!(row("open").status_at(before), Status::Alive);
        assert_eq!(row("full").status_at(before), Status::Closed);
        for stage in ["open", "full", "ended"] {
            assert_eq!(row(stage).status_at(end), Status::Done);
        }
        assert_eq!(row("draft").status_at(end), Status::Created);
    }
}
