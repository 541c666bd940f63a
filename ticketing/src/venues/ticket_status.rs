//! The state of a ticket as the original system numbers it; we answer number and word.

/// Whose a ticket is, or why it is nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketStatus {
    /// Somebody holds it for a while.
    Reserved,
    /// It is not on sale any more, or its match is cancelled.
    Cancelled,
    /// Somebody has bought it.
    Confirmed,
    /// Whoever comes first may have it.
    Empty,
    /// Its match has begun, and nobody has bought it.
    Expired,
}

impl TicketStatus {
    /// All of them, by their numbers.
    pub const ALL: [Self; 5] =
        [Self::Reserved, Self::Cancelled, Self::Confirmed, Self::Empty, Self::Expired];

    /// The number on the wire, 1 to 5.
    pub fn number(self) -> u8 {
        match self {
            Self::Reserved => 1,
            Self::Cancelled => 2,
            Self::Confirmed => 3,
            Self::Empty => 4,
            Self::Expired => 5,
        }
    }

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Cancelled => "cancelled",
            Self::Confirmed => "confirmed",
            Self::Empty => "empty",
            Self::Expired => "expired",
        }
    }

    /// The state of this number.
    pub fn of(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.number() == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_original() {
        for (number, name) in
            [(1, "reserved"), (2, "cancelled"), (3, "confirmed"), (4, "empty"), (5, "expired")]
        {
            assert_eq!(TicketStatus::of(number).map(TicketStatus::as_str), Some(name));
        }
        assert_eq!(TicketStatus::of(0), None);
    }
}
