//! Which money moved: the read table of payments, how events make it, and its questions.

use chrono::{DateTime, Utc};
use cqrs_es::Aggregate;
use shared_events::{Envelope, PaymentEvent, PaymentId};
use uuid::Uuid;

use super::payment::Payment;
use crate::platform::event_store::{EventStore, ReadError};
use crate::platform::read_table::{ReadRow, read_table};

read_table! {
    /// One payment as it stands.
    pub struct PaymentRow of "payments" {
        /// Which payment.
        payment_id: Uuid = "uuid",
        /// For which order.
        order_id: Uuid = "uuid",
        /// Who pays.
        buyer: Uuid = "uuid",
        /// How much, in hundredths.
        price_minor: i64 = "bigint",
        /// Of which currency.
        currency: String = "text",
        /// Through which provider.
        provider: String = "text",
        /// What the provider calls the capture.
        charge: Option<String> = "text",
        /// What the provider calls the refund.
        refund: Option<String> = "text",
        /// `capturing`, `captured`, `declined`, `refunding` or `refunded`.
        status: String = "text",
        /// Why it was declined or refunded.
        reason: Option<String> = "text",
        /// When it was started.
        started_at: DateTime<Utc> = "timestamptz",
        /// The sequence of the last event in this row.
        sequence: i64 = "bigint",
    }
}

/// Names of a payment's states.
pub mod status {
    /// The provider is being asked for the money.
    pub const CAPTURING: &str = "capturing";
    /// The provider has taken the money.
    pub const CAPTURED: &str = "captured";
    /// The provider has taken no money.
    pub const DECLINED: &str = "declined";
    /// The provider is being asked to give the money back.
    pub const REFUNDING: &str = "refunding";
    /// The provider has given the money back.
    pub const REFUNDED: &str = "refunded";

    /// All of them.
    pub const ALL: [&str; 5] = [CAPTURING, CAPTURED, DECLINED, REFUNDING, REFUNDED];
}

/// The row after one more event.
pub fn project(mut row: PaymentRow, event: &Envelope<PaymentEvent>) -> PaymentRow {
    row.payment_id = event.aggregate_id;
    row.sequence = event.sequence;
    let status = match &event.payload {
        PaymentEvent::Started { order, buyer, price, provider } => {
            row.order_id = order.0;
            row.buyer = buyer.0;
            row.price_minor = price.price_minor;
            row.currency = price.currency.to_string();
            row.provider.clone_from(provider);
            row.started_at = event.recorded_at;
            status::CAPTURING
        }
        PaymentEvent::Captured { charge } => {
            row.charge = Some(charge.clone());
            status::CAPTURED
        }
        PaymentEvent::Declined { reason } => {
            row.reason = Some(reason.clone());
            status::DECLINED
        }
        PaymentEvent::RefundStarted { reason, .. } => {
            row.reason = Some(super::words::refunded(*reason).to_owned());
            status::REFUNDING
        }
        PaymentEvent::Refunded { refund } => {
            row.refund = Some(refund.clone());
            status::REFUNDED
        }
    };
    row.status = status.to_owned();
    row
}

/// Reads payments; cheap to clone.
#[derive(Clone)]
pub struct Payments {
    store: EventStore,
}

impl Payments {
    /// Reads from the store's database.
    pub fn new(store: EventStore) -> Self {
        Self { store }
    }

    /// One payment, as current as its last event; `None` if there is none.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer or an event can not be read.
    pub async fn find(&self, id: PaymentId) -> Result<Option<PaymentRow>, ReadError> {
        let events = self.store.stream(Payment::TYPE, id.0).await?;
        let last = events.len().checked_sub(1);
        Ok(last.map(|_| events.iter().fold(PaymentRow::default(), project)))
    }

    /// Payments in this state, one of [`status::ALL`], oldest first, as the projection has them.
    ///
    /// # Errors
    /// [`ReadError`] if Postgres does not answer.
    pub async fn list(
        &self,
        status: Option<&'static str>,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<PaymentRow>, ReadError> {
        // Two statements, because a prepared one has one plan.
        let which = if status.is_some() { "status = $1" } else { "$1::text is null" };
        let text = format!(
            "select {} from payments where {which} and payment_id > $2 \
             order by payment_id limit $3",
            PaymentRow::names()
        );
        let client = self.store.database().get().await?;
        let statement = client.prepare_cached(&text).await?;
        let after = after.unwrap_or(Uuid::nil());
        let rows = client.query(&statement, &[&status, &after, &limit]).await?;
        Ok(rows.iter().map(|row| PaymentRow::read(row, 0)).collect::<Result<_, _>>()?)
    }
}
