//! Who moves money: one small trait, and an adapter for each provider. A provider is asked, never
//! believed twice: what it did is recorded by whoever asked.
//!
//! The id of a payment is the provider's idempotency key and stands in its metadata, so that after
//! a crash the provider can be asked what became of it. Not here: when money is moved, and what
//! follows from it.

pub mod stripe;
pub mod stripe_signature;
pub mod test;

use std::sync::Arc;

use anyhow::Context;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use shared_events::{PaymentId, Price};

use crate::config::{PaymentSettings, ProviderName};
use crate::platform::Platform;
use stripe::Stripe;
use test::TestProvider;

/// Takes money and gives it back.
#[async_trait]
pub trait PaymentProvider: Send + Sync {
    /// Its name, recorded with each payment.
    fn name(&self) -> &'static str;

    /// Takes the money. Asking twice for one payment takes it once, as far as the provider keeps
    /// to its idempotency keys.
    ///
    /// # Errors
    /// [`ProviderError`]: whether the money was taken is not known.
    async fn capture(&self, capture: &Capture) -> Result<Outcome, ProviderError>;

    /// What became of a payment that was started at or after `since`; `None` if the provider has
    /// never heard of it.
    ///
    /// # Errors
    /// [`ProviderError`] if it does not say.
    async fn find(
        &self,
        payment: PaymentId,
        since: DateTime<Utc>,
    ) -> Result<Option<Outcome>, ProviderError>;

    /// What the provider calls the return of a payment's money, if all of it was given back.
    ///
    /// # Errors
    /// [`ProviderError`] if it does not say.
    async fn find_refund(&self, taken: &Taken) -> Result<Option<String>, ProviderError>;

    /// Gives all of a payment's money back, unless that was done; what the provider calls it.
    ///
    /// # Errors
    /// [`ProviderError`]: whether it was given back is not known.
    async fn refund(&self, taken: &Taken) -> Result<String, ProviderError>;
}

/// The providers that are set up. New payments go to one of them; what another has begun it ends.
#[derive(Clone)]
pub struct Providers {
    chosen: Arc<dyn PaymentProvider>,
    others: Vec<Arc<dyn PaymentProvider>>,
}

impl Providers {
    /// Those that are set up: the test provider always, Stripe with its key. `hold` is how long
    /// anything is held at most; the test provider's slow token takes longer.
    ///
    /// # Errors
    /// If the setting of the one that is chosen is missing, or no TLS can be had.
    pub fn open(
        settings: &PaymentSettings,
        platform: &Platform,
        hold: TimeDelta,
    ) -> anyhow::Result<Self> {
        let slow = hold + TimeDelta::minutes(1);
        let test = TestProvider::new(platform.database.clone(), platform.clock.clone(), slow);
        let test: Arc<dyn PaymentProvider> = Arc::new(test);
        let stripe: Option<Arc<dyn PaymentProvider>> = match settings.stripe_secret_key.clone() {
            Some(key) => Some(Arc::new(Stripe::new(&settings.stripe_url, key.into())?)),
            None => None,
        };
        Ok(match settings.payment_provider {
            ProviderName::Test => Self::new(test, stripe.into_iter().collect()),
            ProviderName::Stripe => {
                let stripe = stripe.context("PAYMENT_PROVIDER=stripe needs STRIPE_SECRET_KEY")?;
                Self::new(stripe, vec![test])
            }
        })
    }

    /// New payments go to `chosen`; `others` end and give back what they have begun.
    pub fn new(chosen: Arc<dyn PaymentProvider>, others: Vec<Arc<dyn PaymentProvider>>) -> Self {
        Self { chosen, others }
    }

    /// Who takes new payments.
    pub fn chosen(&self) -> &dyn PaymentProvider {
        &*self.chosen
    }

    /// Who has begun a payment, by the name recorded with it.
    ///
    /// # Errors
    /// [`ProviderError::Unset`] if it is not set up any more.
    pub fn of(&self, name: &str) -> Result<&dyn PaymentProvider, ProviderError> {
        let mut all = std::iter::once(&self.chosen).chain(&self.others);
        let found = all.find(|provider| provider.name() == name);
        found.map(|found| &**found).ok_or_else(|| ProviderError::Unset { name: name.to_owned() })
    }
}

/// Money to be taken.
#[derive(Clone, Debug)]
pub struct Capture {
    /// For which payment.
    pub payment: PaymentId,
    /// How much.
    pub price: Price,
    /// From what: a token of the provider's, such as that of a card.
    pub source: SecretString,
}

/// Money that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    /// For which payment.
    pub payment: PaymentId,
    /// How much.
    pub price: Price,
    /// What the provider calls it.
    pub charge: String,
}

/// What became of a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The money was taken.
    Captured {
        /// What the provider calls it.
        charge: String,
    },
    /// It was not, and will not be.
    Declined {
        /// Why, a code such as `card_declined`.
        reason: String,
    },
    /// The provider does not know yet.
    Pending,
}

/// The provider gave no answer that says what happened.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// It can not be reached, or did not answer in time.
    #[error("the payment provider does not answer")]
    Away(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The payment was begun with a provider that is not set up.
    #[error("the payment provider {name} is not set up")]
    Unset {
        /// Its name.
        name: String,
    },
    /// It answered something else than it should.
    #[error("the payment provider answered {status}: {code}")]
    Unexpected {
        /// The HTTP status.
        status: u16,
        /// Its code for what was wrong, or what was missing in its answer.
        code: String,
    },
}
