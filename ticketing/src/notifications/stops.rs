//! Addresses that get no mail any more, because their reader has said so. Whoever registers may
//! name any address; that it is theirs nobody verifies. So each mail has a link by which whoever
//! reads it stops all mail to its address, without an account (RFC 8058). The token in the link is
//! a secret by chance, a new one for each mail; digests alone are kept, of it and of the address.
//! Not here: what an account has switched off (`settings.rs`), and that a token is kept when its
//! mail goes out (`deliveries.rs`).

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::platform::database::{Database, DatabaseError};
use crate::platform::housekeeping::Rule;

/// For how long the link of a mail works.
const TOKENS_LAST: TimeDelta = TimeDelta::days(366);

/// What housekeeping deletes.
pub(super) const SERVED_THEIR_TIME: [Rule; 1] =
    [Rule { table: "mail_tokens", column: "made_at", age: TOKENS_LAST }];

/// The digest under which an address is kept, whatever the case of its letters, as SQL.
macro_rules! digest {
    ($address:literal) => {
        concat!("sha256(convert_to(lower(", $address, "), 'UTF8'))")
    };
}
pub(super) use digest;

/// The link of a mail that stops all mail to its address.
#[derive(Clone, Copy, Debug)]
pub(super) struct StopToken(pub(super) Uuid);

impl StopToken {
    /// A new one by chance (122 bits of a CSPRNG).
    pub(super) fn new() -> Self {
        Self(Uuid::new_v4())
    }

    /// The address that is called with one click, or shown.
    pub(super) fn url(self, public_url: &str) -> String {
        format!("{public_url}/app/v1/unsubscribe/{}", self.0)
    }
}

/// Stops and goes on with mail to addresses; cheap to clone.
#[derive(Clone)]
pub(super) struct Stops(pub(super) Database);

impl Stops {
    /// Whether the address of this token is stopped; `None` if there is no such token.
    pub(super) async fn is_stopped(&self, token: StopToken) -> Result<Option<bool>, DatabaseError> {
        let text = "select exists (select from stopped_addresses s where s.address = t.address) \
                    from mail_tokens t where t.token = sha256(uuid_send($1))";
        let client = self.0.get().await?;
        let statement = client.prepare_cached(text).await?;
        let row = client.query_opt(&statement, &[&token.0]).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// No mail goes to the address of this token from now on. False if there is no such token.
    pub(super) async fn stop(
        &self,
        token: StopToken,
        now: DateTime<Utc>,
    ) -> Result<bool, DatabaseError> {
        let text = "insert into stopped_addresses (address, stopped_at) \
                    select address, $2 from mail_tokens where token = sha256(uuid_send($1)) \
                    on conflict do nothing";
        let client = self.0.get().await?;
        let statement = client.prepare_cached(text).await?;
        client.execute(&statement, &[&token.0, &now]).await?;
        drop(client);
        Ok(self.is_stopped(token).await?.is_some())
    }

    /// Mail goes to the address of this token again, if its account wants any. False if there is no
    /// such token.
    pub(super) async fn resume(&self, token: StopToken) -> Result<bool, DatabaseError> {
        let text = "delete from stopped_addresses s using mail_tokens t \
                    where t.token = sha256(uuid_send($1)) and s.address = t.address";
        let client = self.0.get().await?;
        let statement = client.prepare_cached(text).await?;
        client.execute(&statement, &[&token.0]).await?;
        drop(client);
        Ok(self.is_stopped(token).await?.is_some())
    }
}
