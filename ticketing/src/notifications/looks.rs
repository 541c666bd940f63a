//! Where looking for what became due stands: a look begins shortly before the last one, or as far
//! back as anything is sent, and goes on page by page until it has seen all, or fails. Not here:
//! what is found (`deliveries.rs`).

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;
use uuid::Uuid;

use super::deliveries::{Place, STALE};

/// How far back it looks, before the last look: what is projected later is found by a thorough
/// look.
const GLANCE: TimeDelta = TimeDelta::minutes(5);
/// How often it looks as far back as anything is sent.
const THOROUGH: Duration = Duration::from_secs(30);

/// A look at what became due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    begun: DateTime<Utc>,
    /// What comes after this place is not seen yet.
    pub(super) after: Place,
}

/// How far a look came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looked {
    /// Where it goes on; `None` if it has seen all.
    pub(super) more: Option<Place>,
    /// Whether something was held back.
    pub(super) held_back: bool,
}

/// What a worker has looked at.
#[derive(Debug)]
pub(super) struct Looks {
    /// When the last look began that has seen all.
    seen: DateTime<Utc>,
    /// When it looks thoroughly again.
    thorough: Instant,
    /// The look that has not seen all yet.
    open: Option<Look>,
}

impl Looks {
    /// The first look is thorough.
    pub(super) fn new(now: DateTime<Utc>, at: Instant) -> Self {
        Self { seen: now, thorough: at, open: None }
    }

    /// The look that goes on, or a new one.
    pub(super) fn next(&mut self, now: DateTime<Utc>, at: Instant) -> Look {
        if let Some(open) = self.open {
            return open;
        }
        let mut due_at = (self.seen - GLANCE).max(now - STALE);
        if at >= self.thorough {
            self.thorough = at + THOROUGH;
            due_at = now - STALE;
        }
        let look = Look { begun: now, after: Place { due_at, id: Uuid::max() } };
        self.open = Some(look);
        look
    }

    /// Notes how far a look came, `None` if it failed; whether it goes on. If something was held
    /// back, it will be looked for again. What a look that failed would have seen is left for the
    /// next thorough one: what is due now is found however hard it is to look far back.
    pub(super) fn note(&mut self, look: Look, looked: Option<Looked>) -> bool {
        let more = looked.and_then(|looked| looked.more);
        self.open = more.map(|after| Look { after, ..look });
        if looked.is_some_and(|looked| looked.more.is_none() && !looked.held_back) {
            self.seen = look.begun;
        }
        more.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::minutes(minutes)
    }

    fn came(more: Option<Place>, held_back: bool) -> Option<Looked> {
        Some(Looked { more, held_back })
    }

    #[test]
    fn a_look_goes_on_until_it_has_seen_all() {
        let real = Instant::now();
        let mut looks = Looks::new(at(0), real);
        let thorough = looks.next(at(0), real);
        assert_eq!(thorough.after.due_at, at(0) - STALE);
        let place = Place { due_at: at(-60), id: Uuid::nil() };
        assert!(looks.note(thorough, came(Some(place), false)));
        let later = looks.next(at(1), real);
        assert_eq!(later.after, place, "the next page of the same look");
        assert!(!looks.note(later, came(None, false)));
        assert_eq!(looks.next(at(2), real).after.due_at, at(0) - GLANCE, "since it began");
    }

    #[test]
    fn after_a_look_that_failed_comes_a_glance() {
        let real = Instant::now();
        let mut looks = Looks::new(at(0), real);
        for round in 0..3 {
            let now = real + THOROUGH * round;
            let thorough = looks.next(at(0), now);
            assert_eq!(thorough.after.due_at, at(0) - STALE);
            assert!(!looks.note(thorough, None));
            let glance = looks.next(at(0), now);
            assert_eq!(glance.after.due_at, at(0) - GLANCE);
            assert!(!looks.note(glance, came(None, false)));
        }
    }

    #[test]
    fn what_was_held_back_is_looked_for_again() {
        let real = Instant::now();
        let mut looks = Looks::new(at(0), real);
        let first = looks.next(at(0), real);
        looks.note(first, came(None, true));
        assert_eq!(looks.next(at(60), real).after.due_at, at(0) - GLANCE);
        let thorough = Looks::new(at(0), real).next(at(60), real + THOROUGH);
        assert_eq!(thorough.after.due_at, at(60) - STALE);
    }
}
