//! Granting the right to buy to who has used an access link, when it is asked for.
//!
//! A message tells of each link that was used (`consumer.rs`). Who wants to spend a right whose
//! message has not come, or was lost with its queue, gets it from the history of the links.

use chrono::{DateTime, Utc};
use shared_events::{AccessRightId, AccountId, LinkRequestEvent, RequestId, Requester};

use super::access_right::{AccessRight, AccessRightCommand, GrantRight};
use super::scheduling::Refused;
use crate::platform::append::{Attached, Origin};
use crate::platform::commands::{Commands, Execution, Unit, jointly};

/// The aggregate that an access link is.
pub(super) const LINK_REQUEST: &str = "link_request";

/// Grants rights; cheap to clone.
#[derive(Clone)]
pub struct Granting {
    /// Commands on rights.
    pub rights: Commands<AccessRight>,
}

impl Granting {
    /// Grants what the link of this request gives, if it was used and by nobody but `by` or a
    /// guest; whether it was. Of another's nothing is done, as of one that nobody has: the time it
    /// takes tells of neither.
    ///
    /// # Errors
    /// [`CommandError`](crate::platform::commands::CommandError) if history can not be read or
    /// nothing be appended.
    pub async fn catch_up(
        &self,
        request: RequestId,
        by: AccountId,
        now: DateTime<Utc>,
    ) -> Result<bool, Refused> {
        let store = self.rights.store();
        let history = store.stream::<LinkRequestEvent>(LINK_REQUEST, request.0).await?;
        let requester = history.iter().rev().find_map(|event| match event.payload {
            LinkRequestEvent::TicketBought { requester, .. } => requester,
            _ => None,
        });
        let is_theirs = |requester: &Requester| match requester {
            Requester::Account(owner) => *owner == by,
            Requester::Guest => true,
        };
        let Some(requester) = requester.filter(is_theirs) else { return Ok(false) };
        let id = AccessRightId::of(request).0;
        let grant = |unit: Unit<_>| async move {
            let grant = AccessRightCommand::Grant(GrantRight { requester });
            unit.decide(&self.rights, id, grant).await
        };
        let execution = Execution::new(Origin::new(), now);
        jointly(store, execution, |_| Attached::default(), grant).await?;
        Ok(true)
    }
}
