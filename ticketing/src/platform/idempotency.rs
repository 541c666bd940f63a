//! Idempotency keys: the same key, caller and request replays the stored answer for 24 hours
//! (the IETF draft `Idempotency-Key` header field).
//!
//! Only answers written together with their effect are stored; refusals are decided afresh. Neither
//! key nor request is stored, only their hashes; before a key's hash stands whose it is, so that
//! the answers to somebody can be forgotten. Who registers is nobody yet: beside such an answer
//! stands which account was made. Not here: which routes take a key.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use tokio_postgres::Transaction;
use uuid::Uuid;

use super::database::{Database, DatabaseError};

/// The longest key, in characters.
const LONGEST: usize = 255;
/// Bytes of a caller's id, and of a hash.
const CALLER: usize = 16;
const HASH: usize = 32;

/// Whose key it is (nil for a guest's), and its hash.
type StoredKey = [u8; CALLER + HASH];

/// A caller's key for one request, hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    key: StoredKey,
    fingerprint: [u8; HASH],
}

/// What is answered again for a repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body, JSON without secrets.
    pub body: String,
}

/// The header can not be used as a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// Empty, longer than 255 characters, with a quote that does not end, or with characters that
    /// are not printable ASCII.
    #[error("an Idempotency-Key has 1 to 255 printable characters")]
    Malformed,
    /// A caller without an account has to use a key that nobody can guess.
    #[error("without an account an Idempotency-Key has to be a UUID")]
    GuestNeedsUuid,
}

impl IdempotencyKey {
    /// Reads the header's value, quoted or bare; `caller` is `None` for a guest. No header, no key.
    ///
    /// # Errors
    /// [`InvalidKey`] says what is wrong with it.
    pub fn read(
        header: Option<&str>,
        caller: Option<Uuid>,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> Result<Option<Self>, InvalidKey> {
        let Some(value) = header.map(str::trim) else { return Ok(None) };
        let bare = match value.strip_prefix('"') {
            Some(rest) => rest.strip_suffix('"').ok_or(InvalidKey::Malformed)?,
            None => value,
        };
        let printable = bare.chars().all(|c| c.is_ascii_graphic() || c == ' ');
        if bare.is_empty() || bare.len() > LONGEST || !printable {
            return Err(InvalidKey::Malformed);
        }
        if caller.is_none() && Uuid::parse_str(bare).is_err() {
            return Err(InvalidKey::GuestNeedsUuid);
        }
        let mut key = [0; CALLER + HASH];
        let (whose, which) = key.split_at_mut(CALLER);
        whose.copy_from_slice(caller.unwrap_or_default().as_bytes());
        which.copy_from_slice(&hash(&[method.as_bytes(), path.as_bytes(), bare.as_bytes()]));
        Ok(Some(Self { key, fingerprint: hash(&[body]) }))
    }

    /// The caller's id, then method, path and key as one hash.
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// The request's body as a hash.
    pub fn fingerprint(&self) -> &[u8] {
        &self.fingerprint
    }
}

/// Each part with its length before it, so that no two lists of parts are the same bytes.
fn hash(parts: &[&[u8]]) -> [u8; HASH] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Knows which keys were used, and which are in use in this process.
#[derive(Clone)]
pub struct Idempotency {
    database: Database,
    in_flight: Arc<Mutex<HashSet<StoredKey>>>,
}

/// What is known of a key.
pub enum Begun {
    /// It is new; it is in flight until the guard is dropped.
    First(InFlight),
    /// It was used for the same request; this is the answer.
    Replay(StoredAnswer),
    /// A request with it is being worked on.
    InFlight,
    /// It was used for a request with another body.
    OtherRequest,
}

/// Keeps a key in flight.
pub struct InFlight {
    key: StoredKey,
    in_flight: Arc<Mutex<HashSet<StoredKey>>>,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        in_flight.remove(&self.key);
    }
}

impl Idempotency {
    /// No key is in flight yet.
    pub fn new(database: Database) -> Self {
        Self { database, in_flight: Arc::default() }
    }

    /// Looks a key up before any work is done. Two replicas may both find it new; the append then
    /// refuses one of them.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer.
    pub async fn begin(&self, key: &IdempotencyKey) -> Result<Begun, DatabaseError> {
        let mine = {
            let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
            in_flight.insert(key.key)
        };
        if !mine {
            return Ok(Begun::InFlight);
        }
        let guard = InFlight { key: key.key, in_flight: Arc::clone(&self.in_flight) };
        Ok(self.find(key).await?.unwrap_or(Begun::First(guard)))
    }

