//! Topping a wallet up: a process with the payment provider in between, never a call inside a
//! transaction.
//!
//! ```text
//! start    the top-up is recorded; the wallet has to be there
//! call     the provider is asked, outside
//! record   top-up and wallet in one append
//! ```
//! Whatever dies on the way, the deadline that was written with the start has the top-up settled:
//! the provider is asked what became of it, and only if it has never heard of it is it asked again,
//! with the same key.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::Aggregate;
use secrecy::{ExposeSecret, SecretString};
use shared_events::{
    AccountId, Cause, LedgerAccount, PaymentId, Price, TopUpEvent, TopUpId, TransactionId, WalletId,
};
use uuid::Uuid;

use super::error::VenuesError;
use super::scheduling::{Refused, refused};
use super::top_up::{
    BeginTopUp, CaptureTopUp, DeclineTopUp, Demand, Progress, TopUp, TopUpCommand,
};
use super::wallet::{Receive, Wallet, WalletCommand};
use crate::platform::append::{Attached, NewDeadline, NewSecret, Origin};
use crate::platform::causes::causes;
use crate::platform::clock::Clock;
use crate::platform::commands::{CommandError, Commands, Execution, Unit, jointly};
use crate::platform::database::DatabaseError;
use crate::platform::deadlines::{DeadlineHandler, Due, Handled};
use crate::platform::event_store::{EventStore, Loaded, ReadError};
use crate::platform::snapshots;
use crate::platform::vault::Vault;
use crate::providers::{Capture, Outcome, ProviderError, Providers};

/// The deadline at which a top-up's outcome should be known.
const TOP_UP_SETTLES: &str = "venues.top_up_settles";
/// How long who has started a top-up has the provider for itself; longer than any call may take.
const OWN_TIME: TimeDelta = TimeDelta::seconds(15);
/// How often it is tried to record an outcome, each time with the attempts of a command.
const RECORD_ATTEMPTS: usize = 2;
/// What the source of a top-up is called in the vault.
const SOURCE: &str = "top_up_source";
/// How long a source is kept for asking again.
const SOURCE_KEPT: TimeDelta = TimeDelta::days(1);

/// Tops wallets up; cheap to clone.
#[derive(Clone)]
pub struct ToppingUp {
    /// Commands on top-ups.
    pub top_ups: Commands<TopUp>,
    /// Commands on wallets.
    pub wallets: Commands<Wallet>,
    /// Who moves the money.
    pub providers: Providers,
    /// Holds what is paid with.
    pub vault: Vault,
    /// The time.
    pub clock: Clock,
}

/// A top-up that somebody wants.
#[derive(Clone, Debug)]
pub struct Charge {
    /// The new top-up.
    pub top_up: TopUpId,
    /// Of which wallet.
    pub wallet: WalletId,
    /// Who wants it.
    pub by: AccountId,
    /// How much.
    pub price: Price,
    /// From what: the provider's token.
    pub source: SecretString,
}

/// What has become of a top-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nobody knows yet.
    Open,
    /// The money is in the wallet, which holds so much now, in hundredths.
    Charged {
        /// How much came in.
        amount_minor: i64,
        /// What is in the wallet.
        balance_minor: i64,
    },
    /// There is no money.
    Declined {
        /// The provider's reason.
        reason: String,
    },
}

/// Why a top-up could not be driven on.
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

impl ToppingUp {
    fn store(&self) -> &EventStore {
        self.top_ups.store()
    }

    fn execution(&self) -> Execution {
        Execution::new(Origin::new(), self.clock.now())
    }

    /// Starts a top-up. The provider is not asked yet.
    ///
    /// # Errors
    /// [`Refused`], with the wallet's refusal.
    pub async fn start(
        &self,
        charge: &Charge,
        execution: Execution,
        attach: impl Fn(&TopUpId) -> Attached,
    ) -> Result<TopUpId, Refused> {
        let now = execution.now;
        let attach = |top_up: &TopUpId| {
            let mut attached = attach(top_up);
            attached.deadlines.push(settling(*top_up, now + OWN_TIME));
            attached.secrets.push(NewSecret {
                id: top_up.0,
                name: SOURCE,
                value: charge.source.expose_secret().to_owned(),
                expires_at: Some(now + SOURCE_KEPT),
            });
            attached
        };
        let start = |unit: Unit<VenuesError>| async move {
            let Charge { top_up, wallet, by, price, .. } = *charge;
            // A wallet that was opened stays: no append has to be guarded by it, or many top-ups at
            // once would stand in each other's way.
            let found: Loaded<Wallet> = snapshots::load(self.store(), wallet.0).await?;
            found.state.has_room_for(price).map_err(refused)?;
            let provider = self.providers.chosen().name().to_owned();
            let begin = TopUpCommand::Begin(BeginTopUp(Demand { wallet, by, price, provider }));
            unit.create(&self.top_ups, top_up.0, begin).await?;
            Ok(top_up)
        };
        jointly(self.store(), execution, attach, start).await
    }

    /// Asks the provider for the money of a top-up that was just started, and records its answer.
    ///
    /// # Errors
    /// [`SettleError`]: the outcome is not known; the top-up is settled later.
    pub async fn capture(&self, charge: &Charge) -> Result<Standing, SettleError> {
        let Charge { top_up, price, source, .. } = charge.clone();
        let loaded: Loaded<TopUp> = self.store().load(top_up.0).await?;
        let TopUp::Started { demand, progress: Progress::Capturing } = loaded.state else {
            // Somebody has settled it meanwhile.
            return self.standing(top_up).await;
        };
        let capture = Capture { payment: PaymentId(top_up.0), price, source };
        let outcome = self.providers.of(&demand.provider)?.capture(&capture).await?;
        self.record(top_up, outcome).await?;
        self.standing(top_up).await
    }

