//! Passwords: which are accepted, and Argon2id hashes of them (m = 19456 KiB, t = 2, p = 1: OWASP
//! password storage cheat sheet). One hash takes some 25 ms of a core and 19 MiB, so there are as
//! many at once as cores but one, which everything else is served by, and a short queue.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, mpsc};
use std::thread::{self, available_parallelism};

use argon2::password_hash::phc::{Output, ParamsString, Salt};
use argon2::{Algorithm, Argon2, Block, Params, PasswordHash, Version};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Semaphore, oneshot};
use uuid::Uuid;

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

/// Hashes and verifies passwords on threads of its own, each with memory of its own for as long as
/// there is work.
///
/// Not on the runtime's threads for blocking work with fresh memory for each hash: the allocator
/// keeps what a thread has freed for that thread, so a crowd that logged in left hundreds of MiB.
pub struct Passwords {
    /// Those who hash or wait.
    places: Arc<Semaphore>,
    /// To those who hash.
    jobs: mpsc::Sender<Job>,
    /// What is verified for a user who does not exist.
    dummy: Arc<str>,
}

/// Something to compute in a thread's memory; it answers whoever has asked.
type Job = Box<dyn FnOnce(&mut Memory) + Send>;
/// What one hash fills.
type Memory = [Block];

impl Passwords {
    /// A pool of one hash for each core but one, at least one.
    ///
    /// # Errors
    /// [`HashError::Failed`] if a thread can not be started.
    pub fn new() -> Result<Self, HashError> {
        Self::with(hashes_at_once(available_parallelism().map_or(1, usize::from)), QUEUE)
    }

    fn with(cores: usize, queue: usize) -> Result<Self, HashError> {
        let params = params()?;
        let blocks = params.block_count();
        let (jobs, waiting) = mpsc::channel();
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..cores {
            let waiting = Arc::clone(&waiting);
            let thread = thread::Builder::new().name("passwords".to_owned());
            let started = thread.spawn(move || work(&waiting, blocks));
            started.map_err(|_| HashError::Failed)?;
        }
        let dummy = nobodys(&params)?.into();
        Ok(Self { places: Arc::new(Semaphore::new(cores + queue)), jobs, dummy })
    }

    /// The hash to store, in PHC form.
    ///
    /// # Errors
    /// [`HashError::Overloaded`] at once if the queue is full.
    pub async fn hash(&self, password: SecretString) -> Result<String, HashError> {
        self.on_a_core(move |memory| hash(memory, &password)).await?
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
        self.on_a_core(move |memory| verify(memory, &password, &hash) && exists).await
    }

    async fn on_a_core<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let place = Arc::clone(&self.places).try_acquire_owned();
        let place = place.map_err(|_| HashError::Overloaded)?;
        let (done, answer) = oneshot::channel();
        // The place goes with the work: it is done even if whoever asked has left.
        let job = move |memory: &mut Memory| {
            let _held = place;
            let _ = done.send(work(memory));
        };
        self.jobs.send(Box::new(job)).map_err(|_| HashError::Failed)?;
        answer.await.map_err(|_| HashError::Failed)
    }
}

/// How many hash at once on a machine of so many cores.
fn hashes_at_once(cores: usize) -> usize {
    cores.saturating_sub(1).max(1)
}

/// Works until the pool is dropped. A job that panics costs its own caller the answer, nobody else.
///
/// What is left in its memory of a password is as little as what the library leaves in memory that
/// it frees; when nothing more waits it is given back, as it is a third of what the service needs.
fn work(waiting: &Mutex<mpsc::Receiver<Job>>, blocks: usize) {
    // Locked only while waiting for the next one.
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
    // If another thread has the lock, it waits, so there is nothing, or it is just taking one of
    // several: then this one gives its memory back too early, and gets new memory for the next.
    let next_at_once = || waiting.try_lock().ok()?.try_recv().ok();
    while let Ok(mut job) = next() {
        let mut memory = vec![Block::new(); blocks];
        loop {
            let _ = catch_unwind(AssertUnwindSafe(|| job(&mut memory)));
            match next_at_once() {
                Some(another) => job = another,
                None => break,
            }
        }
    }
}

