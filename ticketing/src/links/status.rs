//! The status of a link request: the read row that answers `check`, how events make it, and its
//! SQL.
//!
//! [`find`](LinkStatuses::find) reads the row and what has happened since in one statement, so an
//! answer by id is never older than the last committed event; statuses asked for at the same moment
//! are read together. Lists are as the projection has them. Not here: what a status means at a
//! moment (`check.rs`).

use std::sync::LazyLock;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use deadpool_postgres::Transaction;
use secrecy::SecretString;
use shared_events::topology::{LINKS_LOG, PROJECT_LINKS, Queue};
use shared_events::{
    AccountId, Envelope, LinkRequestEvent, Outcome, RequestId, Requester, TokenId,
};
use tokio_postgres::Row;
use uuid::Uuid;

use super::link_request::LinkRequest;
use crate::platform::database::{Database, DatabaseError};
use crate::platform::event_store::{
    EVENT_COLUMNS, EventStore, POSITION, ReadError, StoredEvent, decode, nth, select_events,
    stored_event,
};
use crate::platform::grouped_reads::GroupedReads;
use crate::platform::projections::Projection;
use crate::platform::read_table::{self, ReadRow, read_table};
use crate::platform::vault::Vault;

/// The name of a link's token in the vault.
pub const TOKEN_IN_VAULT: &str = "link_token";

read_table! {
    /// One link request as it stands.
    pub struct LinkStatus of "link_status" {
        /// Which request.
        request_id: Uuid = "uuid",
        /// Whose; `None` for a guest's.
        account_id: Option<Uuid> = "uuid",
        /// The tier it was made with.
        tier: String = "text",
        /// When it was made.
        requested_at: DateTime<Utc> = "timestamptz",
        /// The rule that decided; `None` while there is no verdict.
        rule: Option<String> = "text",
        /// The version of the rule set.
        rule_set_version: Option<String> = "text",
        /// The first instant at which the link works.
        opens_at: Option<DateTime<Utc>> = "timestamptz",
        /// The first instant at which it no longer works.
        closes_at: Option<DateTime<Utc>> = "timestamptz",
        /// Why there is no link.
        refused: Option<String> = "text",
        /// The link's token.
        token_id: Option<Uuid> = "uuid",
        /// When it was used.
        bought_at: Option<DateTime<Utc>> = "timestamptz",
        /// The sequence of the last event in this row.
        sequence: i64 = "bigint",
    }
}

impl LinkStatus {
    /// Whether a rule has decided.
    pub fn is_evaluated(&self) -> bool {
        self.rule.is_some()
    }

    /// Whose it is; `None` for a guest's.
    pub fn owner(&self) -> Option<AccountId> {
        self.account_id.map(AccountId)
    }
}

/// The row after one more event.
pub fn project(mut row: LinkStatus, event: &Envelope<LinkRequestEvent>) -> LinkStatus {
    row.request_id = event.aggregate_id;
    row.sequence = event.sequence;
    match &event.payload {
        LinkRequestEvent::Requested { requester, tier, requested_at } => {
            row.account_id = match requester {
                Requester::Account(account) => Some(account.0),
                Requester::Guest => None,
            };
            row.tier = tier.as_str().to_owned();
            row.requested_at = *requested_at;
        }
        LinkRequestEvent::RuleEvaluated { rule, rule_set_version, outcome } => {
            row.rule = Some(rule.clone());
            row.rule_set_version = Some(rule_set_version.clone());
            match outcome {
                Outcome::Opens { opens_at, closes_at } => {
                    row.opens_at = Some(*opens_at);
                    row.closes_at = Some(*closes_at);
                }
                Outcome::Refused { refused } => row.refused = Some(refused.clone()),
            }
        }
        LinkRequestEvent::LinkIssued { token_id: TokenId(id) } => row.token_id = Some(*id),
        LinkRequestEvent::TicketBought { bought_at, .. } => row.bought_at = Some(*bought_at),
    }
    row
}

