//! The doors under `/auth` played over HTTP, as clients of Django's djoser use them, what a new
//! password ends, and the doors of the film site with people's profiles. Not here: the gate's doors
//! (`gate/accounts.rs`) and those of web pages (`market/sessions.rs`).
//!
//! `given` makes what tests start from. All other files hold tests.

mod doors;
mod erasing_again;
mod erasure;
mod given;
mod passwords;
mod profiles;
mod tokens;
