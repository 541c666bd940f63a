//! What must hold of the outings at every moment, as questions to the history; `ticketing verify`
//! asks them.

use crate::verify::Invariant;

/// Each counts its violations. What host and guest of a booking last said is found by the sequence
/// of the event that says it: the last sequence, doubled, and one more for a yes.
pub const INVARIANTS: [Invariant; 4] = [
    Invariant {
        name: "an announcement never has more guests than places",
        violations: "with said as (select aggregate_id, sequence, payload->>'booking_id' as booking, \
                         max(case when event_type in ('Applied', 'Confirmed') then sequence * 2 + 1 \
                             when event_type in ('Withdrawn', 'Removed') then sequence * 2 end) over w as guest, \
                         max(case when event_type = 'Accepted' then sequence * 2 + 1 \
                             when event_type = 'Declined' then sequence * 2 end) over w as host \
                         from events where aggregate = 'announcement' \
                         and event_type in ('Applied', 'Confirmed', 'Withdrawn', 'Removed', 'Accepted', 'Declined') \
                         window w as (partition by aggregate_id, payload->>'booking_id' order by sequence)), \
                     has as (select aggregate_id, sequence, booking, \
                         (coalesce(guest, 0) % 2) * (coalesce(host, 0) % 2) as place from said), \
                     steps as (select aggregate_id, sequence, \
                         place - coalesce(lag(place) over (partition by aggregate_id, booking order by sequence), 0) \
                             as step, null::bigint as places from has \
                         union all select aggregate_id, sequence, 0, \
                             sequence * 10000 + (payload->>'places')::bigint from events \
                             where aggregate = 'announcement' and event_type in ('Announced', 'PlacesChanged')), \
                     running as (select sum(step) over w as taken, max(places) over w % 10000 as places \
                         from steps window w as (partition by aggregate_id order by sequence)) \
                     select count(*) from running where taken > places",
    },
    Invariant {
        name: "nobody is at two outings at a time",
        violations: "with times as (select aggregate_id, sequence, event_type, \
                         payload->>'announcement_id' as outing, (payload->>'starts_at')::timestamptz as starts, \
                         (payload->>'ends_at')::timestamptz as ends, \
                         lead(sequence) over (partition by aggregate_id, payload->>'announcement_id' order by sequence) \
                             as until \
                         from events where aggregate = 'engagements') \
                     select count(*) from times earlier join times later \
                         on later.aggregate_id = earlier.aggregate_id and later.sequence > earlier.sequence \
                         and (earlier.until is null or later.sequence < earlier.until) \
                         and later.outing <> earlier.outing \
                         and later.starts < earlier.ends and earlier.starts < later.ends \
                     where earlier.event_type = 'Engaged' and later.event_type = 'Engaged'",
    },
    Invariant {
        name: "only who was there rates, and when it is over",
        violations: "with said as (select payload->>'booking_id' as booking, \
                         max(case when event_type in ('Applied', 'Confirmed') then sequence * 2 + 1 \
                             when event_type in ('Withdrawn', 'Removed') then sequence * 2 end) % 2 as guest, \
                         max(case when event_type = 'Accepted' then sequence * 2 + 1 \
                             when event_type = 'Declined' then sequence * 2 end) % 2 as host, \
                         max(payload->>'guest_id') as guest_id, min(aggregate_id::text) as outing \
                         from events where aggregate = 'announcement' and payload ? 'booking_id' \
                         group by payload->>'booking_id'), \
                     spans as (select distinct on (aggregate_id) aggregate_id::text as outing, \
                         (payload->>'starts_at')::timestamptz \
                             + make_interval(mins => (payload->>'duration_minutes')::int) as ends, \
                         first_value(payload->>'host_id') over (partition by aggregate_id order by sequence) as host_id \
                         from events where aggregate = 'announcement' and event_type in ('Announced', 'Moved') \
                         order by aggregate_id, sequence desc) \
                     select count(*) from events r \
                     left join said on said.booking = r.payload->>'booking_id' \
                         and said.outing = r.payload->>'announcement_id' \
                     left join spans on spans.outing = r.payload->>'announcement_id' \
                     where r.aggregate = 'rating' and r.event_type = 'Rated' and not coalesce( \
                         said.guest = 1 and said.host = 1 and r.recorded_at >= spans.ends \
                         and case r.payload->>'side' \
                             when 'host' then r.payload->>'author_id' = spans.host_id \
                                 and r.payload->>'about_id' = said.guest_id \
                             else r.payload->>'author_id' = said.guest_id \
                                 and r.payload->>'about_id' = spans.host_id end, false)",
    },
    Invariant {
        name: "each rates the other once, with 1 to 5",
        violations: "select (select count(*) from (select 1 from events where aggregate = 'rating' \
                         and event_type = 'Rated' group by payload->>'announcement_id', payload->>'author_id', \
                         payload->>'about_id' having count(*) > 1) twice) \
                     + (select count(*) from events where aggregate = 'rating' \
                         and event_type in ('Rated', 'Revised') \
                         and (payload->>'score')::int not between 1 and 5)",
    },
];
