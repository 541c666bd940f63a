//! Messages that are sent and not yet confirmed, in windows, and how far everything is known to be
//! delivered.
//!
//! When the broker confirms several messages together, the library hands a returned one to any of
//! their confirms, not to its own; what is confirmed together may span windows. So a window counts
//! as delivered only when all that was sent before its last confirm arrived is confirmed, and
//! nothing of it came back. Not here: sending.

use std::collections::VecDeque;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesOrdered, StreamExt};
use lapin::{Confirmation, PublisherConfirm};
use tokio::time::timeout;

use super::broker::{BrokerError, CALL_LIMIT};

/// Windows in flight: while one is being confirmed, the next is sent.
const WINDOWS: usize = 2;

/// Messages that were sent together.
#[derive(Default)]
pub(super) struct Window {
    last: Option<i64>,
    confirms: Vec<PublisherConfirm>,
    failed: Option<BrokerError>,
}

impl Window {
    /// The next message, sent.
    pub(super) fn add(&mut self, position: i64, confirm: PublisherConfirm) {
        self.last = Some(position);
        self.confirms.push(confirm);
    }

    /// The next message could not be sent.
    pub(super) fn fail(&mut self, error: BrokerError) {
        self.failed = Some(error);
    }

    /// Awaits every confirm; returns the position of the last message.
    ///
    /// # Errors
    /// The first message that was not sent, not confirmed, or returned.
    pub(super) async fn landed(self) -> Result<Option<i64>, BrokerError> {
        let messages = self.confirms.len() as u64;
        for confirm in self.confirms {
            confirmed(confirm).await?;
        }
        if let Some(error) = self.failed {
            return Err(error);
        }
        metrics::counter!("ticketing_relayed_total").increment(messages);
        Ok(self.last)
    }
}

/// The windows in flight.
#[derive(Default)]
pub(super) struct Flight {
    windows: FuturesOrdered<BoxFuture<'static, Result<Option<i64>, BrokerError>>>,
    launched: u64,
    landed: u64,
    /// Confirmed windows: the last position, and how many have to land before it counts.
    waiting: VecDeque<(i64, u64)>,
}

impl Flight {
    /// Whether another window may be sent.
    pub(super) fn has_room(&self) -> bool {
        self.windows.len() < WINDOWS
    }

    /// Begins to await the confirms of a window; an empty one is forgotten.
    pub(super) fn launch(&mut self, window: Window) {
        if window.last.is_some() || window.failed.is_some() {
            self.launched += 1;
            self.windows.push_back(window.landed().boxed());
        }
    }

    /// Awaits the next window; `None` if there is none. Returns the position up to which
    /// everything is delivered, if that has changed.
    pub(super) async fn land(&mut self) -> Option<Result<Option<i64>, BrokerError>> {
        let landed = self.windows.next().await?;
        Some(landed.map(|last| self.delivered(last)))
    }

    fn delivered(&mut self, last: Option<i64>) -> Option<i64> {
        self.landed += 1;
        self.waiting.extend(last.map(|last| (last, self.launched)));
        let mut delivered = None;
        while let Some(&(last, until)) = self.waiting.front()
            && until <= self.landed
        {
            self.waiting.pop_front();
            delivered = Some(last);
        }
        delivered
    }
}

/// Awaits the broker's word that it has the message safely and some queue has taken it.
///
/// # Errors
/// [`BrokerError::NotAccepted`] if it was refused, [`BrokerError::Unroutable`] if it reached no
/// queue, [`BrokerError::Silent`] after [`CALL_LIMIT`].
pub(super) async fn confirmed(confirm: PublisherConfirm) -> Result<(), BrokerError> {
    match timeout(CALL_LIMIT, confirm).await.map_err(|_| BrokerError::Silent)?? {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Ack(Some(_)) => Err(BrokerError::Unroutable),
        Confirmation::Nack(_) | Confirmation::NotRequested => Err(BrokerError::NotAccepted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_window_counts_once_all_that_was_sent_before_its_confirm_is_confirmed() {
        let mut flight = Flight::default();
        assert!(flight.has_room());
        // Two are sent; the first lands, and the second may have been confirmed with it.
        flight.launched = 2;
        assert_eq!(flight.delivered(Some(500)), None);
        // A third is sent before the second lands.
        flight.launched = 3;
        assert_eq!(flight.delivered(Some(1_000)), Some(500));
        // Nothing else is under way.
        assert_eq!(flight.delivered(Some(1_500)), Some(1_500));
        assert!(flight.land().await.is_none());
    }
}
