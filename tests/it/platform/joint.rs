//! Commands over several streams: all or nothing, from current states only.

use std::sync::atomic::{AtomicUsize, Ordering};

use shared_events::TokenId;
use ticketing::links::link_request::{LinkRequest, LinkRequestError};
use ticketing::platform::append::{AppendError, Attached, ProcessedMessage};
use ticketing::platform::commands::{CommandError, Commands, Execution, jointly};
use ticketing::platform::event_store::EventStore;
use uuid::Uuid;

use super::commands::{buy, grant, now, replicas, request};

const TOKEN: TokenId = TokenId(Uuid::from_u128(1));

type Outcome<T = (i64, i64)> = Result<T, CommandError<LinkRequestError>>;

/// Uses two links, or none; `attempts` counts how often that was decided.
async fn buy_both(
    links: Commands<LinkRequest>,
    ids: [Uuid; 2],
    execution: Execution,
    attached: Attached,
    attempts: &AtomicUsize,
) -> Outcome {
    let links = &links;
    let attach = |_: &_| attached.clone();
    let both = jointly(links.store(), execution, attach, |unit| async move {
        attempts.fetch_add(1, Ordering::Relaxed);
        let first = unit.decide(links, ids[0], buy(TOKEN)).await?;
        let second = unit.decide(links, ids[1], buy(TOKEN)).await?;
        Ok((first.sequence, second.sequence))
    });
    both.await
}

async fn both_now(links: &Commands<LinkRequest>, ids: [Uuid; 2]) -> Outcome {
    buy_both(links.clone(), ids, now(), Attached::default(), &AtomicUsize::new(0)).await
}

async fn given_request(links: &Commands<LinkRequest>) -> Uuid {
    let id = Uuid::now_v7();
    links.create(id, request(), now(), |_| Attached::default()).await.unwrap();
    id
}

async fn given_link(links: &Commands<LinkRequest>) -> Uuid {
    let id = given_request(links).await;
    links.execute(id, grant(TOKEN), now(), |_| Attached::default()).await.unwrap();
    id
}

async fn sequence(store: &EventStore, id: Uuid) -> i64 {
    store.load::<LinkRequest>(id).await.unwrap().sequence
}

#[tokio::test]
async fn both_streams_are_written_or_neither() {
    let (_place, one, _) = replicas().await;
    let (link, other, unissued) =
        (given_link(&one).await, given_link(&one).await, given_request(&one).await);
    let refused = both_now(&one, [link, unissued]).await;
    let not_open =
        matches!(refused, Err(CommandError::Refused(LinkRequestError::NotYetOpen { .. })));
    assert!(not_open, "{refused:?}");
    assert_eq!(sequence(one.store(), link).await, 3, "the first was written without the second");
    assert_eq!(both_now(&one, [link, other]).await.unwrap(), (4, 4));
    for id in [link, other] {
        assert_eq!(sequence(one.store(), id).await, 4);
    }
}

#[tokio::test]
async fn of_fifty_parallel_uses_of_the_same_two_exactly_one_succeeds() {
    let (_place, one, two) = replicas().await;
    let ids = [given_link(&one).await, given_link(&one).await];
    let uses = (0..50).map(|n| {
        let replica = if n % 2 == 0 { one.clone() } else { two.clone() };
        // Spawned: it is a future that an operation may wait for.
        tokio::spawn(async move { both_now(&replica, ids).await })
    });
    let outcomes = futures_util::future::join_all(uses).await;
    let succeeded = outcomes.iter().filter(|outcome| outcome.as_ref().unwrap().is_ok());
    assert_eq!(succeeded.count(), 1);
    for id in ids {
        assert_eq!(sequence(one.store(), id).await, 4);
    }
}

#[tokio::test]
async fn kept_states_that_would_have_refused_are_looked_up_again() {
    let (_place, one, two) = replicas().await;
    let ids = [given_request(&one).await, given_request(&one).await];
    for id in ids {
        two.execute(id, grant(TOKEN), now(), |_| Attached::default()).await.unwrap();
    }
    // `one` still keeps both without a verdict.
    assert_eq!(both_now(&one, ids).await.unwrap(), (4, 4));
    // And `two` keeps both unused.
    let again = both_now(&two, ids).await;
    assert!(matches!(again, Err(CommandError::Refused(LinkRequestError::AlreadyUsed))));
}

