//! Paying, and giving the money back: a process with the provider in between, never a call inside a
//! transaction.
//!
//! ```text
//! start    order, payment and listing in one append: the ticket is held for longer
//! call     the provider is asked, outside
//! record   payment, order and listing in one append
//! ```
//! Whatever dies on the way, the deadline that was written with the start has the payment settled:
//! the provider is asked what became of it, and only if it has never heard of it is it asked again,
//! with the same key. Not here: what follows from an answer (`paying/record.rs`), and what any of
//! the aggregates allows.

mod record;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate;
use secrecy::{ExposeSecret, SecretString};
use shared_events::{AccountId, Envelope, OrderId, PaymentEvent, PaymentId, RefundReason};

use super::buying::{Refused, expiry};
use super::error::MarketError;
use super::listing::{ExtendHold, Listing, ListingCommand};
use super::order::{self, Order, OrderCommand, OrderError, StartPayment};
use super::payment::{
    BeginPayment, Demand, Payment, PaymentCommand, PaymentError, Progress, StartRefund,
};
use crate::platform::append::{Attached, NewDeadline, NewSecret, Origin};
use crate::platform::causes::causes;
use crate::platform::clock::Clock;
use crate::platform::commands::{CommandError, Commands, Execution, Unit, jointly};
use crate::platform::database::DatabaseError;
use crate::platform::deadlines::{DeadlineHandler, Due, Handled};
use crate::platform::event_store::{EventStore, Loaded, ReadError};
use crate::platform::vault::Vault;
use crate::providers::{Capture, Outcome, ProviderError, Providers, Taken};

/// The deadline at which a payment's outcome should be known.
const PAYMENT_SETTLES: &str = "market.payment_settles";
/// How long who has started a payment or a refund has the provider for itself; longer than any
/// call to it may take.
const OWN_TIME: TimeDelta = TimeDelta::seconds(15);
/// What the source of a payment is called in the vault.
const SOURCE: &str = "payment_source";
/// How long a source is kept for asking again.
const SOURCE_KEPT: TimeDelta = TimeDelta::days(1);

/// Takes payments and gives them back; cheap to clone.
#[derive(Clone)]
pub struct Paying {
    /// Commands on listings.
    pub listings: Commands<Listing>,
    /// Commands on orders.
    pub orders: Commands<Order>,
    /// Commands on payments.
    pub payments: Commands<Payment>,
    /// Who moves the money.
    pub providers: Providers,
    /// Holds sources of payments.
    pub vault: Vault,
    /// The time.
    pub clock: Clock,
    /// How much longer a ticket is held while its payment is made.
    pub longer: TimeDelta,
}

/// A payment that somebody wants to make.
#[derive(Clone, Debug)]
pub struct Charge {
    /// The new payment's id.
    pub payment: PaymentId,
    /// For which order.
    pub order: OrderId,
    /// Who pays.
    pub by: AccountId,
    /// From what: the provider's token.
    pub source: SecretString,
}

/// What has become of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody knows yet.
    Open,
    /// Paid: the ticket is the buyer's.
    Paid,
    /// Not paid.
    Declined {
        /// The provider's reason.
        reason: String,
    },
    /// The money goes back, or has gone back.
    Back {
        /// Why.
        reason: RefundReason,
        /// Whether it has.
        done: bool,
    },
}

