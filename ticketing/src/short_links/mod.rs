//! Short links: short addresses that lead to long ones of our own. State, not events.
//!
//! | word | meaning |
//! | --- | --- |
//! | code | 8 characters of `0-9A-Za-z` by chance: nobody guesses one |
//! | maker | the account that asked for it; what the service asked for has none, but a thing it is for |
//! | visit | somebody was sent on; HEAD and prefetches are none |
//! | dead | past its expiry, or visited as often as it may be |
//!
//! Invariants: a link leads only to hosts that the settings allow, judged once when it is made, and
//! what was judged is what is kept; a link with a limit of n visits is visited n times, however
//! many come at once; dead links are told from unknown ones for [`KEPT_DEAD`].
//!
//! A shared store, like the accounts: other contexts use [`ShortLinks`], nothing else.

mod allowed_hosts;
mod code;
mod each;
pub mod http;
mod make;
mod visit;
mod wiring;

use std::sync::Arc;

use chrono::TimeDelta;

use crate::platform::clock::Clock;
use crate::platform::database::Database;
use crate::platform::housekeeping::Rule;
use crate::platform::idempotency::Idempotency;
use allowed_hosts::AllowedHosts;

/// For how long a dead link is answered 410; after that nobody knows it any more.
pub const KEPT_DEAD: TimeDelta = TimeDelta::days(30);

/// What housekeeping deletes.
const SERVED_THEIR_TIME: [Rule; 1] =
    [Rule { table: "short_links", column: "dead_from", age: KEPT_DEAD }];

/// Makes short links; cheap to clone.
#[derive(Clone)]
pub struct ShortLinks {
    database: Database,
    clock: Clock,
    idempotency: Idempotency,
    allowed: Arc<AllowedHosts>,
    /// What short addresses begin with, without a slash at its end.
    public_url: Arc<str>,
}
