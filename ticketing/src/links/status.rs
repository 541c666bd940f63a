//! The status of a link request: the read row that answers `check`, how events make it, and its
//! SQL.
//!
//! [`find`](LinkStatuses::find) compares the row with the stream's last sequence in the same
//! statement and takes newer events into account, so an answer by id is never older than the last
//! committed event; statuses asked for at the same moment are read together. Lists are as the
//! projection has them. Not here: what a status means at a moment (`check.rs`).

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
use crate::platform::event_store::{EventStore, ReadError, StoredEvent, decode};
use crate::platform::grouped_reads::GroupedReads;
use crate::platform::projections::Projection;
use crate::platform::vault::Vault;

/// The name of a link's token in the vault.
pub const TOKEN_IN_VAULT: &str = "link_token";

/// One link request as it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkStatus {
    /// Which request.
    pub request_id: Uuid,
    /// Whose; `None` for a guest's.
    pub account_id: Option<Uuid>,
    /// The tier it was made with.
    pub tier: String,
    /// When it was made.
    pub requested_at: DateTime<Utc>,
    /// The rule that decided; `None` while there is no verdict.
    pub rule: Option<String>,
    /// The version of the rule set.
    pub rule_set_version: Option<String>,
    /// The first instant at which the link works.
    pub opens_at: Option<DateTime<Utc>>,
    /// The first instant at which it no longer works.
    pub closes_at: Option<DateTime<Utc>>,
    /// Why there is no link.
    pub refused: Option<String>,
    /// The link's token.
    pub token_id: Option<Uuid>,
    /// When it was used.
    pub bought_at: Option<DateTime<Utc>>,
    /// The sequence of the last event in this row.
    pub sequence: i64,
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
        LinkRequestEvent::TicketBought { bought_at } => row.bought_at = Some(*bought_at),
    }
    row
}

const COLUMNS: &str = "request_id, account_id, tier, requested_at, rule, rule_set_version, opens_at, \
                       closes_at, refused, token_id, bought_at, sequence";

fn read(row: &Row) -> Result<LinkStatus, tokio_postgres::Error> {
    Ok(LinkStatus {
        request_id: row.try_get(0)?,
        account_id: row.try_get(1)?,
        tier: row.try_get(2)?,
        requested_at: row.try_get(3)?,
        rule: row.try_get(4)?,
        rule_set_version: row.try_get(5)?,
        opens_at: row.try_get(6)?,
        closes_at: row.try_get(7)?,
        refused: row.try_get(8)?,
        token_id: row.try_get(9)?,
        bought_at: row.try_get(10)?,
        sequence: row.try_get(11)?,
    })
}

/// Reads link statuses; cheap to clone.
#[derive(Clone)]
pub struct LinkStatuses {
    store: EventStore,
    vault: Vault,
    current: GroupedReads<RequestId, Option<Found>>,
}

