//! Replay equals live: the projection built from event 0 equals the one that lived through it all,
//! row by row.

use std::collections::BTreeSet;

use crate::chaos::audit::Audit;

pub(super) fn check(audit: &Audit) -> Vec<String> {
    let live: BTreeSet<&String> = audit.live.iter().collect();
    let rebuilt: BTreeSet<&String> = audit.rebuilt.iter().collect();
    let gone = live.difference(&rebuilt).map(|row| format!("no event explains {row}"));
    let missing = rebuilt.difference(&live).map(|row| format!("the live table lacked {row}"));
    let verified = audit.verified.iter().map(|text| format!("ticketing verify: {text}"));
    gone.chain(missing).chain(verified).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_rows_pass_and_any_difference_is_found() {
        let (a, b) = ("a".to_owned(), "b".to_owned());
        let of = |live: &[&String], rebuilt: &[&String]| Audit {
            live: live.iter().copied().cloned().collect(),
            rebuilt: rebuilt.iter().copied().cloned().collect(),
            ..Audit::default()
        };
        assert_eq!(check(&of(&[&a, &b], &[&b, &a])), Vec::<String>::new());
        assert_eq!(check(&of(&[&a, &b], &[&b])).len(), 1);
        assert_eq!(check(&of(&[&a], &[&b])).len(), 2);
        let failed = Audit { verified: Some("1 unexplained".into()), ..Audit::default() };
        assert_eq!(check(&failed).len(), 1);
    }
}
