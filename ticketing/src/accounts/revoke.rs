//! Refusing everything that an account has handed out: its login tokens by their time, its sessions
//! with their refresh tokens one by one. Replicas hear of both within a second (`grants.rs`,
//! `revocations.rs`). Not here: for what reason.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use shared_events::account::AccountId;
use tokio_postgres::Transaction;
use uuid::Uuid;

use super::Accounts;
use super::tokens::TOKEN_LIFETIME;
use crate::platform::clock;

/// What was refused.
pub(super) struct Revoked {
    /// Login tokens issued before are refused.
    valid_from: DateTime<Utc>,
    /// The sessions that ended.
    sessions: Vec<Uuid>,
}

/// Refuses all tokens of an account that were issued until now, and ends its sessions. The
/// transaction has to hold the lock of the account's row, and `now` has to be read under it: who is
/// logging in meanwhile has read an earlier time, or waits and finds the account changed.
///
/// # Errors
/// If Postgres does not do it; then the transaction has to end.
pub(super) async fn revoke_all(
    transaction: &Transaction<'_>,
    account: AccountId,
    now: DateTime<Utc>,
) -> Result<Revoked, tokio_postgres::Error> {
    // Tokens tell seconds: all of those that were issued until the end of this one are refused.
    let valid_from = now.trunc_subsecs(0) + TimeDelta::seconds(1);
    let refuse = "update accounts set tokens_valid_from = $2, changed_at = $3 where id = $1";
    transaction.execute(refuse, &[&account.0, &valid_from, &now]).await?;
    let end = "update sessions set ended_at = $2 where account_id = $1 and ended_at is null \
               returning id";
    let ended = transaction.query(end, &[&account.0, &now]).await?;
    let sessions = ended.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    Ok(Revoked { valid_from, sessions })
}

impl Accounts {
    /// After the commit: what ended is refused here at once, and waits, for a second at most, until
    /// a token that is issued next is none of the refused ones.
    pub(super) async fn settle(&self, revoked: Revoked) {
        let Revoked { valid_from, sessions } = revoked;
        for session in sessions {
            self.revocations.add(session, valid_from + TOKEN_LIFETIME);
        }
        tokio::time::sleep(clock::until(valid_from, self.clock.now())).await;
    }
}
