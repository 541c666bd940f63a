//! Chance that a seed repeats: SplitMix64 (Steele, Lea and Flood 2014), which needs no crate and
//! never changes under us. Not for secrets.

use std::ops::Range;
use std::time::Duration;

/// FNV-1a's start and factor for 64 bits.
const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

/// A row of numbers that follows from where it began.
#[derive(Clone, Debug)]
pub struct Dice {
    state: u64,
}

impl Dice {
    /// The row that belongs to this seed and purpose: what one purpose draws changes nothing for
    /// another.
    pub fn of(seed: u64, purpose: &str) -> Self {
        let mixed = purpose
            .bytes()
            .fold(FNV_BASIS ^ seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV_PRIME));
        Self { state: mixed }
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 if the bound is 0. The tiny bias of the remainder does not matter
    /// here.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.roll().checked_rem(bound).unwrap_or(0)
    }

    /// True in so many of a hundred cases.
    pub fn in_a_hundred(&mut self, cases: u64) -> bool {
        self.below(100) < cases
    }

    /// A time within `range`, in whole milliseconds.
    pub fn between(&mut self, range: Range<Duration>) -> Duration {
        let width = range.end.saturating_sub(range.start).as_millis();
        let offset = self.below(u64::try_from(width).unwrap_or(u64::MAX));
        range.start + Duration::from_millis(offset)
    }

    /// One of these; `None` of nothing.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let index = self.below(of.len() as u64);
        of.get(usize::try_from(index).unwrap_or(0))
    }

    /// The same things in another order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, things: &mut [T]) {
        for last in (1..things.len()).rev() {
            let other = usize::try_from(self.below(last as u64 + 1)).unwrap_or(0);
            things.swap(last, other);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_purpose_give_the_same_row() {
        let row = |seed, purpose| {
            let mut dice = Dice::of(seed, purpose);
            [(); 5].map(|()| dice.roll())
        };
        assert_eq!(row(7, "plan"), row(7, "plan"));
        assert_ne!(row(7, "plan"), row(8, "plan"));
        assert_ne!(row(7, "plan"), row(7, "client 1"));
    }

    #[test]
    fn every_face_comes_up_and_none_beyond() {
        let mut dice = Dice::of(1, "faces");
        let mut seen = [0; 6];
        for _ in 0..600 {
            seen[usize::try_from(dice.below(6)).expect("small")] += 1;
        }
        assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
        let range = Duration::from_millis(5)..Duration::from_millis(7);
        assert!((0..100).all(|_| range.contains(&dice.between(range.clone()))));
    }

    #[test]
    fn shuffled_things_are_the_same_things() {
        let mut things: Vec<u32> = (0..50).collect();
        Dice::of(3, "order").shuffle(&mut things);
        assert_ne!(things, (0..50).collect::<Vec<_>>());
        things.sort_unstable();
        assert_eq!(things, (0..50).collect::<Vec<_>>());
    }
}