    /// What has become of a top-up so far.
    ///
    /// # Errors
    /// [`SettleError`] if history can not be read.
    pub async fn standing(&self, top_up: TopUpId) -> Result<Standing, SettleError> {
        let loaded: Loaded<TopUp> = self.store().load(top_up.0).await?;
        let TopUp::Started { demand, progress } = loaded.state else { return Ok(Standing::Open) };
        Ok(match progress {
            Progress::Capturing => Standing::Open,
            Progress::Declined { reason } => Standing::Declined { reason },
            Progress::Captured => {
                let wallet: Loaded<Wallet> = snapshots::load(self.store(), demand.wallet.0).await?;
                let balance = wallet.state.balance().map_or(0, |(_, balance)| balance);
                let amount_minor = demand.price.price_minor;
                Standing::Charged { amount_minor, balance_minor: balance }
            }
        })
    }

    /// Records what the provider said; the money is in the wallet in the same append.
    async fn record(&self, top_up: TopUpId, outcome: Outcome) -> Result<(), SettleError> {
        let outcome = &outcome;
        let record = |unit: Unit<VenuesError>| async move {
            match outcome {
                Outcome::Pending => {}
                Outcome::Declined { reason } => {
                    let decline = DeclineTopUp { reason: reason.clone() };
                    let decline = TopUpCommand::Decline(decline);
                    unit.decide(&self.top_ups, top_up.0, decline).await?;
                }
                Outcome::Captured { charge } => {
                    let capture = CaptureTopUp { charge: charge.clone() };
                    let capture = TopUpCommand::Capture(capture);
                    let done = unit.decide(&self.top_ups, top_up.0, capture).await?;
                    let TopUp::Started { demand, .. } = done.state else {
                        return Err(refused(super::top_up::TopUpError::Unknown));
                    };
                    if done.events.is_empty() {
                        return Ok(());
                    }
                    let receive = WalletCommand::Receive(Receive {
                        transaction: TransactionId(Uuid::now_v7()),
                        cause: Cause::TopUp { top_up },
                        from: LedgerAccount::Provider,
                        price: demand.price,
                        tickets: Vec::new(),
                    });
                    unit.decide(&self.wallets, demand.wallet.0, receive).await?;
                }
            }
            Ok(())
        };
        let nothing = |(): &()| Attached::default();
        let mut attempt = 1;
        loop {
            match jointly(self.store(), self.execution(), nothing, record).await {
                // Others keep changing the wallet; what the provider did has to get into it.
                Err(CommandError::Conflict) if attempt < RECORD_ATTEMPTS => attempt += 1,
                recorded => break recorded?,
            }
        }
        if *outcome != Outcome::Pending {
            self.vault.forget(top_up.0).await?;
        }
        Ok(())
    }

    /// Brings a top-up to its end, whoever began it: true if there is nothing left to be done.
    ///
    /// # Errors
    /// [`SettleError`]; to be tried again.
    pub async fn settle(&self, top_up: TopUpId) -> Result<bool, SettleError> {
        let events = self.store().stream::<TopUpEvent>(TopUp::TYPE, top_up.0).await?;
        let Some(since) = events.first().map(|event| event.recorded_at) else { return Ok(true) };
        let mut state = TopUp::default();
        events.into_iter().for_each(|event| state.apply(event.payload));
        let TopUp::Started { demand, progress } = state else { return Ok(true) };
        if progress != Progress::Capturing {
            // Who recorded that may have died before it came to this.
            self.vault.forget(top_up.0).await?;
            return Ok(true);
        }
        let outcome =
            match self.providers.of(&demand.provider)?.find(PaymentId(top_up.0), since).await? {
                Some(outcome) => outcome,
                None => self.ask_again(top_up, demand).await?,
            };
        let known = outcome != Outcome::Pending;
        self.record(top_up, outcome).await?;
        Ok(known)
    }

    /// The provider has never heard of the top-up: who started it died before the call.
    async fn ask_again(&self, top_up: TopUpId, demand: Demand) -> Result<Outcome, SettleError> {
        let mut sources = self.vault.find(&[top_up.0], SOURCE).await?;
        let Some(source) = sources.remove(&top_up.0) else {
            return Ok(Outcome::Declined { reason: "abandoned".to_owned() });
        };
        let Demand { price, provider, .. } = demand;
        let capture = Capture { payment: PaymentId(top_up.0), price, source };
        Ok(self.providers.of(&provider)?.capture(&capture).await?)
    }
}

fn settling(top_up: TopUpId, due_at: DateTime<Utc>) -> NewDeadline {
    NewDeadline { kind: TOP_UP_SETTLES, subject: top_up.0, due_at }
}

/// Settles top-ups whose outcome should be known by now.
pub struct TopUpSettling(pub ToppingUp);

#[async_trait]
impl DeadlineHandler for TopUpSettling {
    fn kind(&self) -> &'static str {
        TOP_UP_SETTLES
    }

    async fn handle(&self, due: Due) -> Handled {
        let top_up = TopUpId(due.subject);
        match self.0.settle(top_up).await {
            Ok(true) => Handled::Recorded,
            Ok(false) => Handled::NotYet,
            Err(error) => {
                tracing::warn!(%top_up, error = causes(&error), "a top-up is not settled");
                Handled::Failed
            }
        }
    }
}
