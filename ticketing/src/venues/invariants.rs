//! What must hold of the venues at every moment, as questions to the history; `ticketing verify`
//! asks them.

use crate::verify::Invariant;

/// Each counts its violations.
pub const INVARIANTS: [Invariant; 14] = [
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
        // Released and held again by one append: two events side by side, at one time.
        name: "nobody is given a seat before the hold of somebody else has ended",
        violations: "select count(*) from (select event_type, recorded_at, \
                     lag(event_type) over w as before, lag((payload->>'until')::timestamptz) over w as until, \
                     lead(event_type) over w as after, lead(recorded_at) over w as next_at, \
                     position, lead(position) over w as next_position, \
                     lead(payload->>'buyer_id') over w as next_buyer, lag(payload->>'buyer_id') over w as buyer \
                     from events where aggregate = 'seat' \
                     window w as (partition by aggregate_id order by sequence)) x \
                     where event_type = 'Released' and before = 'Held' and after = 'Held' \
                     and next_position = position + 1 and next_at = recorded_at \
                     and next_buyer <> buyer and recorded_at < until",
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
        name: "what is sold is on sale, and no place of a match is sold twice",
        violations: "select (select count(*) from tickets where status = 'confirmed' and not on_sale) \
                     + (select count(*) from (select 1 from tickets where status = 'confirmed' \
                     group by fixture_id, section, row_number, seat_number having count(*) > 1) x)",
    },
    Invariant {
        name: "matches of one stadium follow each other, and each ends after it has begun",
        violations: "select (select count(*) from fixtures where ends_at <= starts_at) \
                     + (select count(*) from fixtures one join fixtures other using (stadium_id) \
                     where one.fixture_id < other.fixture_id and not one.cancelled and not other.cancelled \
                     and one.starts_at < other.ends_at and other.starts_at < one.ends_at)",
    },
    Invariant {
        name: "an access link is bought with once",
        violations: "select count(*) from (select aggregate_id from events where aggregate = 'access_right' \
                     and event_type = 'Used' group by aggregate_id having count(*) > 1) x",
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
        name: "each top-up that was taken is in its wallet, once",
        violations: "with taken as (select s.aggregate_id as id, s.payload->>'wallet_id' as wallet, \
                         (s.payload->>'price_minor')::bigint as minor from events s \
                         join events c using (aggregate, aggregate_id) where s.aggregate = 'top_up' \
                         and s.event_type = 'Started' and c.event_type = 'Captured'), \
                     posted as (select (payload->>'top_up_id')::uuid as id, aggregate_id::text as wallet, \
                         (payload->>'amount_minor')::bigint as minor from events \
                         where aggregate = 'wallet' and payload->>'cause' = 'top_up') \
                     select (select count(*) from taken full join posted using (id) \
                         where taken.wallet is distinct from posted.wallet \
                         or taken.minor is distinct from posted.minor) \
                     + (select count(*) from (select id from posted group by id having count(*) > 1) x)",
    },
    Invariant {
        name: "a purchase is paid with its buyer's wallet",
        violations: "select count(*) from events m join events o on o.aggregate = 'wallet' \
                     and o.aggregate_id = (m.payload->>'wallet_id')::uuid and o.event_type = 'Opened' \
                     where m.aggregate = 'purchase' and m.event_type = 'Made' \
                     and m.payload->>'buyer_id' <> o.payload->>'owner_id'",
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
