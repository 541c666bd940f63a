//! The states that tests start from, each named for what is true in it.

use uuid::Uuid;

use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::User;

/// A link request with its link's token.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) id: Uuid,
    /// Whose; `None` for a guest's.
    pub(crate) owner: Option<User>,
    /// The link's token, whether or not the link is open.
    pub(crate) token: String,
}

impl World {
    /// Asks for a link as this user, or as a guest.
    pub(crate) async fn ask_for_link(&self, user: Option<&User>) -> Answer {
        let request = self.get("/request_for_ticketing_link");
        match user {
            Some(user) => request.bearer_auth(&user.token).ask().await,
            None => request.ask().await,
        }
    }

    /// A link request that was just made, by this user or by a guest.
    pub(crate) async fn given_request(&self, user: Option<&User>) -> Uuid {
        let made = self.ask_for_link(user).await.is(201);
        made.member("request_id").parse().expect("a UUID")
    }

    /// Checks a request as this user, or as a guest.
    pub(crate) async fn check(&self, id: Uuid, user: Option<&User>) -> Answer {
        let request = self.get(&format!("/check_ticketing_link?request_id={id}"));
        match user {
            Some(user) => request.bearer_auth(&user.token).ask().await,
            None => request.ask().await,
        }
    }

    /// Uses a link as it was given out.
    pub(crate) async fn buy(&self, link: &Link) -> Answer {
        self.buy_with(&link.token, link.id).await
    }

    /// Uses a link with this token for this request.
    pub(crate) async fn buy_with(&self, token: &str, id: Uuid) -> Answer {
        self.get(&format!("/buy_ticket/{token}?request_id={id}")).ask().await
    }

    /// The history of a request as this user reads it, or a guest.
    pub(crate) async fn history(&self, id: Uuid, user: Option<&User>) -> Answer {
        let request = self.get(&format!("/link_requests/{id}/events"));
        match user {
            Some(user) => request.bearer_auth(&user.token).ask().await,
            None => request.ask().await,
        }
    }

    /// A request of a new account of this tier (a guest's for `guest`) whose link exists, open or
    /// not.
    pub(crate) async fn given_issued_link(&self, tier: &str) -> Link {
        let owner = match tier {
            "guest" => None,
            tier => Some(self.given_user(tier).await),
        };
        let id = self.given_request(owner.as_ref()).await;
        self.issued(id, owner).await
    }

    /// The link of this request, once it exists.
    pub(crate) async fn issued(&self, id: Uuid, owner: Option<User>) -> Link {
        let token = async || self.token_in_vault(id).await;
        eventually("the link is issued", async || token().await.is_some()).await;
        Link { id, owner, token: token().await.expect("a token") }
    }

    /// A link that works now.
    pub(crate) async fn given_open_link(&self) -> Link {
        self.given_issued_link("premium").await
    }

    /// A link that was used.
    pub(crate) async fn given_used_link(&self) -> Link {
        let link = self.given_open_link().await;
        self.buy(&link).await.is(200).says("Welcome to the Ticket Page");
        link
    }
}
