//! Where a page of seats or tickets ended: they are listed by what they belong to and by their
//! places.

use std::fmt;

use shared_events::Place;
use uuid::Uuid;

use super::stadium_seats::number;

/// A place in a list of places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceKey {
    /// The stadium or the match.
    pub of: Uuid,
    /// Where.
    pub place: Place,
    /// The seat or the ticket.
    pub id: Uuid,
}

/// The key as columns, all of them null for the beginning.
pub type KeyColumns = (Option<Uuid>, Option<String>, Option<i32>, Option<i32>, Option<Uuid>);

impl fmt::Display for PlaceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { of, place: Place { section, row, number }, id } = self;
        // The section comes last, because it may hold anything.
        write!(f, "{of}/{id}/{row}/{number}/{section}")
    }
}

impl PlaceKey {
    /// Reads what was written.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(5, '/');
        let of = Uuid::parse_str(parts.next()?).ok()?;
        let id = Uuid::parse_str(parts.next()?).ok()?;
        let (row, number) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let section = parts.next()?.to_owned();
        Some(Self { of, place: Place { section, row, number }, id })
    }

    /// The key as columns.
    pub fn columns(&self) -> KeyColumns {
        let Self { of, place, id } = self;
        let section = Some(place.section.clone());
        (Some(*of), section, Some(number(place.row)), Some(number(place.number)), Some(*id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_list_reads_back() {
        let place = Place { section: "A/B".into(), row: 2, number: 3 };
        let key = PlaceKey { of: Uuid::from_u128(1), place, id: Uuid::from_u128(2) };
        assert_eq!(PlaceKey::parse(&key.to_string()), Some(key));
        for bad in ["", "/", "1/2/3/4/5"] {
            assert_eq!(PlaceKey::parse(bad), None, "{bad}");
        }
    }
}
