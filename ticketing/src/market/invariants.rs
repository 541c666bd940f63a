//! What must hold of the market at every moment, as questions to the history; `ticketing verify`
//! asks them.

use crate::verify::Invariant;

/// Each counts its violations.
pub const INVARIANTS: [Invariant; 7] = [
    Invariant {
        name: "a listing has one holder at a time",
        violations: "select count(*) from (select event_type, payload->>'order_id' as holder, \
                     lag(event_type) over w as before, lag(payload->>'order_id') over w as held_by \
                     from events where aggregate = 'listing' \
                     and event_type in ('Reserved', 'Sold', 'Released') \
                     window w as (partition by aggregate_id order by sequence)) x \
                     where event_type in ('Reserved', 'Sold') and before in ('Reserved', 'Sold') \
                     and holder <> held_by",
    },
    Invariant {
        name: "a ticket is sold only to the order that holds it",
        violations: "select count(*) from (select event_type, payload->>'order_id' as owner, \
                     lag(event_type) over w as before, lag(payload->>'order_id') over w as holder \
                     from events where aggregate = 'listing' \
                     and event_type in ('Reserved', 'Sold', 'Released') \
                     window w as (partition by aggregate_id order by sequence)) x \
                     where event_type = 'Sold' and (before is distinct from 'Reserved' \
                     or holder is distinct from owner)",
    },
    Invariant {
        name: "a sold ticket is released only with its refund",
        violations: "select count(*) from (select position, event_type, \
                     lag(event_type) over w as before, lag(payload->>'order_id') over w as owner \
                     from events where aggregate = 'listing' \
                     and event_type in ('Reserved', 'Sold', 'Released') \
                     window w as (partition by aggregate_id order by sequence)) x \
                     where event_type = 'Released' and before = 'Sold' \
                     and not exists (select 1 from events r where r.aggregate = 'order' \
                         and r.aggregate_id = x.owner::uuid and r.event_type = 'Refunded' \
                         and r.position < x.position)",
    },
    Invariant {
        name: "an order is completed at most once",
        violations: "select count(*) from (select aggregate_id from events where aggregate = 'order' \
                     and event_type = 'Completed' group by aggregate_id having count(*) > 1) x",
    },
    Invariant {
        name: "every completed order has its ticket, unless it was refunded",
        violations: "select count(*) from (select aggregate_id::text from events \
                     where aggregate = 'order' and event_type = 'Completed' \
                     except select payload->>'order_id' from events \
                     where aggregate = 'listing' and event_type = 'Sold') x",
    },
    Invariant {
        name: "money taken less money given back is what completed orders cost",
        violations: "with captured as (select s.aggregate_id as id, s.payload->>'order_id' as of_order, \
                         (s.payload->>'price_minor')::bigint as minor from events s \
                         join events c using (aggregate, aggregate_id) \
                         where s.aggregate = 'payment' and s.event_type = 'Started' \
                         and c.event_type = 'Captured'), \
                     back as (select aggregate_id as id from events \
                         where aggregate = 'payment' and event_type = 'RefundStarted'), \
                     kept as (select of_order, sum(minor) as minor from captured \
                         where id not in (select id from back) group by of_order), \
                     paid as (select p.aggregate_id::text as of_order, \
                         (p.payload->>'price_minor')::bigint as minor from events p \
                         where p.aggregate = 'order' and p.event_type = 'Placed' \
                         and exists (select 1 from events c where c.aggregate = 'order' \
                             and c.aggregate_id = p.aggregate_id and c.event_type = 'Completed' \
                             and c.payload->>'payment_id' not in (select id::text from back))) \
                     select count(*) from kept full join paid using (of_order) \
                     where kept.minor is distinct from paid.minor",
    },
    Invariant {
        name: "no payment is taken twice, nor given back twice",
        violations: "select count(*) from (select aggregate_id from events where aggregate = 'payment' \
                     group by aggregate_id, event_type having count(*) > 1) x",
    },
];