/// Reads link statuses; cheap to clone.
#[derive(Clone)]
pub struct LinkStatuses {
    store: EventStore,
    current: GroupedReads<RequestId, Result<Option<Found>, ReadError>>,
}

/// A status with the link's token, if it still has one.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The status.
    pub status: LinkStatus,
    /// The token; deleted some time after the link has closed.
    pub token: Option<SecretString>,
}

/// Which link requests an administrator wants to see.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this account.
    pub account: Option<Uuid>,
    /// With this tier.
    pub tier: Option<String>,
    /// After this id, ids being in order of time.
    pub after: Option<Uuid>,
    /// At most so many.
    pub limit: i64,
}

impl LinkStatuses {
    /// Reads from the store's database.
    pub fn new(store: EventStore) -> Self {
        let database = store.database().clone();
        let current = GroupedReads::start(move |ids| find_current(database.clone(), ids));
        Self { store, current }
    }

    /// One request, as current as its last committed event; `None` if there is none.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer or an event can not be read.
    pub async fn find(&self, id: RequestId) -> Result<Option<Found>, ReadError> {
        self.current.read(id).await?
    }

    /// The events of a request, oldest first; none if there is no such request.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer or an event can not be read.
    pub async fn history(
        &self,
        id: RequestId,
    ) -> Result<Vec<Envelope<LinkRequestEvent>>, ReadError> {
        self.store.stream(LinkRequest::TYPE, id.0).await
    }

    /// The requests that a filter matches, oldest first, as the projection has them.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<LinkStatus>, ReadError> {
        let Filter { account, tier, after, limit } = filter;
        // Two statements, because a prepared one has one plan: by account, or by id.
        let whose = if account.is_some() { "account_id = $1" } else { "$1::uuid is null" };
        let text = format!(
            "select {} from link_status \
             where {whose} and ($2::text is null or tier = $2) and request_id > $3 \
             order by request_id limit $4",
            LinkStatus::names()
        );
        let client = self.store.database().get().await?;
        let statement = client.prepare_cached(&text).await?;
        let after = after.unwrap_or(Uuid::nil());
        let rows = client.query(&statement, &[account, tier, &after, limit]).await?;
        Ok(rows.iter().map(|row| LinkStatus::read(row, 0)).collect::<Result<_, _>>()?)
    }

    /// Requests that were made before `before`, after `after` if it is given, and have no verdict:
    /// at most `limit`, oldest first.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn overdue(
        &self,
        before: DateTime<Utc>,
        after: Option<(DateTime<Utc>, RequestId)>,
        limit: i64,
    ) -> Result<Vec<Overdue>, ReadError> {
        // Page first, then one probe for each of its rows, whatever the statistics say.
        let text = "select s.request_id, e.position, s.requested_at from \
                 (select request_id, requested_at from link_status \
                  where rule is null and requested_at < $1 and (requested_at, request_id) > ($4, $5) \
                  order by requested_at, request_id limit $2) s \
             cross join lateral \
                 (select position from events where aggregate_id = s.request_id \
                  and aggregate = $3 and sequence = 1 offset 0) e \
             order by s.requested_at, s.request_id";
        let (time, id) = after.unwrap_or((DateTime::UNIX_EPOCH, RequestId(Uuid::nil())));
        let client = self.store.database().get().await?;
        let rows = client.query(text, &[&before, &limit, &LinkRequest::TYPE, &time, &id.0]).await?;
        let read = |row: &Row| {
            Ok(Overdue {
                id: RequestId(row.try_get(0)?),
                position: row.try_get(1)?,
                requested_at: row.try_get(2)?,
            })
        };
        Ok(rows.iter().map(read).collect::<Result<_, tokio_postgres::Error>>()?)
    }
}

/// A request that waits for its verdict longer than it should.
#[derive(Clone, Copy, Debug)]
pub struct Overdue {
    /// Which request.
    pub id: RequestId,
    /// The position of its `Requested` event.
    pub position: i64,
    /// When it was made.
    pub requested_at: DateTime<Utc>,
}

