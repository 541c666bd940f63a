//! Idempotent calls on two replicas that do not know of each other: each finds the key new, one is
//! first.

use std::sync::Arc;

use poem::http::StatusCode;
use shared_events::TokenId;
use ticketing::api::idempotent::{Call, CallError, Idempotent, Keep};
use ticketing::api_error::{ApiError, Code};
use ticketing::links::link_request::{LinkRequest, LinkRequestError};
use ticketing::platform::append::Attached;
use ticketing::platform::commands::{Commands, Done};
use uuid::Uuid;

use super::commands::{buy, grant, now, replicas, request};

const TOKEN: TokenId = TokenId(Uuid::from_u128(1));

/// A replica: what it keeps of keys and of aggregates is its own.
struct Replica {
    idempotent: Idempotent,
    links: Commands<LinkRequest>,
}

impl Replica {
    fn new(links: Commands<LinkRequest>) -> Self {
        Self { idempotent: Idempotent::new(links.store().database().clone()), links }
    }

    /// Uses the link; `meanwhile` is what happens between the look at the key and the command.
    async fn buy(
        &self,
        id: Uuid,
        (key, body): (&str, &str),
        meanwhile: impl Future<Output = ()>,
    ) -> Result<String, CallError<LinkRequestError>> {
        let body = body.as_bytes();
        let call = Call { key: Some(key), caller: None, method: "GET", path: "/buy", body };
        let answer = |done: &Done<LinkRequest>| format!("bought as event {}", done.sequence);
        let effect = |keep: Arc<Keep<_>>| async move {
            meanwhile.await;
            self.links.execute(id, buy(TOKEN), now(), move |done| keep.attach(done)).await
        };
        self.idempotent.run(call, StatusCode::OK, answer, effect).await
    }
}

async fn given_link_on_two_replicas() -> (crate::harness::Place, Uuid, Replica, Replica) {
    let (place, one, two) = replicas().await;
    let id = Uuid::now_v7();
    one.create(id, request(), now(), |_| Attached::default()).await.unwrap();
    one.execute(id, grant(TOKEN), now(), |_| Attached::default()).await.unwrap();
    (place, id, Replica::new(one), Replica::new(two))
}

/// Both replicas find their key new; the first one buys before the second one does.
async fn race(
    first: (&str, &str),
    second: (&str, &str),
) -> Result<String, CallError<LinkRequestError>> {
    let (_place, id, one, two) = given_link_on_two_replicas().await;
    let meanwhile = async {
        let bought = one.buy(id, first, async {}).await;
        assert_eq!(bought.unwrap(), "bought as event 4");
    };
    two.buy(id, second, meanwhile).await
}

#[tokio::test]
async fn a_client_is_not_refused_for_its_own_success_on_another_replica() {
    let key = Uuid::new_v4().to_string();
    assert_eq!(race((&key, "x"), (&key, "x")).await.unwrap(), "bought as event 4");
}

#[tokio::test]
async fn somebody_elses_success_refuses_it() {
    let (mine, theirs) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    let refused = race((&theirs, "x"), (&mine, "x")).await;
    assert!(matches!(refused, Err(CallError::Refused(LinkRequestError::AlreadyUsed))));
}

#[tokio::test]
async fn a_key_that_was_used_for_another_body_meanwhile_is_refused() {
    let key = Uuid::new_v4().to_string();
    let refused: ApiError = race((&key, "x"), (&key, "y")).await.unwrap_err().into();
    assert_eq!(refused.code(), Code::IdempotencyKeyReused);
}

#[tokio::test]
async fn a_key_that_is_taken_by_the_append_itself_replays() {
    let (_place, id, one, two) = given_link_on_two_replicas().await;
    let other = Uuid::now_v7();
    let key = Uuid::new_v4().to_string();
    for command in [request(), grant(TOKEN)] {
        two.links.execute(other, command, now(), |_| Attached::default()).await.unwrap();
    }
    let meanwhile = async {
        one.buy(id, (&key, "x"), async {}).await.unwrap();
    };
    // Another link, so the rules do not refuse it: the append does.
    assert_eq!(two.buy(other, (&key, "x"), meanwhile).await.unwrap(), "bought as event 4");
    assert_eq!(two.links.store().load::<LinkRequest>(other).await.unwrap().sequence, 3);
}
