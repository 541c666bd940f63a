//! The venues over HTTP: stadiums and their seats, named prices, matches, tickets, wallets and
//! purchases. Everybody who is signed in reads; administrators define what is sold. No rules and no
//! SQL here.

mod admin;
mod answers;
mod bounds;
mod errors;
mod fixtures;
mod index;
mod limits;
mod purchases;
mod requests;
mod reserving;
mod seats;
mod stadiums;
mod tariffs;
mod ticket_answers;
mod ticket_requests;
mod tickets;
mod wallet_answers;
mod wallets;

use cqrs_es::Aggregate;
use poem_openapi::Tags;
use shared_events::Currency;
use uuid::Uuid;

pub use admin::VenuesAdminApi;
pub use fixtures::FixturesApi;
pub use index::IndexApi;
pub use limits::VenuesLimits;
pub use purchases::PurchasesApi;
pub use reserving::ReservingApi;
pub use stadiums::StadiumsApi;
pub use tariffs::TariffsApi;
pub use tickets::TicketsApi;
pub use wallets::WalletsApi;

use crate::accounts::Caller;
use crate::api::Context;
use crate::api::idempotent::{Call, Idempotent};
use crate::api::if_match;
use crate::api_error::ApiError;
use crate::platform::append::Attached;
use crate::platform::caught_up::CaughtUp;
use crate::platform::clock::Clock;
use crate::platform::commands::{Commands, Done, Execution};

#[derive(Tags)]
enum Tag {
    /// The venues: stadiums, matches, their seats, and the wallets they are paid with.
    #[oai(rename = "venues")]
    Venues,
}

/// What all routes need; cheap to clone.
#[derive(Clone)]
pub struct Service {
    /// Repeats of the same call.
    pub idempotent: Idempotent,
    /// Who may how often.
    pub limits: VenuesLimits,
    /// Waits for what was written to be listed.
    pub caught_up: CaughtUp,
    /// The time.
    pub clock: Clock,
    /// What everything costs in.
    pub currency: Currency,
}

impl Service {
    /// A command of this request.
    fn execution(&self, context: &Context) -> Execution {
        Execution::new(context.origin(), self.clock.now())
    }

    /// Carries out a command on an aggregate, if it is as the caller has seen it (`If-Match`).
    async fn execute<A>(
        &self,
        commands: &Commands<A>,
        context: &Context,
        id: Uuid,
        header: Option<&str>,
        command: A::Command,
    ) -> Result<Done<A>, ApiError>
    where
        A: Aggregate<Services = ()> + Clone + 'static,
        A::Command: Clone + Send + Sync,
        A::Error: Into<ApiError> + Send,
    {
        let execution = if_match::only_at(self.execution(context), header)?;
        let nothing = |_: &Done<A>| Attached::default();
        let done = commands.execute(id, command, execution, nothing).await;
        Ok(done.map_err(|error| if_match::refused(error, header))?)
    }
}

/// What makes two calls of the same caller the same.
fn call<'a>(
    caller: &Caller,
    key: Option<&'a str>,
    method: &'a str,
    path: &'a str,
    body: &'a [u8],
) -> Call<'a> {
    Call { key, caller: Some(caller.account), method, path, body }
}