/// Why a payment could not be driven on.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// What happened could not be recorded.
    #[error(transparent)]
    Command(#[from] Refused),
    /// The provider does not say what happened.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// Postgres did not do what was asked.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// History can not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Paying {
    fn store(&self) -> &EventStore {
        self.payments.store()
    }

    fn execution(&self) -> Execution {
        Execution::new(Origin::new(), self.clock.now())
    }

    /// Starts a payment: one append over order, payment and listing. The provider is not asked yet.
    ///
    /// # Errors
    /// [`CommandError`], with the order's refusal.
    pub async fn start(
        &self,
        charge: &Charge,
        execution: Execution,
        attach: impl Fn(&PaymentId) -> Attached,
    ) -> Result<PaymentId, Refused> {
        let now = execution.now;
        let attach = |(payment, until): &(PaymentId, DateTime<Utc>)| {
            let mut attached = attach(payment);
            attached.deadlines.push(expiry(charge.order, *until));
            attached.deadlines.push(settling(*payment, now + OWN_TIME));
            attached.secrets.push(NewSecret {
                id: payment.0,
                name: SOURCE,
                value: charge.source.expose_secret().to_owned(),
                expires_at: Some(now + SOURCE_KEPT),
            });
            attached
        };
        let begin = |unit| self.begin(unit, charge, now);
        let (payment, _) = jointly(self.store(), execution, attach, begin).await?;
        Ok(payment)
    }

    async fn begin(
        &self,
        unit: Unit<MarketError>,
        charge: &Charge,
        now: DateTime<Utc>,
    ) -> Result<(PaymentId, DateTime<Utc>), Refused> {
        let Charge { payment, order, by, .. } = *charge;
        let start = StartPayment { by, payment, longer: self.longer, now };
        let started = unit.decide(&self.orders, order.0, OrderCommand::StartPayment(start)).await?;
        let Order::Placed { terms, progress: order::Progress::AwaitingPayment { until, .. } } =
            started.state
        else {
            return Err(CommandError::Refused(OrderError::Unknown.into()));
        };
        let extend = ListingCommand::Extend(ExtendHold { order, until });
        unit.decide(&self.listings, terms.listing.0, extend).await?;
        let provider = self.providers.chosen().name().to_owned();
        let demand = Demand { order, buyer: by, price: terms.price, provider };
        let begin = PaymentCommand::Begin(BeginPayment(demand));
        unit.create(&self.payments, payment.0, begin).await?;
        Ok((payment, until))
    }

    /// Asks the provider for the money of a payment that was just started, and records its answer.
    ///
    /// # Errors
    /// [`SettleError`]: the outcome is not known; the payment is settled later.
    pub async fn capture(&self, charge: &Charge) -> Result<Standing, SettleError> {
        let Charge { payment, source, .. } = charge.clone();
        let Some(Begun { demand, progress: Progress::Capturing, .. }) = self.begun(payment).await?
        else {
            // Somebody has settled it meanwhile.
            return self.standing(payment).await;
        };
        let capture = Capture { payment, price: demand.price, source };
        let outcome = self.providers.of(&demand.provider)?.capture(&capture).await?;
        self.record(payment, &demand, outcome).await?;
        self.standing(payment).await
    }

    /// What has become of a payment so far.
    ///
    /// # Errors
    /// [`SettleError`] if history can not be read.
    pub async fn standing(&self, payment: PaymentId) -> Result<Standing, SettleError> {
        let loaded: Loaded<Payment> = self.store().load(payment.0).await?;
        let Payment::Started { progress, .. } = loaded.state else { return Ok(Standing::Open) };
        Ok(match progress {
            Progress::Capturing => Standing::Open,
            Progress::Captured { .. } => Standing::Paid,
            Progress::Declined { reason } => Standing::Declined { reason },
            Progress::Refunding { reason, .. } => Standing::Back { reason, done: false },
            Progress::Refunded { reason } => Standing::Back { reason, done: true },
        })
    }

    /// Starts to give a payment back: whether this was the first to do so. The provider is not
    /// asked yet; the first has it asked.
    ///
    /// # Errors
    /// [`CommandError`], with the payment's refusal.
    pub async fn start_refund(
        &self,
        payment: PaymentId,
        withdraw: bool,
        execution: Execution,
        attach: impl Fn(&PaymentId) -> Attached + Sync,
    ) -> Result<bool, CommandError<PaymentError>> {
        let start = StartRefund { reason: RefundReason::Requested, withdraw };
        let due_at = execution.now + OWN_TIME;
        let attach = |_: &_| {
            let mut attached = attach(&payment);
            attached.deadlines.push(settling(payment, due_at));
            attached
        };
        let start = PaymentCommand::StartRefund(start);
        let done = self.payments.execute(payment.0, start, execution, attach).await?;
        Ok(!done.events.is_empty())
    }

    /// A payment with all that happened to it; `None` if there is none.
    async fn begun(&self, payment: PaymentId) -> Result<Option<Begun>, ReadError> {
        let events = self.store().stream::<PaymentEvent>(Payment::TYPE, payment.0).await?;
        let times = |events: &[Envelope<_>]| {
            Some((events.first()?.recorded_at, events.last()?.recorded_at))
        };
        let Some((since, last)) = times(&events) else { return Ok(None) };
        let mut state = Payment::default();
        events.into_iter().for_each(|event| state.apply(event.payload));
        Ok(match state {
            Payment::Absent => None,
            Payment::Started { demand, progress } => Some(Begun { demand, progress, since, last }),
        })
    }

    /// Brings a payment to its end, whoever began it: true if there is nothing left to be done.
    /// Nobody else may be doing so: who has just started something has the provider for itself.
    ///
    /// # Errors
    /// [`SettleError`]; to be tried again.
    pub async fn settle(&self, payment: PaymentId) -> Result<bool, SettleError> {
        match self.begun(payment).await? {
            None => Ok(true),
            Some(begun) if begun.is_open() && self.clock.now() < begun.last + OWN_TIME => Ok(false),
            Some(begun) => self.drive(payment, begun).await,
        }
    }

    async fn drive(&self, payment: PaymentId, begun: Begun) -> Result<bool, SettleError> {
        let Begun { demand, progress, since, .. } = begun;
        match progress {
            Progress::Capturing => {
                let found = self.providers.of(&demand.provider)?.find(payment, since).await?;
                let outcome = match found {
                    Some(outcome) => outcome,
                    None => self.ask_again(payment, &demand).await?,
                };
                let known = outcome != Outcome::Pending;
                self.record(payment, &demand, outcome).await?;
                Ok(known)
            }
            Progress::Refunding { charge, .. } => {
                self.give_back(payment, &demand, &charge).await?;
                Ok(true)
            }
            Progress::Captured { .. } | Progress::Declined { .. } | Progress::Refunded { .. } => {
                // Who recorded that may have died before it came to this.
                self.vault.forget(payment.0).await?;
                Ok(true)
            }
        }
    }

    /// Has the provider give the money back, unless it has, and records that.
    async fn give_back(
        &self,
        payment: PaymentId,
        demand: &Demand,
        charge: &str,
    ) -> Result<(), SettleError> {
        let provider = self.providers.of(&demand.provider)?;
        let refund = provider.refund(&taken(payment, demand, charge)).await?;
        Ok(self.record_refund(payment, demand, refund).await?)
    }

    /// Looks what the provider knows of a payment, because it told that something has happened, and
    /// records that. Asks for nothing to be done: somebody else may be doing so.
    ///
    /// # Errors
    /// [`SettleError`]; to be tried again.
    pub async fn look(&self, payment: PaymentId) -> Result<(), SettleError> {
        let Some(Begun { demand, progress, since, .. }) = self.begun(payment).await? else {
            return Ok(());
        };
        let provider = self.providers.of(&demand.provider)?;
        if let Progress::Capturing | Progress::Declined { .. } = progress
            && let Some(outcome) = provider.find(payment, since).await?
        {
            self.record(payment, &demand, outcome).await?;
        }
        // What was taken just now may have been given back by hand before it was known here.
        let Some(Begun { progress, .. }) = self.begun(payment).await? else { return Ok(()) };
        if let Progress::Captured { charge } | Progress::Refunding { charge, .. } = progress
            && let Some(refund) = provider.find_refund(&taken(payment, &demand, &charge)).await?
        {
            self.record_refund(payment, &demand, refund).await?;
        }
        Ok(())
    }

    /// The provider has never heard of the payment: who started it died before the call. Nothing is
    /// taken any more for an order that has ended meanwhile: its buyer was told so.
    async fn ask_again(&self, payment: PaymentId, demand: &Demand) -> Result<Outcome, SettleError> {
        let order: Loaded<Order> = self.store().load(demand.order.0).await?;
        if !order.state.awaits(payment, self.clock.now()) {
            return Ok(abandoned());
        }
        let mut sources = self.vault.find(&[payment.0], SOURCE).await?;
        let Some(source) = sources.remove(&payment.0) else {
            return Ok(abandoned());
        };
        let capture = Capture { payment, price: demand.price, source };
        Ok(self.providers.of(&demand.provider)?.capture(&capture).await?)
    }

    /// Drives a refund that was just started; what fails now is tried again at its deadline.
    pub async fn settle_refund(&self, payment: PaymentId) {
        let driven = async {
            match self.begun(payment).await? {
                Some(begun) => self.drive(payment, begun).await.map(drop),
                None => Ok(()),
            }
        };
        if let Err(error) = driven.await {
            let error: SettleError = error;
            tracing::warn!(%payment, error = causes(&error), "a refund has to wait");
        }
    }
}

