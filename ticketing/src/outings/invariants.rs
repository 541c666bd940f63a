//! What must hold of the outings at every moment, as questions to the history; `ticketing verify`
//! asks them.

use crate::verify::Invariant;

/// Each counts its violations. What host and guest of a booking last said is found by the sequence
/// of the event that says it: the last sequence, doubled, and one more for a yes.
pub const INVARIANTS: [Invariant; 5] = [
    // A place is taken where both last said yes, 1 * 1; each event changes that by -1, 0 or 1, and
    // the running sum is what is taken. The places that hold are found like what was said last: the
    // greatest sequence, ten thousandfold, and the number added.
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
    // A time holds from its event until the next one of the same person about the same outing
    // (`until`). Two that hold at once are found at the later one.
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
    // `wanted` are the host, and who has a booking to which neither says no, each at the outing's
    // time; `engaged` is what engagements last said of each outing: at it, or waiting for it. What
    // is over is in both for good, because nothing is said of it any more. The full join leaves
    // what has no partner on either side, `is distinct from` what has one at another time. Guests
    // follow one after the other: while a deadline for that is open, nothing is said of its outing.
    Invariant {
        name: "who is at an outing is engaged at its time, and nobody else is",
        violations: "with outings as (select aggregate_id::text as outing, \
                         max(payload->>'host_id') as host, bool_or(event_type = 'Cancelled') as cancelled, \
                         (array_agg((payload->>'starts_at')::timestamptz order by sequence desc) \
                             filter (where event_type in ('Announced', 'Moved')))[1] as starts, \
                         (array_agg((payload->>'duration_minutes')::int order by sequence desc) \
                             filter (where event_type in ('Announced', 'Moved')))[1] as minutes \
                         from events where aggregate = 'announcement' \
                         and event_type in ('Announced', 'Moved', 'Cancelled') group by aggregate_id), \
                     said as (select aggregate_id::text as outing, max(payload->>'guest_id') as guest, \
                         max(case when event_type in ('Applied', 'Confirmed') then sequence * 2 + 1 \
                             when event_type in ('Withdrawn', 'Removed') then sequence * 2 end) % 2 as guest_says, \
                         max(case when event_type = 'Accepted' then sequence * 2 + 1 \
                             when event_type = 'Declined' then sequence * 2 end) % 2 as host_says \
                         from events where aggregate = 'announcement' and payload ? 'booking_id' \
                         group by aggregate_id, payload->>'booking_id'), \
                     wanted as (select w.account, o.outing, o.starts, \
                         o.starts + make_interval(mins => o.minutes) as ends from outings o \
                         join (select outing, host as account from outings \
                             union all select outing, guest from said \
                                 where guest_says = 1 and coalesce(host_says, 1) = 1) w using (outing) \
                         where not o.cancelled), \
                     last as (select distinct on (aggregate_id, payload->>'announcement_id') \
                         event_type, payload from events where aggregate = 'engagements' \
                         order by aggregate_id, payload->>'announcement_id', sequence desc), \
                     engaged as (select payload->>'account_id' as account, \
                         payload->>'announcement_id' as outing, \
                         (payload->>'starts_at')::timestamptz as starts, (payload->>'ends_at')::timestamptz as ends \
                         from last where event_type <> 'Released') \
                     select count(*) from wanted full join engaged using (account, outing) \
                     where (wanted.starts, wanted.ends) is distinct from (engaged.starts, engaged.ends) \
                         and not exists (select from deadlines d where d.kind = 'outings.guests_move' \
                             and d.done_at is null and d.subject::text = outing)",
    },
    // Who was there is told by the whole history of the outing, also by what came after the rating:
    // when it may be rated, nothing of that changes any more. A clash is told like what host and
    // guest said, and either of them saying anything ends it. An outing that was never opened is a
    // draft.
    Invariant {
        name: "only who was there rates, and when it is over",
        violations: "with said as (select payload->>'booking_id' as booking, \
                         max(case when event_type in ('Applied', 'Confirmed') then sequence * 2 + 1 \
                             when event_type in ('Withdrawn', 'Removed') then sequence * 2 end) % 2 as guest, \
                         max(case when event_type = 'Accepted' then sequence * 2 + 1 \
                             when event_type = 'Declined' then sequence * 2 end) % 2 as host, \
                         max(case when event_type = 'ClashFound' then sequence * 2 + 1 else sequence * 2 end) % 2 \
                             as clashes, \
                         max(payload->>'guest_id') as guest_id, min(aggregate_id::text) as outing \
                         from events where aggregate = 'announcement' and payload ? 'booking_id' \
                         group by payload->>'booking_id'), \
                     outings as (select aggregate_id::text as outing, \
                         (array_agg((payload->>'starts_at')::timestamptz \
                             + make_interval(mins => (payload->>'duration_minutes')::int) order by sequence desc) \
                             filter (where event_type in ('Announced', 'Moved')))[1] as ends, \
                         max(payload->>'host_id') as host_id, \
                         bool_or(event_type = 'Opened') and not bool_or(event_type = 'Cancelled') as takes_place \
                         from events where aggregate = 'announcement' \
                         and event_type in ('Announced', 'Moved', 'Opened', 'Cancelled') group by aggregate_id) \
                     select count(*) from events r \
                     left join said on said.booking = r.payload->>'booking_id' \
                         and said.outing = r.payload->>'announcement_id' \
                     left join outings on outings.outing = r.payload->>'announcement_id' \
                     where r.aggregate = 'rating' and r.event_type = 'Rated' and not coalesce( \
                         said.guest = 1 and said.host = 1 and said.clashes = 0 and outings.takes_place \
                         and r.recorded_at >= outings.ends \
                         and case r.payload->>'side' \
                             when 'host' then r.payload->>'author_id' = outings.host_id \
                                 and r.payload->>'about_id' = said.guest_id \
                             else r.payload->>'author_id' = said.guest_id \
                                 and r.payload->>'about_id' = outings.host_id end, false)",
    },
    // What was said first is `Rated`, what replaces it `Revised`.
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
