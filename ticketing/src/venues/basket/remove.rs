//! Giving one ticket of a basket up.

use chrono::{DateTime, Utc};
use shared_events::{BasketEvent, TicketId};

use super::{Basket, BasketError};

/// Give a ticket up.
#[derive(Clone, Copy, Debug)]
pub struct RemoveTicket {
    /// Which.
    pub ticket: TicketId,
    /// When.
    pub now: DateTime<Utc>,
}

impl RemoveTicket {
    pub(super) fn decide(self, basket: &Basket) -> Result<Vec<BasketEvent>, BasketError> {
        let Self { ticket, now } = self;
        match basket.item(ticket) {
            Some(item) if now < item.until => {
                Ok(vec![BasketEvent::TicketsReleased { tickets: vec![ticket] }])
            }
            Some(_) | None => Err(BasketError::NotHeld),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BasketCommand, given};
    use super::*;

    #[test]
    fn only_what_is_held_is_given_up() {
        let remove = |ticket, minutes| {
            BasketCommand::Remove(RemoveTicket { ticket, now: given::after(minutes) })
        };
        let released = BasketEvent::TicketsReleased { tickets: vec![given::FIRST] };
        let decided = given::decided(given::two(), remove(given::FIRST, 4));
        assert_eq!(decided, Ok(vec![released]));
        let late = given::decided(given::two(), remove(given::FIRST, 5));
        assert_eq!(late, Err(BasketError::NotHeld));
        let nothing = given::decided(Vec::new(), remove(given::FIRST, 4));
        assert_eq!(nothing, Err(BasketError::NotHeld));
    }
}