fn params() -> Result<Params, HashError> {
    Params::new(MEMORY, PASSES, LANES, None).map_err(|_| HashError::Failed)
}

/// A hash of no password that anybody knows, as costly to verify as a real one.
fn nobodys(params: &Params) -> Result<String, HashError> {
    let output = [Uuid::new_v4().into_bytes(), Uuid::new_v4().into_bytes()].concat();
    phc(params, Salt::generate(), Output::new(&output).map_err(|_| HashError::Failed)?)
}

fn hash(memory: &mut Memory, password: &SecretString) -> Result<String, HashError> {
    let (params, salt) = (params()?, Salt::generate());
    let output = output(memory, password, params.clone(), &salt).ok_or(HashError::Failed)?;
    phc(&params, salt, output)
}

fn phc(params: &Params, salt: Salt, output: Output) -> Result<String, HashError> {
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(|_| HashError::Failed)?,
        hash: Some(output),
        salt: Some(salt),
    };
    Ok(hash.to_string())
}

/// False also if what is stored is no hash of ours, or needs more memory than ours.
fn verify(memory: &mut Memory, password: &SecretString, hash: &str) -> bool {
    let mut computed = || {
        let stored = PasswordHash::new(hash).ok()?;
        let params = Params::try_from(&stored).ok()?;
        // Compared in constant time.
        Some(output(memory, password, params, &stored.salt?)? == stored.hash?)
    };
    computed().unwrap_or(false)
}

fn output(
    memory: &mut Memory,
    password: &SecretString,
    params: Params,
    salt: &Salt,
) -> Option<Output> {
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    let password = password.expose_secret().as_bytes();
    argon2.hash_password_into_with_memory(password, salt, &mut output, memory).ok()?;
    Output::new(&output).ok()
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
    fn what_is_verified_for_nobody_costs_what_a_real_hash_costs() {
        let nobody = nobodys(&params().unwrap()).unwrap();
        let stored = PasswordHash::new(&nobody).unwrap();
        let demanded = Params::try_from(&stored).unwrap();
        let costs = (demanded.m_cost(), demanded.t_cost(), demanded.p_cost());
        assert_eq!(costs, (MEMORY, PASSES, LANES));
        let (hash, salt) = (stored.hash.unwrap(), stored.salt.unwrap());
        assert_eq!((hash.len(), salt.len()), (Params::DEFAULT_OUTPUT_LEN, Salt::generate().len()));
        assert_ne!(nobodys(&params().unwrap()).unwrap(), nobody, "nobody can know one");
    }

    #[test]
    fn one_core_is_left_for_everything_else() {
        assert_eq!([1, 2, 8].map(hashes_at_once), [1, 1, 7]);
    }

    /// A job that ends when the answer is dropped.
    fn busy(passwords: &Passwords) -> mpsc::Sender<()> {
        let (end, ended) = mpsc::channel();
        passwords.jobs.send(Box::new(move |_| ended.recv().unwrap_or_default())).unwrap();
        end
    }

    #[tokio::test]
    async fn who_would_wait_behind_a_full_queue_is_refused_at_once() {
        let passwords = Passwords::with(1, 1).unwrap();
        let held = busy(&passwords);
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

    #[tokio::test]
    async fn a_job_that_panics_takes_no_thread_with_it() {
        let passwords = Passwords::with(1, 1).unwrap();
        let panics = passwords.on_a_core(|_| panic!("on purpose"));
        assert_eq!(panics.await, Err::<(), _>(HashError::Failed));
        assert!(passwords.hash(secret("1q2W3E4r")).await.is_ok());
    }

    #[tokio::test]
    async fn as_many_are_hashed_at_once_as_there_are_threads() {
        let passwords = Passwords::with(2, 8).unwrap();
        let held = busy(&passwords);
        assert!(passwords.hash(secret("1q2W3E4r")).await.is_ok(), "the other thread");
        let also = busy(&passwords);
        let mut one = Box::pin(passwords.hash(secret("1q2W3E4r")));
        assert!(futures_util::poll!(one.as_mut()).is_pending());
        drop((held, also));
        assert!(one.await.is_ok());
    }
}
