//! A sound history for the checkers' tests: one request that was asked for twice with one key,
//! judged, issued and used once against a rival.

use std::time::Duration;

use uuid::Uuid;

use crate::chaos::findings::{Event, Findings, Progress, QueueState, StatusRow};
use crate::chaos::journal::{Action, Call, Outcome, Reply};

/// The request.
pub(super) const REQUEST: Uuid = Uuid::from_u128(100);

fn event(position: i64, kind: &str) -> Event {
    let id = Uuid::from_u128(1_000 + u128::from(position.unsigned_abs()));
    Event { position, id, request: REQUEST, sequence: position, kind: kind.to_owned() }
}

/// A call that was answered in the second `at`.
pub(super) fn call(at: u64, action: Action, key: Option<u128>, reply: Reply) -> Call {
    Call {
        number: 0,
        client: 0,
        replica: 0,
        action,
        key: key.map(Uuid::from_u128),
        about: (action != Action::Request).then_some(REQUEST),
        began: Duration::from_secs(at),
        ended: Some(Duration::from_secs(at) + Duration::from_millis(100)),
        outcome: Some(Outcome::Answered(reply)),
    }
}

/// An answer with this status.
pub(super) fn answered(status: u16) -> Reply {
    Reply { status, ..Reply::default() }
}

/// An answer with this status and code.
pub(super) fn refused(status: u16, code: &str) -> Reply {
    Reply { code: Some(code.to_owned()), ..answered(status) }
}

/// The answer that a request was made.
pub(super) fn made(id: Uuid) -> Reply {
    Reply { made: Some(id), ..answered(201) }
}

/// An answer to a check that has the link.
pub(super) fn link() -> Reply {
    Reply { link: true, ..answered(200) }
}

/// All of it.
pub(super) fn sound() -> Findings {
    let kinds = ["Requested", "RuleEvaluated", "LinkIssued", "TicketBought"];
    let unavailable = Reply { retry_after: true, ..refused(503, "unavailable") };
    let lost = Call {
        outcome: Some(Outcome::Lost("cut".into())),
        ..call(1, Action::Request, Some(1), Reply::default())
    };
    Findings {
        calls: vec![
            call(0, Action::Request, Some(1), unavailable),
            lost,
            call(2, Action::Request, Some(1), made(REQUEST)),
            call(3, Action::Request, Some(1), made(REQUEST)),
            call(4, Action::Check, None, answered(200)),
            call(5, Action::Check, None, link()),
            call(6, Action::Buy, Some(2), answered(200)),
            call(6, Action::Buy, Some(3), refused(400, "link_used")),
            call(7, Action::Check, None, refused(410, "link_gone")),
        ],
        events: (1..).zip(kinds).map(|(position, kind)| event(position, kind)).collect(),
        accounts: 0,
        status: vec![StatusRow { stream: REQUEST, sequence: 4 }],
        links: Progress { relayed: 4, projected: 4 },
        queues: vec![QueueState { name: "a".into(), ready: 0 }],
        ..Findings::default()
    }
}