#[tokio::test]
async fn a_stream_in_which_nothing_happened_has_to_be_current_too() {
    let (_place, one, two) = replicas().await;
    let (looked_at, written) = (given_link(&one).await, given_link(&one).await);
    let attempts = AtomicUsize::new(0);
    let (one, two, attempts) = (&one, &two, &attempts);
    let command = jointly(
        one.store(),
        now(),
        |_: &_| Attached::default(),
        |unit| async move {
            let repeat = unit.decide(one, looked_at, grant(TOKEN)).await?;
            if attempts.fetch_add(1, Ordering::Relaxed) == 0 {
                two.execute(looked_at, buy(TOKEN), now(), |_| Attached::default()).await?;
            }
            unit.decide(one, written, buy(TOKEN)).await?;
            Ok::<_, CommandError<LinkRequestError>>(repeat)
        },
    );
    let repeat = command.await.unwrap();
    assert!(repeat.events.is_empty());
    assert_eq!(repeat.sequence, 4, "decided from a state that was over");
    assert_eq!(attempts.load(Ordering::Relaxed), 2);
}

/// Where the first stream has changed by the time that the second one refuses, the two were never
/// like that together.
#[tokio::test]
async fn a_refusal_comes_from_states_of_one_moment() {
    let (_place, one, two) = replicas().await;
    let ids = [given_link(&two).await, given_link(&two).await];
    let attempts = AtomicUsize::new(0);
    let (one, two, attempts) = (&one, &two, &attempts);
    let command = jointly(
        one.store(),
        now(),
        |_: &_| Attached::default(),
        |unit| async move {
            let first = unit.decide(one, ids[0], grant(TOKEN)).await?;
            if attempts.fetch_add(1, Ordering::Relaxed) == 0 {
                for id in ids {
                    two.execute(id, buy(TOKEN), now(), |_| Attached::default()).await?;
                }
            }
            unit.decide(one, ids[1], buy(TOKEN)).await?;
            Ok(first.sequence)
        },
    );
    let refused: Outcome<i64> = command.await;
    assert!(matches!(refused, Err(CommandError::Refused(LinkRequestError::AlreadyUsed))));
    assert_eq!(attempts.load(Ordering::Relaxed), 2, "refused by states of two moments");
}

#[tokio::test]
async fn two_decisions_on_one_stream_follow_each_other() {
    let (_place, one, _) = replicas().await;
    let id = Uuid::now_v7();
    let links = &one;
    let command = jointly(
        links.store(),
        now(),
        |_: &_| Attached::default(),
        |unit| async move {
            unit.create(links, id, request()).await?;
            unit.decide(links, id, grant(TOKEN)).await?;
            let bought = unit.decide(links, id, buy(TOKEN)).await?;
            Ok::<_, CommandError<LinkRequestError>>((bought.sequence, bought.events.len()))
        },
    );
    assert_eq!(command.await.unwrap(), (4, 1));
    assert_eq!(sequence(one.store(), id).await, 4);
}

#[tokio::test]
async fn what_is_attached_makes_it_happen_once() {
    let (_place, one, two) = replicas().await;
    let ids = [given_link(&one).await, given_link(&one).await];
    let message = ProcessedMessage { consumer: "test", id: Uuid::now_v7() };
    let attached = Attached { message: Some(message), ..Attached::default() };
    let none = AtomicUsize::new(0);
    buy_both(one.clone(), ids, now(), attached.clone(), &none).await.unwrap();
    let others = [given_link(&two).await, given_link(&two).await];
    let repeat = buy_both(two.clone(), others, now(), attached, &none).await;
    assert!(matches!(repeat, Err(CommandError::Append(AppendError::AlreadyProcessed))));
    assert_eq!(sequence(one.store(), others[0]).await, 3);
}

#[tokio::test]
async fn the_first_stream_has_to_be_where_the_caller_saw_it() {
    let (_place, one, two) = replicas().await;
    let ids = [given_request(&one).await, given_link(&one).await];
    two.execute(ids[0], grant(TOKEN), now(), |_| Attached::default()).await.unwrap();
    let at = |sequence| {
        let links = one.clone();
        async move {
            let attempts = AtomicUsize::new(0);
            buy_both(links, ids, now().at(sequence), Attached::default(), &attempts).await
        }
    };
    assert!(matches!(at(1).await, Err(CommandError::Conflict)));
    // `one` has kept it at 1 or knows better by now; either way it is at 3.
    assert_eq!(at(3).await.unwrap(), (4, 4));
}

#[tokio::test]
async fn an_append_stays_in_its_log() {
    let (place, one, _) = replicas().await;
    let id = given_link(&one).await;
    let elsewhere = EventStore::open("elsewhere", place.database());
    let links = &one;
    let command = jointly(
        &elsewhere,
        now(),
        |_: &_| Attached::default(),
        |unit| async move {
            let bought = unit.decide(links, id, buy(TOKEN)).await?;
            Ok(bought.sequence)
        },
    );
    let outcome: Result<_, CommandError<LinkRequestError>> = command.await;
    assert!(matches!(outcome, Err(CommandError::Append(AppendError::Invalid))));
}