/// Where the status begins in what [`FIND`] selects, and what follows it.
const STATUS: usize = EVENT_COLUMNS;
const TOKEN: usize = STATUS + LinkStatus::COLUMNS.len();
const NTH: usize = TOKEN + 1;
/// For each request the events that its row does not know yet, one row each; for one whose row is
/// current a row without an event. `offset 0` keeps the planner from joining the tables as a whole.
static FIND: LazyLock<String> = LazyLock::new(|| {
    let newer = select_events!(
        "where e.aggregate_id = asked.id and e.aggregate = $3 \
           and e.sequence > coalesce(s.sequence, 0) offset 0"
    );
    format!(
        "select e.*, s.*, (select value from vault where id = s.token_id and name = $2), asked.n::int \
         from unnest($1::uuid[]) with ordinality asked(id, n) \
         left join lateral \
              (select {} from link_status where request_id = asked.id offset 0) s on true \
         left join lateral ({newer}) e on true \
         order by asked.n, e.sequence",
        LinkStatus::names()
    )
});

/// These requests with their tokens, in their order. One whose events can not be read fails alone.
async fn find_current(
    database: Database,
    ids: Vec<RequestId>,
) -> Result<Vec<Result<Option<Found>, ReadError>>, DatabaseError> {
    let mut found: Vec<Result<Option<Found>, ReadError>> = ids.iter().map(|_| Ok(None)).collect();
    {
        let client = database.get().await?;
        let statement = client.prepare_cached(&FIND).await?;
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        for row in client.query(&statement, &[&ids, &TOKEN_IN_VAULT, &LinkRequest::TYPE]).await? {
            if let Some(entry) = found.get_mut(nth(&row, NTH)?) {
                let before = std::mem::replace(entry, Ok(None));
                *entry = before.and_then(|before| with_row(before, &row));
            }
        }
    }
    // Issued since the row was written: the row did not lead to the token.
    let is_new = |found: &&mut Found| found.status.token_id.is_some() && found.token.is_none();
    let lagging: Vec<&mut Found> =
        found.iter_mut().filter_map(|found| found.as_mut().ok()?.as_mut()).filter(is_new).collect();
    let missing: Vec<Uuid> = lagging.iter().filter_map(|found| found.status.token_id).collect();
    if !missing.is_empty() {
        let tokens = Vault::new(database).find(&missing, TOKEN_IN_VAULT).await?;
        for found in lagging {
            found.token = found.status.token_id.and_then(|id| tokens.get(&id).cloned());
        }
    }
    Ok(found)
}

/// What was found so far, and one more row of [`FIND`].
fn with_row(found: Option<Found>, row: &Row) -> Result<Option<Found>, ReadError> {
    let found = match found {
        None if row.try_get::<_, Option<Uuid>>(STATUS)?.is_some() => {
            let token: Option<String> = row.try_get(TOKEN)?;
            Some(Found {
                status: LinkStatus::read(row, STATUS)?,
                token: token.map(SecretString::from),
            })
        }
        found => found,
    };
    if row.try_get::<_, Option<i64>>(POSITION)?.is_none() {
        return Ok(found);
    }
    let event = decode(stored_event(row)?)?;
    let Found { status, token } = found.unwrap_or_default();
    Ok(Some(Found { status: project(status, &event), token }))
}

/// Projects the log of the links into `link_status`.
pub struct LinkStatusProjection;

#[async_trait]
impl Projection for LinkStatusProjection {
    fn name(&self) -> &'static str {
        "links"
    }

    fn log(&self) -> &'static str {
        LINKS_LOG
    }

    fn queue(&self) -> &'static Queue {
        &PROJECT_LINKS
    }

    fn tables(&self) -> &'static [&'static str] {
        &["link_status"]
    }

    async fn apply(
        &self,
        transaction: &Transaction<'_>,
        events: &[StoredEvent],
    ) -> Result<(), ReadError> {
        read_table::update(transaction, events.iter(), project).await
    }
}
