//! Which faults are planned, and how often each has really happened: shared by a proxy's handle and
//! all of its connections.
//!
//! Not here: how a fault is done; that is known where the bytes pass.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde::Serialize;
use tokio::sync::watch;

/// What breaks an invariant for good, so that a checker's control can show that it turns red.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// AMQP: every publish on a confirming channel is confirmed by the proxy as soon as it has
    /// passed; the broker's own confirms and refusals are swallowed. What the broker then loses,
    /// nobody notices.
    NoConfirm,
    /// AMQP: clears the `mandatory` bit of every publish: no message is ever returned.
    NoMandatory,
    /// AMQP: acknowledges each delivery as soon as it has passed, swallows what the client says of
    /// it. For consumers that acknowledge; one that said `no-ack` would be closed by the broker.
    AckFirst,
}

/// How often each fault has really happened since the proxy started. A planned fault that never
/// fired proves nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fired {
    /// Connections closed by [`super::Proxy::cut`] or because sabotage began.
    pub cut: usize,
    /// Connections held by [`super::Proxy::silence`], new ones among them.
    pub silenced: usize,
    /// Connections that were refused.
    pub refused: usize,
    /// Answers of Postgres to a committed statement that were lost.
    pub commit_replies_lost: usize,
    /// Confirms of the broker that were lost.
    pub confirms_lost: usize,
    /// Acknowledgements of a consumer that were lost.
    pub acks_lost: usize,
    /// Connections cut in the middle of a frame.
    pub cut_mid_frame: usize,
    /// Messages that were published three times.
    pub repeated: usize,
    /// Publishes that the proxy confirmed itself.
    pub confirms_forged: usize,
    /// `mandatory` bits cleared.
    pub mandatory_cleared: usize,
    /// Deliveries that the proxy acknowledged itself.
    pub acks_forged: usize,
    /// Connections ended because the proxy could not read what passed: no fault, but a defect of
    /// the proxy or of the system. Always 0 in a good run.
    pub garbled: usize,
}

/// A fault that strikes as often as it is planned.
#[derive(Debug, Default)]
pub(super) struct Fault {
    planned: AtomicUsize,
    fired: AtomicUsize,
}

impl Fault {
    /// From now on it strikes the next `count` times it can, whatever was planned before.
    pub(super) fn plan(&self, count: usize) {
        self.planned.store(count, Ordering::SeqCst);
    }

    /// Takes one of the planned times and counts it; false if none is left.
    pub(super) fn strike(&self) -> bool {
        let take = |planned: usize| planned.checked_sub(1);
        let struck = self.planned.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok();
        if struck {
            self.count();
        }
        struck
    }

    /// Counts one that was not planned by number.
    pub(super) fn count(&self) {
        self.fired.fetch_add(1, Ordering::SeqCst);
    }

    fn fired(&self) -> usize {
        self.fired.load(Ordering::SeqCst)
    }
}

/// Everything planned for one proxy.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// Nothing passes while it is true.
    pub(super) silent: watch::Sender<bool>,
    pub(super) refusing: AtomicBool,
    pub(super) repeating: AtomicBool,
    pub(super) no_confirm: AtomicBool,
    pub(super) no_mandatory: AtomicBool,
    pub(super) ack_first: AtomicBool,
    pub(super) cut: Fault,
    pub(super) silenced: Fault,
    pub(super) refused: Fault,
    pub(super) commit_replies: Fault,
    pub(super) confirms: Fault,
    pub(super) acks: Fault,
    pub(super) frames: Fault,
    pub(super) repeated: Fault,
    pub(super) confirms_forged: Fault,
    pub(super) mandatory_cleared: Fault,
    pub(super) acks_forged: Fault,
    pub(super) garbled: Fault,
}

impl Faults {
    /// Nothing is planned any more; sabotage and the counts stay.
    pub(super) fn clear(&self) {
        for fault in [&self.commit_replies, &self.confirms, &self.acks, &self.frames] {
            fault.plan(0);
        }
        self.refusing.store(false, Ordering::SeqCst);
        self.repeating.store(false, Ordering::SeqCst);
        self.silent.send_replace(false);
    }

    pub(super) fn sabotage(&self, which: Sabotage) {
        let mode = match which {
            Sabotage::NoConfirm => &self.no_confirm,
            Sabotage::NoMandatory => &self.no_mandatory,
            Sabotage::AckFirst => &self.ack_first,
        };
        mode.store(true, Ordering::SeqCst);
    }

    pub(super) fn fired(&self) -> Fired {
        Fired {
            cut: self.cut.fired(),
            silenced: self.silenced.fired(),
            refused: self.refused.fired(),
            commit_replies_lost: self.commit_replies.fired(),
            confirms_lost: self.confirms.fired(),
            acks_lost: self.acks.fired(),
            cut_mid_frame: self.frames.fired(),
            repeated: self.repeated.fired(),
            confirms_forged: self.confirms_forged.fired(),
            mandatory_cleared: self.mandatory_cleared.fired(),
            acks_forged: self.acks_forged.fired(),
            garbled: self.garbled.fired(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_as_often_as_planned_and_counts_only_that() {
        let fault = Fault::default();
        assert!(!fault.strike());
        fault.plan(2);
        assert!(fault.strike() && fault.strike() && !fault.strike());
        assert_eq!(fault.fired(), 2);
    }

    #[test]
    fn a_plan_replaces_the_one_before() {
        let fault = Fault::default();
        fault.plan(5);
        fault.plan(1);
        assert!(fault.strike() && !fault.strike());
    }

    #[test]
    fn clearing_ends_every_fault_but_no_sabotage() {
        let faults = Faults::default();
        let planned = [&faults.commit_replies, &faults.confirms, &faults.acks, &faults.frames];
        planned.iter().for_each(|fault| fault.plan(1));
        faults.refusing.store(true, Ordering::SeqCst);
        faults.repeating.store(true, Ordering::SeqCst);
        faults.silent.send_replace(true);
        faults.sabotage(Sabotage::NoConfirm);
        faults.clear();
        assert!(planned.iter().all(|fault| !fault.strike()));
        let still = [&faults.refusing, &faults.repeating].map(|on| on.load(Ordering::SeqCst));
        assert_eq!((still, *faults.silent.borrow()), ([false, false], false));
        assert!(faults.no_confirm.load(Ordering::SeqCst));
        assert_eq!(faults.fired(), Fired::default());
    }
}
