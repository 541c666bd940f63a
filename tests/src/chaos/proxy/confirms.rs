//! The confirms of one channel when messages are published more often than the client did: what the
//! broker confirms, in its numbers, as what the client hears, in its own.
//!
//! Not here: which messages are repeated, and frames.

use std::collections::{BTreeMap, HashMap};

/// What a client's publish still waits for.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    copies: usize,
    taken: bool,
}

/// Both sides number the publishes of a channel from 1, in order.
#[derive(Debug, Default)]
pub(super) struct Confirms {
    sent: u64,
    published: u64,
    /// The client's number for each number of the broker's that is not yet answered.
    unanswered: BTreeMap<u64, u64>,
    waiting: HashMap<u64, Waiting>,
}

/// What a client hears of its publish.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The client's number.
    pub(super) tag: u64,
    /// Confirmed, or refused if the broker refused any copy.
    pub(super) taken: bool,
}

impl Confirms {
    /// The client has published; it is sent on `copies` times. Its number for it.
    pub(super) fn publish(&mut self, copies: usize) -> u64 {
        self.published += 1;
        for _ in 0..copies {
            self.sent += 1;
            self.unanswered.insert(self.sent, self.published);
        }
        self.waiting.insert(self.published, Waiting { copies, taken: true });
        self.published
    }

    /// Nobody waits any more for what was published so far.
    pub(super) fn forget(&mut self) {
        self.unanswered.clear();
        self.waiting.clear();
    }

    /// Whether the client's numbers are no longer the broker's.
    pub(super) fn differ(&self) -> bool {
        self.sent != self.published
    }

    /// The broker has answered for its number `tag`, or for all up to it; what is thereby settled,
    /// in order.
    pub(super) fn answer(&mut self, tag: u64, multiple: bool, taken: bool) -> Vec<Verdict> {
        let answered: Vec<u64> = if multiple {
            let later = self.unanswered.split_off(&tag.saturating_add(1));
            std::mem::replace(&mut self.unanswered, later).into_values().collect()
        } else {
            self.unanswered.remove(&tag).into_iter().collect()
        };
        answered.into_iter().filter_map(|tag| self.copy_answered(tag, taken)).collect()
    }

    fn copy_answered(&mut self, tag: u64, taken: bool) -> Option<Verdict> {
        let waiting = self.waiting.get_mut(&tag)?;
        waiting.copies -= 1;
        waiting.taken &= taken;
        let settled = *waiting;
        if settled.copies > 0 {
            return None;
        }
        self.waiting.remove(&tag);
        Some(Verdict { tag, taken: settled.taken })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(verdicts: &[Verdict]) -> Vec<(u64, bool)> {
        verdicts.iter().map(|verdict| (verdict.tag, verdict.taken)).collect()
    }

    #[test]
    fn a_message_is_confirmed_when_all_its_copies_are() {
        let mut confirms = Confirms::default();
        assert_eq!((confirms.publish(1), confirms.differ()), (1, false));
        assert_eq!((confirms.publish(3), confirms.differ()), (2, true));
        assert_eq!(confirms.publish(1), 3);
        assert_eq!(heard(&confirms.answer(5, false, true)), [(3, true)]);
        assert!(confirms.answer(4, false, true).is_empty());
        assert!(confirms.answer(2, false, true).is_empty());
        assert_eq!(heard(&confirms.answer(3, false, true)), [(2, true)]);
        assert_eq!(heard(&confirms.answer(1, false, true)), [(1, true)]);
    }

    #[test]
    fn a_confirm_of_several_settles_what_is_complete() {
        let mut confirms = Confirms::default();
        let tags = [(); 3].map(|()| confirms.publish(3));
        assert_eq!(tags, [1, 2, 3]);
        assert_eq!(heard(&confirms.answer(8, true, true)), [(1, true), (2, true)]);
        assert_eq!(heard(&confirms.answer(9, true, true)), [(3, true)]);
        assert!(confirms.answer(9, true, true).is_empty(), "answered once");
    }

    #[test]
    fn a_message_is_refused_if_one_copy_is() {
        let mut confirms = Confirms::default();
        confirms.publish(3);
        assert!(confirms.answer(2, false, false).is_empty());
        assert_eq!(heard(&confirms.answer(3, true, true)), [(1, false)]);
    }
}
