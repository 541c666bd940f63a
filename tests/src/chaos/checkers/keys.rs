//! One key, one result; and once it has one it is never refused.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use uuid::Uuid;

use crate::chaos::findings::Findings;
use crate::chaos::journal::{Action, Call, Reply};

/// What is wrong with the keys of these calls.
pub(super) fn of(findings: &Findings, actions: &[Action]) -> Vec<String> {
    let mut by_key: HashMap<Uuid, Vec<&Call>> = HashMap::new();
    for call in findings.calls.iter().filter(|call| actions.contains(&call.action)) {
        if let Some(key) = call.key {
            by_key.entry(key).or_default().push(call);
        }
    }
    let is_yes = |reply: &Reply| (200..300).contains(&reply.status);
    let mut wrong = Vec::new();
    for (key, calls) in by_key {
        let replies = calls.iter().filter_map(|call| call.reply());
        let results: HashSet<_> = replies.filter(|reply| is_yes(reply)).collect();
        if results.len() > 1 {
            wrong.push(format!("the key {key} has {} results", results.len()));
        }
        let yes = calls.iter().filter(|call| call.reply().is_some_and(is_yes));
        let known: Option<Duration> = yes.filter_map(|call| call.ended).min();
        let refused = |call: &&&Call| call.reply().is_some_and(|r| r.is_definite() && !is_yes(r));
        for call in calls.iter().filter(refused) {
            if known.is_some_and(|known| call.began > known) {
                wrong.push(format!("call {} was refused after its key had a result", call.number));
            }
        }
    }
    wrong
}
