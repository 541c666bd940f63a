//! What follows from what a payment provider said: payment, order and listing in one append. A
//! capture after the order had ended takes the ticket back if it is still to be had; otherwise the
//! money goes back at once.

use chrono::{DateTime, Utc};
use shared_events::{PaymentId, RefundReason};

use super::{OWN_TIME, Paying, SettleError, settling};
use crate::market::buying::{Refused, expiry};
use crate::market::error::MarketError;
use crate::market::listing::{
    ExtendHold, ListingCommand, ListingError, ReleaseListing, SellListing,
};
use crate::market::order::{
    CompleteOrder, DeclinePayment, Order, OrderCommand, OrderError, Progress as OrderProgress,
    RefundOrder,
};
use crate::market::payment::{
    Demand, Payment, PaymentCommand, Progress, RecordCapture, RecordDecline, RecordRefund,
    StartRefund,
};
use crate::platform::append::Attached;
use crate::platform::causes::causes;
use crate::platform::commands::{CommandError, Unit, jointly};
use crate::providers::Outcome;

impl Paying {
    /// Records what the provider said, with all that follows from it.
    pub(super) async fn record(
        &self,
        payment: PaymentId,
        demand: &Demand,
        outcome: Outcome,
    ) -> Result<(), SettleError> {
        match outcome {
            Outcome::Pending => return Ok(()),
            Outcome::Declined { reason } => self.record_decline(payment, demand, reason).await?,
            Outcome::Captured { charge } => {
                match self.record_capture(payment, demand, &charge).await {
                    Err(CommandError::Refused(refusal)) if is_too_late(refusal) => {
                        self.send_back(payment, &charge, why(refusal)).await?;
                        // What fails now is tried again at its deadline.
                        if let Err(error) = self.give_back(payment, demand, &charge).await {
                            tracing::warn!(%payment, error = causes(&error), "a refund has to wait");
                        }
                    }
                    recorded => recorded?,
                }
            }
        }
        // Not needed any more. Its deadline does this too.
        if let Err(error) = self.vault.forget(payment.0).await {
            tracing::debug!(%payment, error = causes(&error), "a source is not forgotten yet");
        }
        Ok(())
    }

    async fn record_capture(
        &self,
        payment: PaymentId,
        demand: &Demand,
        charge: &str,
    ) -> Result<(), Refused> {
        let (execution, order) = (self.execution(), demand.order);
        let now = execution.now;
        let nothing = |(): &()| Attached::default();
        let record = async |unit: Unit<MarketError>| {
            let capture = PaymentCommand::Capture(RecordCapture { charge: charge.to_owned() });
            let captured = unit.decide(&self.payments, payment.0, capture).await?;
            if captured.events.is_empty() {
                return Ok(());
            }
            let complete = OrderCommand::Complete(CompleteOrder { payment });
            let completed = unit.decide(&self.orders, order.0, complete).await?;
            if let Some(terms) = completed.state.terms() {
                let sell = ListingCommand::Sell(SellListing { order, now });
                unit.decide(&self.listings, terms.listing.0, sell).await?;
            }
            Ok(())
        };
        jointly(self.store(), execution, nothing, record).await
    }

    /// The money was taken, but there is nothing to be had for it.
    async fn send_back(
        &self,
        payment: PaymentId,
        charge: &str,
        reason: RefundReason,
    ) -> Result<(), Refused> {
        let execution = self.execution();
        let due_at = execution.now + OWN_TIME;
        let attach = |(): &()| Attached {
            deadlines: vec![settling(payment, due_at)],
            ..Attached::default()
        };
        let record = async |unit: Unit<MarketError>| {
            let capture = PaymentCommand::Capture(RecordCapture { charge: charge.to_owned() });
            unit.decide(&self.payments, payment.0, capture).await?;
            let start = PaymentCommand::StartRefund(StartRefund { reason, withdraw: false });
            unit.decide(&self.payments, payment.0, start).await?;
            Ok(())
        };
        jointly(self.store(), execution, attach, record).await
    }

    async fn record_decline(
        &self,
        payment: PaymentId,
        demand: &Demand,
        reason: String,
    ) -> Result<(), Refused> {
        let (execution, order) = (self.execution(), demand.order);
        let now = execution.now;
        let attach = |end: &Option<DateTime<Utc>>| Attached {
            deadlines: end.map(|end| expiry(order, end.max(now))).into_iter().collect(),
            ..Attached::default()
        };
        let record = async |unit: Unit<MarketError>| {
            let decline = PaymentCommand::Decline(RecordDecline { reason: reason.clone() });
            unit.decide(&self.payments, payment.0, decline).await?;
            let decline = OrderCommand::Decline(DeclinePayment { payment });
            let declined = unit.decide(&self.orders, order.0, decline).await?;
            let Order::Placed { terms, progress } = declined.state else { return Ok(None) };
            let (command, end) = match progress {
                _ if declined.events.is_empty() => return Ok(None),
                OrderProgress::Created { .. } => {
                    let until = terms.expires_at;
                    (ListingCommand::Extend(ExtendHold { order, until }), Some(until))
                }
                _ => {
                    let release = ReleaseListing { order, withdraw: false };
                    (ListingCommand::Release(release), None)
                }
            };
            match unit.decide(&self.listings, terms.listing.0, command).await {
                // The hold was over and somebody else has the ticket.
                Err(CommandError::Refused(MarketError::Listing(ListingError::Reserved))) => {}
                decided => drop(decided?),
            }
            Ok(end)
        };
        jointly(self.store(), execution, attach, record).await.map(drop)
    }

    /// The money was given back, whether or not that was asked for here.
    pub(super) async fn record_refund(
        &self,
        payment: PaymentId,
        demand: &Demand,
        refund: String,
    ) -> Result<(), Refused> {
        let order = demand.order;
        let nothing = |(): &()| Attached::default();
        let record = async |unit: Unit<MarketError>| {
            let reason = RefundReason::AtProvider;
            let start = PaymentCommand::StartRefund(StartRefund { reason, withdraw: false });
            let started = unit.decide(&self.payments, payment.0, start).await?;
            let Payment::Started { progress, .. } = started.state else { return Ok(()) };
            let Progress::Refunding { reason, withdraw, .. } = progress else { return Ok(()) };
            let back = PaymentCommand::Refund(RecordRefund { refund: refund.clone() });
            unit.decide(&self.payments, payment.0, back).await?;
            let back = OrderCommand::Refund(RefundOrder { payment, reason });
            let refunded = unit.decide(&self.orders, order.0, back).await?;
            if let (Some(terms), false) = (refunded.state.terms(), refunded.events.is_empty()) {
                let release = ListingCommand::Release(ReleaseListing { order, withdraw });
                unit.decide(&self.listings, terms.listing.0, release).await?;
            }
            Ok(())
        };
        jointly(self.store(), self.execution(), nothing, record).await
    }
}

/// Whether a capture is refused because its order or its ticket is gone, for good.
fn is_too_late(refusal: MarketError) -> bool {
    matches!(
        refusal,
        MarketError::Listing(ListingError::Reserved | ListingError::Withdrawn)
            | MarketError::Order(OrderError::Completed { .. } | OrderError::Refunded)
    )
}

fn why(refusal: MarketError) -> RefundReason {
    match refusal {
        MarketError::Order(_) => RefundReason::PaidTwice,
        _ => RefundReason::TicketGone,
    }
}
