//! The catalogue: the films people talk of, and what they think of films and of each other. State,
//! not events: films are corrected by hand, opinions are personal and go with their account.
//!
//! | word | meaning |
//! | --- | --- |
//! | film | what is shown; `in_cinemas` as long as it is |
//! | host | an account that others follow, because it invites to outings |
//! | follower | an account that follows a host |
//! | mark | says that an account wants to hear of a film |
//! | review | what an account thinks of a film, with a score from 1 to 10 |
//! | like | says that an account likes a review |
//!
//! Invariants: nobody follows themselves; who follows, marks or likes twice counts once; of a film
//! each account has one review; a review is changed and removed by its author, removed by an
//! administrator too. All of it is kept by keys and named constraints, not by looking before.
//!
//! A shared store, like the accounts: other contexts use [`Catalogue`] and [`Film`], nothing else.

mod films;
mod follows;
pub mod http;
mod reviews;
mod wiring;

pub use films::Film;

use crate::platform::database::Database;

/// The films and who follows whom; cheap to clone.
#[derive(Clone)]
pub struct Catalogue {
    database: Database,
}

/// Which state of a film or a review a change is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected {
    /// Whatever it is.
    Any,
    /// Whatever it is, if there is one.
    Known,
    /// That of this sequence.
    At(i64),
}

impl Catalogue {
    /// Keeps everything in this database.
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}
