//! Commands: a kept aggregate that is out of date refuses nobody.

use chrono::{DateTime, TimeDelta, Utc};
use shared_events::{Requester, Tier, TokenId};
use ticketing::links::buy_ticket::BuyTicket;
use ticketing::links::link_request::{LinkRequest, LinkRequestCommand, LinkRequestError};
use ticketing::links::record_evaluation::{RecordEvaluation, Ruling};
use ticketing::links::request::Request;
use ticketing::platform::append::{Attached, Origin, ProcessedMessage};
use ticketing::platform::commands::{CommandError, Commands, Execution};
use ticketing::platform::event_store::EventStore;
use uuid::Uuid;

use super::append::LOG;
use crate::harness::Place;

pub(super) fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_262_400, 0).unwrap()
}

pub(super) fn now() -> Execution {
    Execution::new(Origin::new(), noon())
}

pub(super) fn request() -> LinkRequestCommand {
    let requester = Requester::Guest;
    LinkRequestCommand::Request(Request { requester, tier: Tier::Premium, now: noon() })
}

pub(super) fn grant(token: TokenId) -> LinkRequestCommand {
    let (opens_at, closes_at) = (noon(), noon() + TimeDelta::hours(1));
    LinkRequestCommand::RecordEvaluation(RecordEvaluation {
        rule: "instant".into(),
        rule_set_version: "v1".into(),
        ruling: Ruling::Granted { opens_at, closes_at, token_id: token },
        now: noon(),
    })
}

pub(super) fn buy(token: TokenId) -> LinkRequestCommand {
    LinkRequestCommand::BuyTicket(BuyTicket { token: Some(token), now: noon() })
}

/// Two replicas: each keeps aggregates of its own.
pub(super) async fn replicas() -> (Place, Commands<LinkRequest>, Commands<LinkRequest>) {
    let (place, database) = Place::migrated().await;
    let one = Commands::new(EventStore::open(LOG, database));
    let two = Commands::new(EventStore::open(LOG, place.database()));
    (place, one, two)
}

#[tokio::test]
async fn a_kept_state_that_would_have_refused_is_looked_up_again() {
    let (_place, one, two) = replicas().await;
    let (id, token) = (Uuid::now_v7(), TokenId(Uuid::from_u128(1)));
    one.create(id, request(), now(), |_| Attached::default()).await.unwrap();
    two.execute(id, grant(token), now(), |_| Attached::default()).await.unwrap();
    // `one` still keeps the state without a verdict, in which the link is not open yet.
    let bought = one.execute(id, buy(token), now(), |_| Attached::default()).await.unwrap();
    assert_eq!(bought.sequence, 4);
    // And `two` keeps the state in which it is unused.
    let again = two.execute(id, buy(token), now(), |_| Attached::default()).await;
    assert!(
        matches!(again, Err(CommandError::Refused(LinkRequestError::AlreadyUsed))),
        "{again:?}"
    );
}

#[tokio::test]
async fn a_kept_state_that_would_have_done_nothing_is_looked_up_again() {
    let (_place, one, two) = replicas().await;
    let (id, token) = (Uuid::now_v7(), TokenId(Uuid::from_u128(1)));
    one.create(id, request(), now(), |_| Attached::default()).await.unwrap();
    two.execute(id, grant(token), now(), |_| Attached::default()).await.unwrap();
    let repeat = one.execute(id, grant(token), now(), |_| Attached::default()).await.unwrap();
    assert!(repeat.events.is_empty());
    assert_eq!(repeat.sequence, 3);
}

#[tokio::test]
async fn of_a_hundred_parallel_uses_exactly_one_succeeds() {
    let (_place, one, two) = replicas().await;
    let (id, token) = (Uuid::now_v7(), TokenId(Uuid::from_u128(1)));
    one.create(id, request(), now(), |_| Attached::default()).await.unwrap();
    one.execute(id, grant(token), now(), |_| Attached::default()).await.unwrap();
    let uses = (0..100).map(|n| {
        let replica = if n % 2 == 0 { &one } else { &two };
        replica.execute(id, buy(token), now(), |_| Attached::default())
    });
    let outcomes = futures_util::future::join_all(uses).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
}

#[tokio::test]
async fn a_message_has_its_effect_once() {
    let (_place, one, two) = replicas().await;
    let (id, token) = (Uuid::now_v7(), TokenId(Uuid::from_u128(1)));
    one.create(id, request(), now(), |_| Attached::default()).await.unwrap();
    let message = ProcessedMessage { consumer: "test", id: Uuid::now_v7() };
    let attach = |_: &_| Attached { message: Some(message), ..Attached::default() };
    let deliveries =
        [&one, &two, &one].map(|replica| replica.execute(id, grant(token), now(), attach));
    let mut events = 0;
    for delivery in futures_util::future::join_all(deliveries).await {
        events += delivery.unwrap().events.len();
    }
    assert_eq!(events, 2, "one verdict and one link");
}

#[tokio::test]
async fn a_command_may_name_the_sequence_it_was_meant_for() {
    let (_place, one, two) = replicas().await;
    let (id, token) = (Uuid::now_v7(), TokenId(Uuid::from_u128(1)));
    one.create(id, request(), now(), |_| Attached::default()).await.unwrap();
    two.execute(id, grant(token), now(), |_| Attached::default()).await.unwrap();
    // `one` keeps it at 1, where it is no longer.
    let late = one.execute(id, buy(token), now().at(1), |_| Attached::default()).await;
    assert!(matches!(late, Err(CommandError::Conflict)), "{late:?}");
    let late = two.execute(id, buy(token), now().at(2), |_| Attached::default()).await;
    assert!(matches!(late, Err(CommandError::Conflict)), "{late:?}");
    let bought = two.execute(id, buy(token), now().at(3), |_| Attached::default()).await.unwrap();
    assert_eq!(bought.sequence, 4);
    let early = one.execute(Uuid::now_v7(), request(), now().at(1), |_| Attached::default()).await;
    assert!(matches!(early, Err(CommandError::Conflict)), "{early:?}");
}

#[tokio::test]
async fn a_kept_state_is_not_held_against_who_saw_a_newer_one() {
    let (_place, one, two) = replicas().await;
    let (id, token) = (Uuid::now_v7(), TokenId(Uuid::from_u128(1)));
    one.create(id, request(), now(), |_| Attached::default()).await.unwrap();
    one.execute(id, grant(token), now(), |_| Attached::default()).await.unwrap();
    let repeat = two.execute(id, grant(token), now(), |_| Attached::default()).await.unwrap();
    assert_eq!(repeat.sequence, 3);
    two.execute(id, buy(token), now().at(3), |_| Attached::default()).await.unwrap();
    // `one` keeps it at 3; the caller saw 4 elsewhere and is refused by the rules, not for that.
    let again = one.execute(id, buy(token), now().at(4), |_| Attached::default()).await;
    assert!(matches!(again, Err(CommandError::Refused(_))), "{again:?}");
}
