//! No residue: no transaction is left open, no message unacknowledged, and the services hold no
//! more descriptors and memory than after their warm-up, up to a tenth.

use crate::chaos::audit::Audit;
use crate::chaos::world::usage::Usage;

/// More than this by a tenth is residue.
const TENTH: f64 = 0.1;
/// A process this small wobbles by more than a tenth: one thread's stack, one buffer.
const WOBBLE: f64 = 6.0;

pub(super) fn check(audit: &Audit) -> Vec<String> {
    let mut wrong: Vec<String> =
        audit.transactions.iter().map(|text| format!("left open: {text}")).collect();
    if audit.unacknowledged > 0 {
        wrong.push(format!("{} messages are unacknowledged", audit.unacknowledged));
    }
    for after in &audit.after {
        match audit.before.iter().find(|before| before.name == after.name) {
            Some(before) => grown(before, after, &mut wrong),
            None => wrong.push(format!("{} was not measured before", after.name)),
        }
    }
    wrong
}

fn grown(before: &Usage, after: &Usage, wrong: &mut Vec<String>) {
    let name = &after.name;
    for (what, before, after) in [
        ("descriptors", before.descriptors as f64, after.descriptors as f64),
        ("MiB", before.resident, after.resident),
    ] {
        if after > before + (before * TENTH).max(WOBBLE) {
            wrong.push(format!("{name} holds {after:.0} {what}, after its warm-up {before:.0}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(descriptors: usize, resident: f64) -> Vec<Usage> {
        vec![Usage { name: "rules-1".into(), pid: 1, descriptors, resident }]
    }

    #[test]
    fn what_holds_no_more_than_before_passes() {
        for after in [usage(100, 100.0), usage(110, 109.0), usage(20, 10.0)] {
            let audit = Audit { before: usage(100, 100.0), after, ..Audit::default() };
            assert_eq!(check(&audit), Vec::<String>::new());
        }
    }

    #[test]
    fn what_is_left_over_is_found() {
        for after in [usage(120, 100.0), usage(100, 120.0)] {
            let audit = Audit { before: usage(100, 100.0), after, ..Audit::default() };
            assert_eq!(check(&audit).len(), 1);
        }
        assert_eq!(check(&Audit { unacknowledged: 1, ..Audit::default() }).len(), 1);
        let open = vec!["ticketing: idle in transaction".to_owned()];
        assert_eq!(check(&Audit { transactions: open, ..Audit::default() }).len(), 1);
        assert_eq!(check(&Audit { after: usage(1, 1.0), ..Audit::default() }).len(), 1);
    }
}