/// A status with the link's token, if it still has one.
#[derive(Clone, Debug)]
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
        let vault = Vault::new(store.database().clone());
        let database = store.database().clone();
        let current = GroupedReads::start(move |ids| find_current(database.clone(), ids));
        Self { store, vault, current }
    }

    /// One request, as current as its last committed event; `None` if there is none.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer or an event can not be read.
    pub async fn find(&self, id: RequestId) -> Result<Option<Found>, ReadError> {
        match self.current.read(id).await? {
            Some(found) => Ok(Some(found)),
            None => self.find_in_stream(id).await,
        }
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

    async fn find_in_stream(&self, id: RequestId) -> Result<Option<Found>, ReadError> {
        let events = self.history(id).await?;
        if events.is_empty() {
            return Ok(None);
        }
        let status = events.iter().fold(LinkStatus::default(), project);
        let token = match status.token_id {
            Some(token) => self.vault.find(token, TOKEN_IN_VAULT).await?,
            None => None,
        };
        Ok(Some(Found { status, token }))
    }

    /// The requests that a filter matches, oldest first, as the projection has them.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn list(&self, filter: &Filter) -> Result<Vec<LinkStatus>, ReadError> {
        let text = format!(
            "select {COLUMNS} from link_status \
             where ($1::uuid is null or account_id = $1) and ($2::text is null or tier = $2) \
               and ($3::uuid is null or request_id > $3) \
             order by request_id limit $4"
        );
        let client = self.store.database().get().await?;
        let statement = client.prepare_cached(&text).await?;
        let Filter { account, tier, after, limit } = filter;
        let rows = client.query(&statement, &[account, tier, after, limit]).await?;
        Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
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
        let text = "select s.request_id, e.position, s.requested_at from link_status s \
                    join events e on e.aggregate_id = s.request_id and e.aggregate = $3 and e.sequence = 1 \
                    where s.rule is null and s.requested_at < $1 \
                      and (s.requested_at, s.request_id) > ($4, $5) \
                    order by s.requested_at, s.request_id limit $2";
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

/// The rows of these requests with their tokens; `None` where the projection has no row yet or
/// lags behind the stream.
async fn find_current(
    database: Database,
    ids: Vec<RequestId>,
) -> Result<Vec<Option<Found>>, DatabaseError> {
    // `offset 0` keeps the planner from joining the tables as a whole.
    let text = format!(
        "select s.*, (select value from vault where id = s.token_id and name = $2), \
                (select e.sequence from events e \
                 where e.aggregate_id = s.request_id and e.aggregate = $3 \
                 order by e.sequence desc limit 1) \
         from unnest($1::uuid[]) with ordinality asked(id, n) left join lateral \
              (select {COLUMNS} from link_status where request_id = asked.id offset 0) s on true \
         order by asked.n"
    );
    let client = database.get().await?;
    let statement = client.prepare_cached(&text).await?;
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = client.query(&statement, &[&ids, &TOKEN_IN_VAULT, &LinkRequest::TYPE]).await?;
    let found = |row: &Row| {
        let Some(last) = row.try_get::<_, Option<i64>>(13)? else { return Ok(None) };
        let status = read(row)?;
        let token: Option<String> = row.try_get(12)?;
        let is_current = status.sequence == last;
        Ok(is_current.then(|| Found { status, token: token.map(SecretString::from) }))
    };
    Ok(rows.iter().map(found).collect::<Result<_, tokio_postgres::Error>>()?)
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
        let mut ids: Vec<Uuid> = events.iter().map(|event| event.aggregate_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let select = format!("select {COLUMNS} from link_status where request_id = any($1)");
        let mut rows = std::collections::BTreeMap::new();
        let select = transaction.prepare_cached(&select).await?;
        for row in transaction.query(&select, &[&ids]).await? {
            let status = read(&row)?;
            rows.insert(status.request_id, status);
        }
        for event in events {
            let event = decode::<LinkRequestEvent>(event.clone())?;
            let row = rows.remove(&event.aggregate_id).unwrap_or_default();
            rows.insert(event.aggregate_id, project(row, &event));
        }
        upsert(transaction, rows.values()).await?;
        Ok(())
    }
}

async fn upsert(
    transaction: &Transaction<'_>,
    rows: impl Iterator<Item = &LinkStatus> + Clone,
) -> Result<(), tokio_postgres::Error> {
    let text = format!(
        "insert into link_status ({COLUMNS}) \
         select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[], \
             $6::text[], $7::timestamptz[], $8::timestamptz[], $9::text[], $10::uuid[], \
             $11::timestamptz[], $12::bigint[]) \
         on conflict (request_id) do update set rule = excluded.rule, \
             rule_set_version = excluded.rule_set_version, opens_at = excluded.opens_at, \
             closes_at = excluded.closes_at, refused = excluded.refused, \
             token_id = excluded.token_id, bought_at = excluded.bought_at, \
             sequence = excluded.sequence"
    );
    macro_rules! column {
        ($field:ident) => {
            &rows.clone().map(|row| &row.$field).collect::<Vec<_>>()
        };
    }
    let columns: [&(dyn tokio_postgres::types::ToSql + Sync); 12] = [
        column!(request_id),
        column!(account_id),
        column!(tier),
        column!(requested_at),
        column!(rule),
        column!(rule_set_version),
        column!(opens_at),
        column!(closes_at),
        column!(refused),
        column!(token_id),
        column!(bought_at),
        column!(sequence),
    ];
    let statement = transaction.prepare_cached(&text).await?;
    transaction.execute(&statement, &columns).await?;
    Ok(())
}
