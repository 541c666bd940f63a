//! Reminders of an outing: 24 hours and 1 hour before it, to the host and to who comes along. They
//! are notices due in the future: withdrawn when the outing is moved or called off, or the guest is
//! out; none for what is past. One that was due by then stays listed, but ends: if its mail still
//! waits, it is not sent. Not here: who comes (`outings.rs`).

use chrono::{DateTime, TimeDelta, Utc};
use deadpool_postgres::Transaction;
use serde_json::json;
use shared_events::AccountId;
use uuid::Uuid;

use super::kind::Kind;
use super::notice::{Known, Notice, write};
use super::outings::NAME;

/// How long before an outing people are reminded of it.
const BEFORE: [(Kind, TimeDelta); 2] =
    [(Kind::ReminderDay, TimeDelta::hours(24)), (Kind::ReminderHour, TimeDelta::hours(1))];

/// When an outing takes place.
pub(super) struct Plan {
    /// Which announcement.
    pub(super) announcement: Uuid,
    pub(super) host: AccountId,
    /// Its title, in the vault.
    pub(super) title_id: Uuid,
    pub(super) starts_at: DateTime<Utc>,
    /// The event that set the time: what the reminders are because of.
    pub(super) set_by: Uuid,
    /// Whether it is no draft, and was not called off.
    pub(super) open: bool,
}

impl Plan {
    pub(super) async fn find(
        transaction: &Transaction<'_>,
        announcement: Uuid,
    ) -> Result<Option<Self>, tokio_postgres::Error> {
        let text = "select host, title_id, starts_at, set_by, open from outing_plans \
                    where announcement_id = $1";
        let statement = transaction.prepare_cached(text).await?;
        let row = transaction.query_opt(&statement, &[&announcement]).await?;
        let plan = |row: tokio_postgres::Row| {
            Ok::<_, tokio_postgres::Error>(Self {
                announcement,
                host: AccountId(row.try_get(0)?),
                title_id: row.try_get(1)?,
                starts_at: row.try_get(2)?,
                set_by: row.try_get(3)?,
                open: row.try_get(4)?,
            })
        };
        row.map(plan).transpose()
    }
}

/// Has these people reminded. Who was, and then was out, is so after all.
pub(super) async fn remind(
    transaction: &Transaction<'_>,
    plan: &Plan,
    now: DateTime<Utc>,
    people: &[AccountId],
) -> Result<(), tokio_postgres::Error> {
    let notices: Vec<_> = people.iter().flat_map(|person| planned(plan, now, *person)).collect();
    write(transaction, NAME, &notices, Known::IsRevived(now)).await
}

/// The reminders that are still to come.
fn planned(plan: &Plan, now: DateTime<Utc>, person: AccountId) -> Vec<Notice> {
    let notice = |(kind, before): (Kind, TimeDelta)| {
        let due_at = plan.starts_at - before;
        (due_at > now).then(|| Notice {
            person,
            kind,
            cause: plan.set_by,
            about: plan.announcement,
            due_at: Some(due_at),
            until: Some(ends_at(kind, plan.starts_at)),
            details: json!({ "title_id": plan.title_id, "starts_at": plan.starts_at }),
        })
    };
    BEFORE.into_iter().filter_map(notice).collect()
}

/// "In 24 hours" is said only until "in an hour" is.
fn ends_at(kind: Kind, starts_at: DateTime<Utc>) -> DateTime<Utc> {
    match kind {
        Kind::ReminderDay => starts_at - TimeDelta::hours(1),
        _ => starts_at,
    }
}

/// Has the reminders that are still to come speak of the outing by this title.
pub(super) async fn retitle_reminders(
    transaction: &Transaction<'_>,
    announcement: Uuid,
    title_id: Uuid,
    now: DateTime<Utc>,
) -> Result<(), tokio_postgres::Error> {
    let text = "update outing_notices \
                set details = details || jsonb_build_object('title_id', $2::uuid) \
                where about = $1 and kind in ('reminder_day', 'reminder_hour') and due_at > $3";
    let statement = transaction.prepare_cached(text).await?;
    transaction.execute(&statement, &[&announcement, &title_id, &now]).await?;
    Ok(())
}

/// Whose reminders are meant.
#[derive(Clone, Copy, Debug)]
pub(super) enum Whose {
    /// Of all who are reminded of the outing.
    Everybodys,
    /// Of one person.
    Of(AccountId),
}

/// Has people not reminded of an outing, as far as they have not been. What was due already ends.
pub(super) async fn withdraw_reminders(
    transaction: &Transaction<'_>,
    announcement: Uuid,
    now: DateTime<Utc>,
    whose: Whose,
) -> Result<(), tokio_postgres::Error> {
    let person = match whose {
        Whose::Everybodys => None,
        Whose::Of(person) => Some(person.0),
    };
    let text = "update outing_notices set \
                    withdrawn_at = case when due_at > $2 then $2 end, \
                    until = case when due_at > $2 then until else least(until, $2) end \
                where about = $1 and kind in ('reminder_day', 'reminder_hour') \
                    and withdrawn_at is null and ($3::uuid is null or person = $3)";
    let statement = transaction.prepare_cached(text).await?;
    transaction.execute(&statement, &[&announcement, &now, &person]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> Plan {
        let id = Uuid::from_u128(7);
        let starts_at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        Plan {
            announcement: id,
            host: AccountId(id),
            title_id: id,
            starts_at,
            set_by: id,
            open: true,
        }
    }

    fn kinds(before: TimeDelta) -> Vec<Kind> {
        let plan = plan();
        let planned = planned(&plan, plan.starts_at - before, plan.host);
        planned.into_iter().map(|notice| notice.kind).collect()
    }

    /// Reminders were promised by an earlier system and never sent.
    #[test]
    fn people_are_reminded_a_day_and_an_hour_before() {
        assert_eq!(kinds(TimeDelta::hours(25)), [Kind::ReminderDay, Kind::ReminderHour]);
    }

    #[test]
    fn that_it_begins_in_a_day_is_not_said_when_it_begins_in_an_hour() {
        let plan = plan();
        let planned = planned(&plan, plan.starts_at - TimeDelta::hours(25), plan.host);
        let until: Vec<_> = planned.into_iter().map(|notice| notice.until).collect();
        assert_eq!(until, [Some(plan.starts_at - TimeDelta::hours(1)), Some(plan.starts_at)]);
    }

    #[test]
    fn nobody_is_reminded_of_what_is_past() {
        assert_eq!(kinds(TimeDelta::hours(24)), [Kind::ReminderHour]);
        assert_eq!(kinds(TimeDelta::hours(1)), []);
        assert_eq!(kinds(TimeDelta::hours(-1)), []);
    }
}
