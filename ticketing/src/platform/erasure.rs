//! Erasing a person: what every context forgets, and what it does about what the person has begun.
//! History stays as it is, because it knows ids alone. Not here: who may ask for it
//! (`accounts/erase.rs`).

use async_trait::async_trait;
use uuid::Uuid;

/// What is deleted or overwritten when somebody is erased. It may run again: somebody may have
/// written something while it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// What it erases, for operators.
    pub what: &'static str,
    /// The statement; `$1` is the account's id, a `uuid`.
    pub statement: &'static str,
}

/// Why something that a person has begun was not ended.
pub type LeavingError = Box<dyn std::error::Error + Send + Sync>;

/// Ends what a person has begun and nobody can go on with.
#[async_trait]
pub trait Leaving: Send + Sync {
    /// Ends it; where nothing is left to end, nothing is done.
    ///
    /// # Errors
    /// If it was not ended, or only a part of it: the person is not erased yet, and it is tried
    /// again when they ask again.
    async fn leave(&self, account: Uuid) -> Result<(), LeavingError>;
}
