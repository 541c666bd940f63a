//! The catalogue played over HTTP, and what it offers to the contexts: films, who follows whom, and
//! reviews with their likes.

mod films;
mod follows;
mod reviews;

/// A film that is there from the beginning, in cinemas.
pub(crate) const METROPOLIS: &str = "23536729-1e1f-4639-a9cf-0883634143ab";
