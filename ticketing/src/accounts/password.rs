//! Passwords: which are accepted, and Argon2id hashes of them (m = 19456 KiB, t = 2, p = 1: OWASP
//! password storage cheat sheet). One hash takes some 25 ms of a core and 19 MiB, so there are as
//! many at once as cores but one, which everything else is served by, and a short queue.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};
use std::thread::available_parallelism;

use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

/// Memory of one hash, KiB.
const MEMORY: u32 = 19_456;
/// Passes over the memory.
const PASSES: u32 = 2;
/// Lanes of one hash.
const LANES: u32 = 1;
/// How many wait for a core; more are refused, or everybody would time out.
const QUEUE: usize = 64;
/// The shortest password, in characters.
pub const SHORTEST: usize = 8;
/// The longest password, in characters.
pub const LONGEST: usize = 128;

static COMMON: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    include_str!("common_passwords.txt").lines().filter(|line| !line.starts_with("# ")).collect()
});

/// Why a password is not accepted at registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnfitPassword {
    /// Shorter or longer than accepted.
    #[error("must have 8 to 128 characters")]
    Length,
    /// Among the first that anybody would try.
    #[error("is among the most common passwords")]
    Common,
}

/// Judges a new password: its length in characters, and whether it is exactly one of the most
/// common ones.
///
/// # Errors
/// [`UnfitPassword`] says what is wrong with it.
pub fn check(password: &SecretString) -> Result<(), UnfitPassword> {
    let text = password.expose_secret();
    if !(SHORTEST..=LONGEST).contains(&text.chars().count()) {
        return Err(UnfitPassword::Length);
    }
    if COMMON.contains(text) {
        return Err(UnfitPassword::Common);
    }
    Ok(())
}

/// Why there is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// All cores are hashing and the queue is full.
    #[error("too many passwords wait to be hashed")]
    Overloaded,
    /// The library or the runtime failed.
    #[error("a password could not be hashed")]
    Failed,
}

/// Hashes and verifies passwords on a bounded pool.
pub struct Passwords {
    /// Those who hash or wait.
    places: Arc<Semaphore>,
    /// Those who hash.
    cores: Arc<Semaphore>,
    /// What is verified for a user who does not exist.
    dummy: Arc<str>,
}

impl Passwords {
    /// A pool of one hash for each core but one, at least one. Takes as long as one hash.
    ///
    /// # Errors
    /// [`HashError::Failed`] if nothing can be hashed at all.
    pub fn new() -> Result<Self, HashError> {
        Self::with(hashes_at_once(available_parallelism().map_or(1, usize::from)), QUEUE)
    }

    fn with(cores: usize, queue: usize) -> Result<Self, HashError> {
        let nobody = SecretString::from(uuid::Uuid::new_v4().to_string());
        Ok(Self {
            places: Arc::new(Semaphore::new(cores + queue)),
            cores: Arc::new(Semaphore::new(cores)),
            dummy: hash(&nobody)?.into(),
        })
    }

    /// The hash to store, in PHC form.
    ///
    /// # Errors
    /// [`HashError::Overloaded`] at once if the queue is full.
    pub async fn hash(&self, password: SecretString) -> Result<String, HashError> {
        self.on_a_core(move || hash(&password)).await?
    }

    /// Whether the password has this hash. Without a hash the answer is no, and takes as long.
    ///
    /// # Errors
    /// [`HashError::Overloaded`] at once if the queue is full.
    pub async fn verify(
        &self,
        password: SecretString,
        hash: Option<String>,
    ) -> Result<bool, HashError> {
        let (exists, hash) = match hash {
            Some(hash) => (true, hash.into()),
            None => (false, Arc::clone(&self.dummy)),
        };
        self.on_a_core(move || verify(&password, &hash) && exists).await
    }

    async fn on_a_core<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| HashError::Overloaded)?;
        let core = Arc::clone(&self.cores).acquire_owned().await.map_err(|_| HashError::Failed)?;
        // The permits go with the work: it runs on even if whoever asked has left.
        let work = tokio::task::spawn_blocking(move || {
            let _held = (place, core);
            work()
        });
        work.await.map_err(|_| HashError::Failed)
    }
}

/// How many hash at once on a machine of so many cores.
fn hashes_at_once(cores: usize) -> usize {
    cores.saturating_sub(1).max(1)
}

fn argon2() -> Result<Argon2<'static>, HashError> {
    let params = Params::new(MEMORY, PASSES, LANES, None).map_err(|_| HashError::Failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &SecretString) -> Result<String, HashError> {
    let hash = argon2()?.hash_password(password.expose_secret().as_bytes());
    Ok(hash.map_err(|_| HashError::Failed)?.to_string())
}

fn verify(password: &SecretString, hash: &str) -> bool {
    let password = password.expose_secret().as_bytes();
    argon2().is_ok_and(|argon2| argon2.verify_password(password, hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text)
    }

    #[test]
    fn a_password_has_a_length_and_is_not_one_that_everybody_tries_first() {
        assert_eq!(check(&secret("short77")), Err(UnfitPassword::Length));
        assert_eq!(check(&secret(&"é".repeat(129))), Err(UnfitPassword::Length));
        assert_eq!(check(&secret(&"é".repeat(128))), Ok(()));
        for common in ["password", "12345678", "1q2w3e4r", "trustno1"] {
            assert_eq!(check(&secret(common)), Err(UnfitPassword::Common), "{common}");
        }
        assert_eq!(check(&secret("1q2W3E4r")), Ok(()), "the comparison is exact");
        assert_eq!(COMMON.len(), 1_000);
    }

    #[tokio::test]
    async fn a_password_is_verified_against_its_hash_only() {
        let passwords = Passwords::with(1, 1).unwrap();
        let stored = passwords.hash(secret("1q2W3E4r")).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_ne!(passwords.hash(secret("1q2W3E4r")).await.unwrap(), stored, "no salt");
        assert_eq!(passwords.verify(secret("1q2W3E4r"), Some(stored.clone())).await, Ok(true));
        assert_eq!(passwords.verify(secret("1q2W3E4R"), Some(stored)).await, Ok(false));
        assert_eq!(passwords.verify(secret("1q2W3E4r"), None).await, Ok(false));
        let garbled = Some("not a hash".to_owned());
        assert_eq!(passwords.verify(secret("1q2W3E4r"), garbled).await, Ok(false));
    }

    #[test]
    fn one_core_is_left_for_everything_else() {
        assert_eq!([1, 2, 8].map(hashes_at_once), [1, 1, 7]);
    }

    #[tokio::test]
    async fn who_would_wait_behind_a_full_queue_is_refused_at_once() {
        let passwords = Passwords::with(1, 1).unwrap();
        let held = Arc::clone(&passwords.cores).acquire_owned().await.unwrap();
        let hash = || passwords.hash(secret("1q2W3E4r"));
        let mut waiting = [Box::pin(hash()), Box::pin(hash())];
        for one in &mut waiting {
            assert!(futures_util::poll!(one.as_mut()).is_pending());
        }
        assert_eq!(hash().await, Err(HashError::Overloaded));
        drop(held);
        for one in waiting {
            assert!(one.await.is_ok());
        }
        assert!(hash().await.is_ok());
    }
}
