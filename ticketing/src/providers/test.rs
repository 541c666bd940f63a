//! The provider for trying things out: moves no money and keeps its books in Postgres, so that it
//! remembers over a crash like a real one. The tokens are those that Stripe's users know.
//!
//! | token | what happens |
//! | --- | --- |
//! | `tok_chargeDeclined` | declined: `card_declined` |
//! | `tok_slow` | captured, but only after a hold has run out |
//! | any other, such as `tok_visa` | captured |

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret;
use shared_events::PaymentId;
use tokio_postgres::Row;

use super::{Capture, Outcome, PaymentProvider, ProviderError, Taken};
use crate::platform::clock::Clock;
use crate::platform::database::{Database, DatabaseError};

const DECLINED: &str = "tok_chargeDeclined";
const SLOW: &str = "tok_slow";

/// The test provider.
pub struct TestProvider {
    database: Database,
    clock: Clock,
    slow: TimeDelta,
}

impl TestProvider {
    /// Keeps its books in `database`; `tok_slow` takes as long as `slow`.
    pub fn new(database: Database, clock: Clock, slow: TimeDelta) -> Self {
        Self { database, clock, slow }
    }

    fn outcome(&self, row: &Row) -> Result<Outcome, tokio_postgres::Error> {
        let (charge, declined): (String, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
        let settles_at: DateTime<Utc> = row.try_get(2)?;
        Ok(match declined {
            Some(reason) => Outcome::Declined { reason },
            None if self.clock.now() < settles_at => Outcome::Pending,
            None => Outcome::Captured { charge },
        })
    }
}

#[async_trait]
impl PaymentProvider for TestProvider {
    fn name(&self) -> &'static str {
        "test"
    }

    async fn capture(&self, capture: &Capture) -> Result<Outcome, ProviderError> {
        let Capture { payment, price, source } = capture;
        let source = source.expose_secret();
        let declined = (source == DECLINED).then_some("card_declined");
        let mut settles_at = self.clock.now();
        if source == SLOW {
            settles_at += self.slow;
        }
        let client = self.database.get().await?;
        // A second row for the payment is not made: the first answer stands.
        let insert = "insert into test_charges \
                          (payment_id, charge, amount_minor, currency, declined, settles_at) \
                      values ($1, $2, $3, $4, $5, $6) on conflict (payment_id) do nothing";
        let charge = format!("ch_test_{}", payment.0.simple());
        client
            .execute(
                insert,
                &[
                    &payment.0,
                    &charge,
                    &price.price_minor,
                    &price.currency.as_str(),
                    &declined,
                    &settles_at,
                ],
            )
            .await
            .map_err(DatabaseError::from)?;
        drop(client);
        let found = self.find(*payment, DateTime::UNIX_EPOCH).await?;
        found.ok_or_else(|| ProviderError::Unexpected { status: 0, code: "no charge".into() })
    }

    async fn find(
        &self,
        payment: PaymentId,
        _: DateTime<Utc>,
    ) -> Result<Option<Outcome>, ProviderError> {
        let client = self.database.get().await?;
        let text = "select charge, declined, settles_at from test_charges where payment_id = $1";
        let row = client.query_opt(text, &[&payment.0]).await.map_err(DatabaseError::from)?;
        let outcome = row.map(|row| self.outcome(&row)).transpose().map_err(DatabaseError::from)?;
        Ok(outcome)
    }

    async fn find_refund(&self, taken: &Taken) -> Result<Option<String>, ProviderError> {
        let client = self.database.get().await?;
        let text = "select refund from test_charges where payment_id = $1";
        let row = client.query_opt(text, &[&taken.payment.0]).await.map_err(DatabaseError::from)?;
        let refund = row.map(|row| row.try_get(0)).transpose().map_err(DatabaseError::from)?;
        Ok(refund.flatten())
    }

    async fn refund(&self, taken: &Taken) -> Result<String, ProviderError> {
        let client = self.database.get().await?;
        let text = "update test_charges set refund = coalesce(refund, $2) \
                    where payment_id = $1 and declined is null returning refund";
        let refund = format!("re_test_{}", taken.payment.0.simple());
        let row = client.query_opt(text, &[&taken.payment.0, &refund]).await;
        let row = row.map_err(DatabaseError::from)?;
        let unknown = || ProviderError::Unexpected { status: 404, code: "no charge".into() };
        Ok(row.ok_or_else(unknown)?.try_get(0).map_err(DatabaseError::from)?)
    }
}

impl From<DatabaseError> for ProviderError {
    fn from(error: DatabaseError) -> Self {
        Self::Away(error.into())
    }
}
