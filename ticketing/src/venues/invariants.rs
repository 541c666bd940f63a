//! What must hold of the venues at every moment, as questions to the history; `ticketing verify`
//! asks them.

use crate::verify::Invariant;

/// Each counts its violations.
pub const INVARIANTS: [Invariant; 9] = [
    Invariant {
        // A hold begins when the one before has ended: by an event, or at least by its time.
        name: "a seat has one holder at a time",
        violations: "select count(*) from (select event_type, payload->>'hold_id' as hold, \
                     lag(event_type) over w as before, lag(payload->>'hold_id') over w as hold_before \
                     from events where aggregate = 'seat' \
                     window w as (partition by aggregate_id order by sequence)) x \
                     where (event_type = 'Held' and before in ('Held', 'Sold')) \
                     or (event_type = 'Sold' and (before is distinct from 'Held' or hold_before <> hold)) \
                     or (event_type = 'Released' and (before is distinct from 'Held' or hold_before <> hold)) \
                     or (event_type = 'Returned' and before is distinct from 'Sold')",
    },
    Invariant {
        name: "nobody is given a seat before the hold of somebody else has ended",
        violations: "select count(*) from (select event_type, recorded_at, \
                     lag(event_type) over w as before, lag((payload->>'until')::timestamptz) over w as until, \
                     lead(event_type) over w as after, correlation, lead(correlation) over w as next_call, \
                     lead(payload->>'buyer_id') over w as next_buyer, lag(payload->>'buyer_id') over w as buyer \
                     from events where aggregate = 'seat' \
                     window w as (partition by aggregate_id order by sequence)) x \
                     where event_type = 'Released' and before = 'Held' and after = 'Held' \
                     and next_call = correlation and next_buyer <> buyer and recorded_at < until",
    },
    Invariant {
        name: "a seat is sold within the time of its hold",
        violations: "select count(*) from (select event_type, recorded_at, \
                     lag((payload->>'until')::timestamptz) over w as until from events where aggregate = 'seat' \
                     window w as (partition by aggregate_id order by sequence)) x \
                     where event_type = 'Sold' and (until is null or recorded_at >= until)",
    },
    Invariant {
        name: "no more seats of a match are sold than are on sale",
        violations: "select count(*) from (select e.aggregate_id from events e where e.aggregate = 'seat' \
                     and e.event_type = 'Sold' and e.position <= (select position from checkpoints \
                     where projection = 'venues') except select ticket_id from tickets) x",
    },
    Invariant {
        name: "a posting moves money between two accounts, one of them the wallet",
        violations: "select count(*) from events where aggregate = 'wallet' and event_type = 'Posted' \
                     and ((payload->>'amount_minor')::bigint <= 0 or payload->>'from' = payload->>'to' \
                     or 'wallet' not in (payload->>'from', payload->>'to'))",
    },
    Invariant {
        name: "the ledger sums to zero, and wallets hold what their postings say",
        violations: "select (select count(*) from (select transaction_id from ledger \
                     group by transaction_id having sum(amount_minor) <> 0 or count(*) <> 2) x) \
                     + (select count(*) from wallets w where balance_minor <> (select coalesce(sum(amount_minor), 0) \
                     from ledger l where l.wallet_id = w.wallet_id and account = 'wallet'))",
    },
    Invariant {
        name: "no wallet was ever below zero",
        violations: "select count(*) from (select sum(case when event_type <> 'Posted' then 0 \
                     when payload->>'to' = 'wallet' then (payload->>'amount_minor')::bigint \
                     else -(payload->>'amount_minor')::bigint end) \
                     over (partition by aggregate_id order by sequence) as balance \
                     from events where aggregate = 'wallet') x where balance < 0",
    },
    Invariant {
        name: "each purchase has its seats, and what they cost was paid once",
        violations: "with made as (select aggregate_id as id, (payload->>'price_minor')::bigint as total, \
                         payload->'tickets' as tickets from events \
                         where aggregate = 'purchase' and event_type = 'Made'), \
                     paid as (select (payload->>'purchase_id')::uuid as id, \
                         sum((payload->>'amount_minor')::bigint) as paid from events \
                         where aggregate = 'wallet' and payload->>'cause' = 'purchase' group by 1), \
                     sold as (select (payload->>'purchase_id')::uuid as id, count(*) as seats from events \
                         where aggregate = 'seat' and event_type = 'Sold' group by 1) \
                     select count(*) from made full join paid using (id) full join sold using (id) \
                     where paid is distinct from total or seats is distinct from jsonb_array_length(tickets) \
                     or total is distinct from (select sum((t->>'price_minor')::bigint) \
                         from jsonb_array_elements(tickets) t)",
    },
    Invariant {
        name: "each refund has given back its seats and its money, once",
        violations: "with refunded as (select r.aggregate_id as id, (m.payload->>'price_minor')::bigint as total, \
                         jsonb_array_length(m.payload->'tickets') as tickets from events r \
                         join events m using (aggregate, aggregate_id) \
                         where r.aggregate = 'purchase' and r.event_type = 'Refunded' and m.event_type = 'Made'), \
                     back as (select (payload->>'purchase_id')::uuid as id, \
                         sum((payload->>'amount_minor')::bigint) as back from events \
                         where aggregate = 'wallet' and payload->>'cause' = 'refund' group by 1), \
                     returned as (select (payload->>'purchase_id')::uuid as id, count(*) as seats from events \
                         where aggregate = 'seat' and event_type = 'Returned' group by 1) \
                     select count(*) from refunded full join back using (id) full join returned using (id) \
                     where back is distinct from total or seats is distinct from tickets",
    },
];