/// A payment and how far it has come.
struct Begun {
    demand: Demand,
    progress: Progress,
    /// When it was started.
    since: DateTime<Utc>,
    /// When something last happened to it.
    last: DateTime<Utc>,
}

impl Begun {
    /// Whether the provider is being asked for something.
    fn is_open(&self) -> bool {
        matches!(self.progress, Progress::Capturing | Progress::Refunding { .. })
    }
}

/// No provider was asked for the money in time.
fn abandoned() -> Outcome {
    Outcome::Declined { reason: "abandoned".to_owned() }
}

fn taken(payment: PaymentId, demand: &Demand, charge: &str) -> Taken {
    Taken { payment, price: demand.price, charge: charge.to_owned() }
}

fn settling(payment: PaymentId, due_at: DateTime<Utc>) -> NewDeadline {
    NewDeadline { kind: PAYMENT_SETTLES, subject: payment.0, due_at }
}

/// Settles payments whose outcome should be known by now.
pub struct PaymentSettling(pub Paying);

#[async_trait]
impl DeadlineHandler for PaymentSettling {
    fn kind(&self) -> &'static str {
        PAYMENT_SETTLES
    }

    async fn handle(&self, due: Due) -> Handled {
        let payment = PaymentId(due.subject);
        match self.0.settle(payment).await {
            Ok(true) => Handled::Recorded,
            Ok(false) => Handled::NotYet,
            Err(error) => {
                tracing::warn!(%payment, error = causes(&error), "a payment is not settled");
                Handled::Failed
            }
        }
    }
}
