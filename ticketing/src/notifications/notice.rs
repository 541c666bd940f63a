//! A notice: that somebody is to be told of something, because of an event. Its id follows from
//! cause, person and kind, so there is one of each however often the event comes. The four tables
//! of notices have the same shape; whoever reads, reads all of them ([`ALL`]): a view would stand
//! in the way of `rebuild`, which swaps tables. Not here: which event tells whom of what.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use deadpool_postgres::Transaction;
use serde_json::Value;
use shared_events::AccountId;
use uuid::Uuid;

use super::kind::Kind;

/// Every notice, withdrawn or not, due or not.
pub(super) const ALL: &str = "(\
    select id, person, kind, cause, about, due_at, until, withdrawn_at, details from link_notices \
    union all \
    select id, person, kind, cause, about, due_at, until, withdrawn_at, details from market_notices \
    union all \
    select id, person, kind, cause, about, due_at, until, withdrawn_at, details from venue_notices \
    union all \
    select id, person, kind, cause, about, due_at, until, withdrawn_at, details from outing_notices)";

/// The id of a notice: a UUID v5 of person and kind in the namespace of its cause.
pub(super) fn id_of(cause: Uuid, person: AccountId, kind: Kind) -> Uuid {
    let name = [person.0.as_bytes(), kind.as_str().as_bytes()].concat();
    Uuid::new_v5(&cause, &name)
}

/// That somebody is to be told of something.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Notice {
    /// Whom.
    pub(super) person: AccountId,
    /// Of what.
    pub(super) kind: Kind,
    /// Because of which event.
    pub(super) cause: Uuid,
    /// About which link request, order, match, purchase, announcement or booking.
    pub(super) about: Uuid,
    /// From when on; `None` while that is not known.
    pub(super) due_at: Option<DateTime<Utc>>,
    /// The first instant at which it makes no sense any more.
    pub(super) until: Option<DateTime<Utc>>,
    /// What is said, as ids, times and what is public anyway.
    pub(super) details: Value,
}

impl Notice {
    pub(super) fn id(&self) -> Uuid {
        id_of(self.cause, self.person, self.kind)
    }
}

/// What becomes of a notice that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It stays as it is.
    Stays,
    /// If it was withdrawn and is not due by this instant, it is to be told after all.
    IsRevived(DateTime<Utc>),
}

/// How many rows a statement writes: within the time that Postgres gives one.
pub(super) const ROWS_AT_ONCE: usize = 5_000;

/// Writes notices into a table.
pub(super) async fn write(
    transaction: &Transaction<'_>,
    table: &str,
    notices: &[Notice],
    known: Known,
) -> Result<(), tokio_postgres::Error> {
    for notices in notices.chunks(ROWS_AT_ONCE) {
        write_some(transaction, table, notices, known).await?;
    }
    Ok(())
}

async fn write_some(
    transaction: &Transaction<'_>,
    table: &str,
    notices: &[Notice],
    known: Known,
) -> Result<(), tokio_postgres::Error> {
    // A statement can write a row once only.
    let notices: HashMap<Uuid, &Notice> =
        notices.iter().rev().map(|notice| (notice.id(), notice)).collect();
    let (ids, notices): (Vec<Uuid>, Vec<&Notice>) = notices.into_iter().unzip();
    let people: Vec<Uuid> = notices.iter().map(|notice| notice.person.0).collect();
    let kinds: Vec<&str> = notices.iter().map(|notice| notice.kind.as_str()).collect();
    let causes: Vec<Uuid> = notices.iter().map(|notice| notice.cause).collect();
    let abouts: Vec<Uuid> = notices.iter().map(|notice| notice.about).collect();
    let due: Vec<_> = notices.iter().map(|notice| notice.due_at).collect();
    let until: Vec<_> = notices.iter().map(|notice| notice.until).collect();
    let details: Vec<&Value> = notices.iter().map(|notice| &notice.details).collect();
    let (by, revives) = match known {
        // It asks nothing of $9 but has to name it: Postgres wants to know each parameter's type.
        Known::Stays => (None, "false and $9::timestamptz is null"),
        Known::IsRevived(by) => (Some(by), "n.due_at > $9"),
    };
    let text = format!(
        "insert into {table} as n (id, person, kind, cause, about, due_at, until, details) \
         select * from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[], \
             $6::timestamptz[], $7::timestamptz[], $8::jsonb[]) \
         on conflict (id) do update set withdrawn_at = null where {revives}"
    );
    let statement = transaction.prepare_cached(&text).await?;
    transaction
        .execute(
            &statement,
            &[&ids, &people, &kinds, &causes, &abouts, &due, &until, &details, &by],
        )
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_one_for_its_cause_person_and_kind() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let id = id_of(one, AccountId(one), Kind::LinkReady);
        assert_eq!(id, id_of(one, AccountId(one), Kind::LinkReady));
        assert_ne!(id, id_of(two, AccountId(one), Kind::LinkReady));
        assert_ne!(id, id_of(one, AccountId(two), Kind::LinkReady));
        assert_ne!(id, id_of(one, AccountId(one), Kind::OrderExpiring));
    }
}
