//! Putting tickets into a basket whose seats are held.

use chrono::{DateTime, Utc};
use shared_events::{AccountId, BasketEvent, FixtureId, HeldTicket, HoldId};

use super::{Basket, BasketError, MOST_HELD};

/// Put tickets in.
#[derive(Clone, Debug)]
pub struct FillBasket {
    /// Whose basket it is.
    pub buyer: AccountId,
    /// By which hold.
    pub hold: HoldId,
    /// For which match.
    pub fixture: FixtureId,
    /// The first instant at which somebody else may have them.
    pub until: DateTime<Utc>,
    /// Which.
    pub tickets: Vec<HeldTicket>,
    /// When.
    pub now: DateTime<Utc>,
}

impl FillBasket {
    pub(super) fn decide(self, basket: &Basket) -> Result<Vec<BasketEvent>, BasketError> {
        let Self { buyer, hold, fixture, until, tickets, now } = self;
        if basket.live(now).count() + tickets.len() > MOST_HELD {
            return Err(BasketError::Full);
        }
        Ok(vec![BasketEvent::TicketsHeld { buyer, hold, fixture, until, tickets }])
    }
}

#[cfg(test)]
mod tests {
    use shared_events::TicketId;
    use uuid::Uuid;

    use super::super::{BasketCommand, given};
    use super::*;

    fn fill(count: usize, minutes: i64) -> BasketCommand {
        let ticket = |n: usize| given::held_ticket(TicketId(Uuid::from_u128(100 + n as u128)));
        BasketCommand::Fill(FillBasket {
            buyer: given::BUYER,
            hold: given::HOLD,
            fixture: given::FIXTURE,
            until: given::after(minutes + 5),
            tickets: (0..count).map(ticket).collect(),
            now: given::after(minutes),
        })
    }

    #[test]
    fn a_buyer_holds_a_hundred_tickets_at_most_and_lapsed_ones_do_not_count() {
        assert!(given::decided(Vec::new(), fill(100, 0)).is_ok());
        assert_eq!(given::decided(Vec::new(), fill(101, 0)), Err(BasketError::Full));
        assert_eq!(given::decided(given::two(), fill(99, 0)), Err(BasketError::Full));
        assert!(given::decided(given::two(), fill(99, 5)).is_ok());
        assert!(given::decided(given::two(), fill(100, 10)).is_ok());
    }
}