    /// The stored answer or the news that the key belongs to another request; `None` if the key is
    /// new.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer.
    pub async fn find(&self, key: &IdempotencyKey) -> Result<Option<Begun>, DatabaseError> {
        let client = self.database.get().await?;
        let find = "select fingerprint, status, body from idempotency_keys where key = $1";
        let statement = client.prepare_cached(find).await?;
        let Some(row) = client.query_opt(&statement, &[&key.key()]).await? else {
            return Ok(None);
        };
        if row.try_get::<_, &[u8]>(0)? != key.fingerprint() {
            return Ok(Some(Begun::OtherRequest));
        }
        let status = u16::try_from(row.try_get::<_, i16>(1)?).unwrap_or(200);
        Ok(Some(Begun::Replay(StoredAnswer { status, body: row.try_get(2)? })))
    }
}

/// Stores an answer in the transaction of its effect, for what is not event-sourced: `about` is the
/// account that was made by it, if one was. Returns false if the key was taken meanwhile: roll back
/// and look it up.
///
/// # Errors
/// If Postgres does not answer.
pub async fn store(
    transaction: &Transaction<'_>,
    key: &IdempotencyKey,
    answer: &StoredAnswer,
    about: Option<Uuid>,
    now: DateTime<Utc>,
) -> Result<bool, tokio_postgres::Error> {
    let insert = "insert into idempotency_keys (key, fingerprint, status, body, stored_at, about) \
                  values ($1, $2, $3, $4, $5, $6) on conflict do nothing";
    let status = i16::try_from(answer.status).unwrap_or(i16::MAX);
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
        [&key.key(), &key.fingerprint(), &status, &answer.body, &now, &about];
    Ok(transaction.execute(insert, &parameters).await? == 1)
}

/// Forgets what was answered to a caller, and to whoever registered as them.
///
/// # Errors
/// If Postgres does not answer.
pub async fn forget(
    transaction: &Transaction<'_>,
    caller: Uuid,
) -> Result<u64, tokio_postgres::Error> {
    // A range of the primary key: all that begin with the caller's id.
    let forget = "delete from idempotency_keys where key >= $1 and key < $2 or about = $3";
    let next = Uuid::from_u128(caller.as_u128().saturating_add(1));
    let (first, end) = (caller.as_bytes().as_slice(), next.as_bytes().as_slice());
    transaction.execute(forget, &[&first, &end, &caller]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "8e03978e-40d5-43e8-bc93-6894a57f9324";

    fn read(header: &str, caller: Option<Uuid>, body: &str) -> Option<IdempotencyKey> {
        IdempotencyKey::read(Some(header), caller, "POST", "/x", body.as_bytes()).expect("valid")
    }

    #[test]
    fn a_quoted_and_a_bare_key_are_the_same() {
        assert_eq!(read(UUID, None, ""), read(&format!("\"{UUID}\""), None, ""));
    }

    #[test]
    fn the_same_key_of_another_caller_is_another_key() {
        let (one, two) = (Some(Uuid::from_u128(1)), Some(Uuid::from_u128(2)));
        assert_ne!(read("k", one, "").map(|k| k.key), read("k", two, "").map(|k| k.key));
    }

    #[test]
    fn another_body_is_another_request_under_the_same_key() {
        let (one, two) = (read(UUID, None, "a").expect("key"), read(UUID, None, "b").expect("key"));
        assert_eq!(one.key, two.key);
        assert_ne!(one.fingerprint, two.fingerprint);
    }

    #[test]
    fn a_guest_needs_a_key_nobody_can_guess() {
        let refused = IdempotencyKey::read(Some("1"), None, "POST", "/x", b"");
        assert_eq!(refused, Err(InvalidKey::GuestNeedsUuid));
    }

    #[test]
    fn a_key_is_neither_empty_nor_endless() {
        for bad in ["", "\"\"", "\"", "\"open", &"x".repeat(256), "caf\u{e9}"] {
            let refused = IdempotencyKey::read(Some(bad), Some(Uuid::nil()), "POST", "/x", b"");
            assert_eq!(refused, Err(InvalidKey::Malformed), "{bad}");
        }
    }
}
