//! What must hold of the links at every moment, as questions to the history; `ticketing verify`
//! asks them.

use crate::verify::Invariant;

/// Each counts its violations.
pub const INVARIANTS: [Invariant; 4] = [
    Invariant {
        name: "a link is used at most once",
        violations: "select count(*) from (select aggregate_id from events where aggregate = 'link_request' \
                     and event_type = 'TicketBought' group by aggregate_id having count(*) > 1) x",
    },
    Invariant {
        name: "a request has at most one verdict and one link",
        violations: "select count(*) from (select aggregate_id from events where aggregate = 'link_request' \
                     and event_type in ('RuleEvaluated', 'LinkIssued') \
                     group by aggregate_id, event_type having count(*) > 1) x",
    },
    Invariant {
        name: "a link is used within its time",
        violations: "select count(*) from events b join events r using (aggregate, aggregate_id) \
                     where b.aggregate = 'link_request' and b.event_type = 'TicketBought' \
                     and r.event_type = 'RuleEvaluated' \
                     and not ((b.payload->>'bought_at')::timestamptz >= (r.payload->>'opens_at')::timestamptz \
                          and (b.payload->>'bought_at')::timestamptz < (r.payload->>'closes_at')::timestamptz)",
    },
    Invariant {
        name: "a link is used only after it was issued",
        violations: "select count(*) from events b where b.aggregate = 'link_request' \
                     and b.event_type = 'TicketBought' and not exists (select 1 from events i \
                     where i.aggregate = b.aggregate and i.aggregate_id = b.aggregate_id \
                     and i.event_type = 'LinkIssued' and i.sequence < b.sequence)",
    },
];
