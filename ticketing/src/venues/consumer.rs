//! Used access links become rights to buy: from the events of the links, once each.

use shared_events::topology::GRANT_ACCESS_RIGHTS;
use shared_events::{AccessRightId, Envelope, LinkRequestEvent, RequestId, decode};

use super::access_right::{AccessRight, AccessRightCommand, GrantRight};
use super::granting::LINK_REQUEST;
use crate::platform::clock::Clock;
use crate::platform::commands::{Commands, Done};
use crate::platform::inbox::{Handled, Handler, Incoming};

/// Grants rights.
pub struct GrantAccessRights {
    /// Commands on rights.
    pub rights: Commands<AccessRight>,
    /// The time.
    pub clock: Clock,
}

impl Handler for GrantAccessRights {
    async fn handle(&self, message: &Incoming) -> Handled {
        let envelope: Envelope<Box<serde_json::value::RawValue>> =
            match serde_json::from_str(&message.body) {
                Ok(envelope) => envelope,
                Err(error) => return Handled::Poison(format!("not an event: {error}")),
            };
        let Envelope { event_type, event_version, payload, aggregate_id, .. } = envelope;
        let event = decode(LINK_REQUEST, &event_type, &event_version, payload.get());
        let requester = match event {
            Ok(LinkRequestEvent::TicketBought { requester: Some(requester), .. }) => requester,
            // Links that were used before that was told give no right.
            Ok(_) => return Handled::Done,
            Err(error) => return Handled::Poison(error.to_string()),
        };
        let grant = AccessRightCommand::Grant(GrantRight { requester });
        let execution = message.execution(self.clock.now());
        let attach = |_: &Done<AccessRight>| message.attached(&GRANT_ACCESS_RIGHTS);
        let id = AccessRightId::of(RequestId(aggregate_id)).0;
        let granted = self.rights.execute(id, grant, execution, attach).await;
        Handled::of(granted, |refusal| Handled::Poison(refusal.to_string()))
    }

    fn without_secrets(&self, body: &str) -> String {
        // No event holds any.
        body.to_owned()
    }
}
