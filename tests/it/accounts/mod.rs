//! The doors under `/auth` played over HTTP, as clients of Django's djoser use them, and what a new
//! password ends. Not here: the gate's doors (`gate/accounts.rs`) and those of web pages
//! (`market/sessions.rs`).
//!
//! `given` makes what tests start from. All other files hold tests.

mod doors;
mod erasure;
mod given;
mod passwords;
mod tokens;
