//! The pipeline of one session: requests are taken, answered on all cores, published in the order
//! they came, and acknowledged once the broker has their verdicts safely. What can not be answered
//! goes to the dead letters and disturbs no neighbour. The only file that publishes. Not here:
//! connections (`broker.rs`), what to do when a session fails (`supervisor.rs`).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesOrdered, StreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicPublishOptions};
use lapin::{Channel, Confirmation};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::answer::{Unanswerable, answer};
use crate::broker::{CONSUMER_TAG, Session, SessionError, limited};
use crate::outgoing::{Outgoing, Subject};
use crate::rule_set::RuleSet;
use crate::token::LinkSigner;

/// When stopping: how long what was taken may take to finish.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);
/// How often what is confirmed is acknowledged: one frame for all of it, because each costs the
/// broker as much as a message.
const ACKNOWLEDGE: Duration = Duration::from_millis(20);

/// What is needed to answer a request; cheap to clone.
#[derive(Clone)]
pub struct Answering {
    /// The rules in force.
    pub rules: watch::Receiver<Arc<RuleSet>>,
    /// The key that signs links.
    pub signer: Arc<LinkSigner>,
}

/// What was taken and not yet acknowledged, in the order it came.
struct Pipeline<'a> {
    session: &'a mut Session,
    answering: &'a Answering,
    preparing: FuturesOrdered<JoinHandle<Prepared>>,
    confirming: FuturesOrdered<BoxFuture<'static, Published>>,
    /// The last delivery whose verdict the broker has, and all before it have theirs.
    settled: Option<u64>,
    acknowledging: Interval,
}

/// A delivery with what is to be published before it is acknowledged.
struct Prepared {
    delivery_tag: u64,
    outgoing: Outgoing,
}

/// What became of it.
struct Published {
    delivery_tag: u64,
    subject: Subject,
    confirmed: Result<(), SessionError>,
}

/// Answers requests until `stop`, then finishes what was taken.
///
/// Fails with the first error; whatever was not acknowledged by then is delivered again in another
/// session, and its repeated verdicts carry the same message ids.
pub(crate) async fn consume(
    session: &mut Session,
    answering: &Answering,
    stop: &CancellationToken,
) -> Result<(), SessionError> {
    let mut acknowledging = interval(ACKNOWLEDGE);
    acknowledging.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut pipeline = Pipeline {
        session,
        answering,
        preparing: FuturesOrdered::new(),
        confirming: FuturesOrdered::new(),
        settled: None,
        acknowledging,
    };
    pipeline.run(stop).await?;
    let intake = &pipeline.session.intake;
    limited(intake.basic_cancel(CONSUMER_TAG.into(), BasicCancelOptions::default())).await?;
    let drained = tokio::time::timeout(DRAIN_LIMIT, pipeline.drain()).await;
    drained.map_err(|_| SessionError::NotDrained)?
}

impl Pipeline<'_> {
    /// Each branch only waits; what follows it is not cancelled by the others.
    async fn run(&mut self, stop: &CancellationToken) -> Result<(), SessionError> {
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                _ = self.acknowledging.tick(), if self.settled.is_some() => {
                    self.acknowledge().await?;
                }
                Some(first) = self.confirming.next() => self.settle(first)?,
                Some(prepared) = self.preparing.next() => self.publish(prepared).await?,
                delivery = self.session.deliveries.next() => {
                    self.prepare(delivery.ok_or(SessionError::ConsumerEnded)??);
                }
            }
        }
    }

    async fn drain(&mut self) -> Result<(), SessionError> {
        loop {
            tokio::select! {
                biased;
                Some(first) = self.confirming.next() => self.settle(first)?,
                Some(prepared) = self.preparing.next() => self.publish(prepared).await?,
                else => return self.acknowledge().await,
            }
        }
    }

    fn prepare(&mut self, delivery: Delivery) {
        let answering = self.answering.clone();
        self.preparing.push_back(tokio::spawn(async move { prepare(&answering, delivery) }));
    }

    /// Publishing waits for its turn here, so confirms come back in the order of deliveries (see
    /// `settle`).
    async fn publish(
        &mut self,
        prepared: Result<Prepared, tokio::task::JoinError>,
    ) -> Result<(), SessionError> {
        // A task is never cancelled and catches its panics; if one is lost anyway, its request
        // comes again.
        let Prepared { delivery_tag, outgoing } =
            prepared.map_err(|_| SessionError::ConsumerEnded)?;
        let Outgoing { exchange, routing_key, properties, body, subject } = outgoing;
        // A message that reaches no queue comes back. `immediate` was never implemented by
        // RabbitMQ.
        let options = BasicPublishOptions { mandatory: true, immediate: false };
        let (exchange, routing_key) = (exchange.into(), routing_key.into());
        let outlet: &Channel = &self.session.outlet;
        let publish = outlet.basic_publish(exchange, routing_key, options, &body, properties);
        let confirm = limited(publish).await?;
        let published = async move {
            let confirmed = limited(confirm).await.and_then(accepted);
            Published { delivery_tag, subject, confirmed }
        };
        self.confirming.push_back(published.boxed());
        Ok(())
    }

    /// Notes everything that is confirmed by now as settled.
    ///
    /// One message returned or refused fails the whole batch: when the broker confirms several
    /// together, the library hands a returned message to any one of them, not to its own.
    fn settle(&mut self, first: Published) -> Result<(), SessionError> {
        let mut batch = vec![first];
        while let Some(Some(next)) = self.confirming.next().now_or_never() {
            batch.push(next);
        }
        let mut settled = Vec::with_capacity(batch.len());
        let mut last_tag = None;
        for published in batch {
            published.confirmed?;
            last_tag = Some(published.delivery_tag);
            settled.push(published.subject);
        }
        self.settled = last_tag;
        settled.iter().for_each(Subject::report);
        Ok(())
    }

    async fn acknowledge(&mut self) -> Result<(), SessionError> {
        let Some(last_tag) = self.settled.take() else { return Ok(()) };
        let intake: &Channel = &self.session.intake;
        limited(intake.basic_ack(last_tag, BasicAckOptions { multiple: true })).await
    }
}

/// Pure computing. A panic is a fault of one message and is dealt with as such.
fn prepare(answering: &Answering, delivery: Delivery) -> Prepared {
    let started = Instant::now();
    let rules = answering.rules.borrow().clone();
    let answered =
        catch_unwind(AssertUnwindSafe(|| answer(&rules, &answering.signer, &delivery.data)))
            .unwrap_or_else(|_| Err(Unanswerable::Failed("answering it panicked".to_owned())));
    metrics::histogram!("rules_evaluate_seconds").record(started.elapsed());
    let delivery_tag = delivery.delivery_tag;
    let outgoing = match answered {
        Ok(answer) => Outgoing::verdict(answer),
        Err(reason) => Outgoing::dead_letter(delivery, &reason),
    };
    Prepared { delivery_tag, outgoing }
}

fn accepted(confirmation: Confirmation) -> Result<(), SessionError> {
    match confirmation {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Ack(Some(_)) => Err(SessionError::Unroutable),
        Confirmation::Nack(_) | Confirmation::NotRequested => Err(SessionError::Refused),
    }
}
