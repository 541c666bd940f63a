//! Notices as they are read: found by person or by id, with the names and titles joined that events
//! do not hold. Not here: what was sent (`deliveries.rs`), and the words (`words.rs`).

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use serde_json::Value;
use shared_events::AccountId;
use tokio_postgres::Row;
use uuid::Uuid;

use super::kind::{Channel, Kind};
use super::notice::ALL;
use super::words::Facts;
use crate::accounts::People;
use crate::platform::database::{Database, DatabaseError};
use crate::platform::vault::Vault;

/// How many are marked as read in one statement.
const MARKED_AT_ONCE: i64 = 5_000;

/// A notice that is due.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) id: Uuid,
    pub(super) kind: Kind,
    pub(super) about: Uuid,
    pub(super) due_at: DateTime<Utc>,
    pub(super) until: Option<DateTime<Utc>>,
    pub(super) withdrawn: bool,
    pub(super) read_at: Option<DateTime<Utc>>,
    details: Value,
}

/// Where a page of somebody's notices begins: after this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct After {
    pub(super) due_at: DateTime<Utc>,
    pub(super) id: Uuid,
}

/// In which order a list is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sort {
    /// Oldest first.
    #[default]
    Oldest,
    /// Newest first.
    Newest,
}

impl Sort {
    /// What follows a place in the list, and what the list is ordered by.
    fn sql(self) -> (&'static str, &'static str) {
        match self {
            Self::Oldest => ("(n.due_at, n.id) > ($3, $4)", "n.due_at, n.id"),
            Self::Newest => ("(n.due_at, n.id) < ($3, $4)", "n.due_at desc, n.id desc"),
        }
    }

    /// What all follow that is due.
    fn begin(self, now: DateTime<Utc>) -> After {
        match self {
            Self::Oldest => After { due_at: DateTime::UNIX_EPOCH, id: Uuid::nil() },
            Self::Newest => After { due_at: now, id: Uuid::max() },
        }
    }
}

/// Reads notices; cheap to clone.
#[derive(Clone)]
pub(super) struct Reading {
    database: Database,
    vault: Vault,
    people: People,
}

/// What [`found`] reads; `d` is what the person has done with the notice in the product.
const COLUMNS: &str = "n.id, n.kind, n.about, n.due_at, n.until, n.withdrawn_at is not null, \
    d.read_at, n.details";
/// What was due before notices were set up is not told: a projection reads history from its
/// beginning.
const SINCE: &str = "n.due_at >= (select listed_from from notices_begin)";
const READ: &str = "left join deliveries d on d.notice = n.id and d.channel = 'product'";

/// A row as a notice; `None` if its kind is not known to this version.
fn found(row: &Row) -> Result<Option<Found>, tokio_postgres::Error> {
    let Ok(kind) = row.try_get::<_, &str>(1)?.parse() else { return Ok(None) };
    Ok(Some(Found {
        id: row.try_get(0)?,
        kind,
        about: row.try_get(2)?,
        due_at: row.try_get(3)?,
        until: row.try_get(4)?,
        withdrawn: row.try_get(5)?,
        read_at: row.try_get(6)?,
        details: row.try_get(7)?,
    }))
}

impl Reading {
    pub(super) fn new(database: Database) -> Self {
        let (vault, people) = (Vault::new(database.clone()), People::new(database.clone()));
        Self { database, vault, people }
    }

    /// What somebody is told in the product at this moment.
    pub(super) async fn list(
        &self,
        person: AccountId,
        unread: Option<bool>,
        (sort, after): (Sort, Option<After>),
        limit: i64,
        now: DateTime<Utc>,
    ) -> Result<Vec<Found>, DatabaseError> {
        let (follows, order) = sort.sql();
        let text = format!(
            "select {COLUMNS} from {ALL} n {READ} \
             where n.person = $1 and n.due_at <= $2 and n.withdrawn_at is null and {SINCE} \
                 and {follows} \
                 and ($5::boolean is null or $5 = (d.read_at is null)) \
                 and n.kind = any($6) \
                 and not exists (select from switched_off s where s.account_id = n.person \
                     and s.kind = n.kind and s.channel = 'product') \
             order by {order} limit $7"
        );
        let after = after.unwrap_or_else(|| sort.begin(now));
        let client = self.database.get().await?;
        let statement = client.prepare_cached(&text).await?;
        let rows = client
            .query(
                &statement,
                &[&person.0, &now, &after.due_at, &after.id, &unread, &Kind::NAMES, &limit],
            )
            .await?;
        let all: Result<Vec<Option<Found>>, _> = rows.iter().map(found).collect();
        Ok(all?.into_iter().flatten().collect())
    }

