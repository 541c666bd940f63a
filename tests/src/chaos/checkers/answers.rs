//! Honest answers: whoever can not be served is told so, with the time to try again; nothing fails
//! in any other way.

use crate::chaos::findings::Findings;
use crate::chaos::journal::{Action, Call};

pub(super) fn check(findings: &Findings) -> Vec<String> {
    findings.calls.iter().filter_map(complaint).collect()
}

fn complaint(call: &Call) -> Option<String> {
    let reply = call.reply()?;
    let expected: &[u16] = match call.action {
        Action::Register => &[201, 409],
        Action::LogIn => &[200],
        Action::Request => &[201, 409],
        Action::Check => &[200, 410],
        Action::Buy => &[200, 400, 409],
        Action::List | Action::Order => &[201, 409],
        Action::Pay => &[201, 202, 402, 409],
        Action::Cancel => &[200, 409],
        Action::GiveBack => &[200, 202, 409],
        Action::Prepare => &[201],
        Action::Reserve | Action::GiveUp | Action::Purchase | Action::Refund => &[200, 409],
        Action::Announce | Action::Change | Action::Apply => &[200, 409],
        Action::Accept | Action::Decline | Action::Withdraw | Action::Confirm => &[200, 409],
        Action::CallOff | Action::Leave => &[200],
    };
    if reply.status == 503 && !reply.retry_after {
        return Some(format!("call {} got 503 without Retry-After", call.number));
    }
    if reply.status != 503 && !expected.contains(&reply.status) {
        return Some(format!("call {}, a {:?}, got {reply:?}", call.number, call.action));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chaos::checkers::sample::{answered, call, sound};

    #[test]
    fn a_server_that_is_away_says_when_to_come_back() {
        assert_eq!(check(&sound()), Vec::<String>::new());
        let mut findings = sound();
        findings.calls.push(call(9, Action::Check, None, answered(503)));
        assert_eq!(check(&findings).len(), 1);
    }

    #[test]
    fn any_other_failure_is_a_lie() {
        for (action, status) in [(Action::Request, 500), (Action::Check, 404), (Action::Buy, 401)] {
            let mut findings = sound();
            findings.calls.push(call(9, action, None, answered(status)));
            assert_eq!(check(&findings).len(), 1, "{action:?} {status}");
        }
    }
}