    /// The notices of these ids, due or not.
    pub(super) async fn find(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Found>, DatabaseError> {
        let text = format!(
            "select {COLUMNS} from {ALL} n {READ} where n.id = any($1) and n.due_at is not null"
        );
        let client = self.database.get().await?;
        let statement = client.prepare_cached(&text).await?;
        let rows = client.query(&statement, &[&ids]).await?;
        let all: Result<Vec<Option<Found>>, _> = rows.iter().map(found).collect();
        Ok(all?.into_iter().flatten().map(|found| (found.id, found)).collect())
    }

    /// Notes that somebody has read what they are told, for good. `None` if they are not told that.
    pub(super) async fn mark_read(
        &self,
        person: AccountId,
        notice: Uuid,
        now: DateTime<Utc>,
    ) -> Result<Option<Found>, DatabaseError> {
        let text = format!(
            "insert into deliveries (notice, channel, person, state, attempts, next_at, read_at) \
             select n.id, '{product}', n.person, 'read', 0, $3, $3 from {ALL} n \
             where n.id = $1 and n.person = $2 and n.due_at <= $3 and n.withdrawn_at is null \
                 and {SINCE} \
             on conflict (notice, channel) do update set read_at = deliveries.read_at \
             returning notice",
            product = Channel::Product.as_str()
        );
        let client = self.database.get().await?;
        let statement = client.prepare_cached(&text).await?;
        let row = client.query_opt(&statement, &[&notice, &person.0, &now]).await?;
        drop(client);
        if row.is_none() {
            return Ok(None);
        }
        Ok(self.find(&[notice]).await?.remove(&notice))
    }

    /// Notes that somebody has read everything they are told so far.
    pub(super) async fn mark_all_read(
        &self,
        person: AccountId,
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        let text = format!(
            "insert into deliveries (notice, channel, person, state, attempts, next_at, read_at) \
             select n.id, 'product', n.person, 'read', 0, $2, $2 from {ALL} n \
             where n.person = $1 and n.due_at <= $2 and n.withdrawn_at is null and {SINCE} \
                 and not exists (select from deliveries d \
                     where d.notice = n.id and d.channel = 'product') \
             limit $3 on conflict do nothing"
        );
        let client = self.database.get().await?;
        let statement = client.prepare_cached(&text).await?;
        let whole = MARKED_AT_ONCE.unsigned_abs();
        while client.execute(&statement, &[&person.0, &now, &MARKED_AT_ONCE]).await? == whole {}
        Ok(())
    }

    /// What the words of these notices need: names and titles as they are now.
    pub(super) async fn facts(
        &self,
        notices: &[&Found],
    ) -> Result<HashMap<Uuid, Facts>, DatabaseError> {
        let ids = |name: &str| -> Vec<Uuid> {
            let ids: HashSet<Uuid> =
                notices.iter().filter_map(|notice| id(&notice.details, name)).collect();
            ids.into_iter().collect()
        };
        let (titles, others) = (ids("title_id"), ids("other_id"));
        let titles = match titles.as_slice() {
            [] => HashMap::new(),
            titles => self.vault.find_all(titles).await?,
        };
        let others: Vec<_> = others.into_iter().map(AccountId).collect();
        let names = match others.as_slice() {
            [] => HashMap::new(),
            others => self.people.names(others).await?,
        };
        let facts = |notice: &&Found| {
            let details = &notice.details;
            let text = |name: &str| details.get(name).and_then(Value::as_str).map(str::to_owned);
            let time = |name: &str| text(name).and_then(|time| time.parse().ok());
            let title = id(details, "title_id").and_then(|id| titles.get(&id));
            let other = id(details, "other_id").and_then(|id| names.get(&AccountId(id)));
            let facts = Facts {
                title: title.map(|title| title.expose_secret().to_owned()).or(text("title")),
                other: other.cloned(),
                role: text("role"),
                starts_at: time("starts_at"),
                until: time("until").or(notice.until),
            };
            (notice.id, facts)
        };
        Ok(notices.iter().map(facts).collect())
    }
}

fn id(details: &Value, name: &str) -> Option<Uuid> {
    details.get(name).and_then(Value::as_str).and_then(|text| text.parse().ok())
}
