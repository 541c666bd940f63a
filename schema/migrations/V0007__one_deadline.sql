-- Of each kind a subject has one open deadline: a later one takes its place, so no two workers are busy
-- with the same subject at once.

create unique index deadlines_open_key on deadlines (kind, subject) where done_at is null;
comment on table deadlines is 'Moments at which something is to be recorded; written with the events that create them. A later one of the same kind and subject takes the place of one that is open.';

create or replace function append_events(
    p_log text,
    p_counts integer[],
    p_shared boolean,
    s_append integer[], s_slot integer[], s_aggregate text[], s_id uuid[], s_expected bigint[], s_count integer[],
    m_append integer[], m_slot integer[], m_consumer text[], m_id uuid[], m_at timestamptz[],
    k_append integer[], k_slot integer[], k_key bytea[], k_fingerprint bytea[], k_status smallint[], k_body text[], k_at timestamptz[],
    e_append integer[], e_nth integer[], e_id uuid[], e_aggregate text[], e_aggregate_id uuid[], e_sequence bigint[], e_type text[], e_version text[],
    e_at timestamptz[], e_correlation uuid[], e_causation uuid[], e_traceparent text[], e_payload text[],
    d_append integer[], d_id uuid[], d_kind text[], d_subject uuid[], d_due timestamptz[],
    v_append integer[], v_id uuid[], v_name text[], v_value text[], v_expires timestamptz[]
) returns table (outcome smallint, first_position bigint)
language plpgsql
set enable_seqscan = off
set enable_bitmapscan = off
set plan_cache_mode = force_generic_plan
as $$
declare
    outcomes smallint[] := array_fill(0::smallint, array[cardinality(p_counts)]);
    positions bigint[] := array_fill(0::bigint, array[cardinality(p_counts)]);
    heads bigint[];
    messages_seen boolean[];
    keys_seen boolean[];
    head bigint;
    i integer;
begin
    perform pg_advisory_xact_lock(hashtextextended('append:' || p_log, 0));

    select coalesce((select e.position from events e where e.log = p_log order by e.position desc limit 1), 0) into head;

    select array_agg(exists (select 1 from inbox x where x.consumer = m.consumer and x.message_id = m.id) order by m.o)
    into messages_seen
    from unnest(m_consumer, m_id) with ordinality m(consumer, id, o);

    select array_agg(exists (select 1 from idempotency_keys x where x.key = k.key) order by k.o)
    into keys_seen
    from unnest(k_key) with ordinality k(key, o);

    select array_agg(h.head order by s.o)
    into heads
    from unnest(s_aggregate, s_id) with ordinality s(aggregate, id, o)
    cross join lateral (
        select coalesce((
            select e.sequence from events e
            where e.aggregate_id = s.id and e.aggregate = s.aggregate
            order by e.sequence desc limit 1
        ), 0) as head
    ) h;

    if p_shared then
        outcomes := judge_in_order(
            cardinality(p_counts), s_append, s_slot, s_expected, s_count, heads,
            m_append, m_slot, messages_seen, k_append, k_slot, keys_seen
        );
    else
        for i in 1 .. cardinality(s_append) loop
            if heads[i] <> s_expected[i] then
                outcomes[s_append[i]] := 1;
            end if;
        end loop;
        for i in 1 .. cardinality(k_append) loop
            if keys_seen[i] then
                outcomes[k_append[i]] := 3;
            end if;
        end loop;
        for i in 1 .. cardinality(m_append) loop
            if messages_seen[i] then
                outcomes[m_append[i]] := 2;
            end if;
        end loop;
    end if;

    for i in 1 .. cardinality(p_counts) loop
        if outcomes[i] = 0 then
            positions[i] := head + 1;
            head := head + p_counts[i];
        end if;
    end loop;

    insert into events (log, position, event_id, aggregate, aggregate_id, sequence, event_type, event_version,
                        recorded_at, correlation, causation, traceparent, payload)
    select p_log, positions[e.append] + e.nth, e.id, e.aggregate, e.aggregate_id, e.sequence, e.type, e.version,
           e.at, e.correlation, e.causation, e.traceparent, e.payload::jsonb
    from unnest(e_append, e_nth, e_id, e_aggregate, e_aggregate_id, e_sequence, e_type, e_version,
                e_at, e_correlation, e_causation, e_traceparent, e_payload)
        e(append, nth, id, aggregate, aggregate_id, sequence, type, version,
          at, correlation, causation, traceparent, payload)
    where outcomes[e.append] = 0;

    insert into inbox (consumer, message_id, processed_at)
    select m.consumer, m.id, m.at from unnest(m_append, m_consumer, m_id, m_at) m(append, consumer, id, at)
    where outcomes[m.append] = 0;

    insert into idempotency_keys (key, fingerprint, status, body, stored_at)
    select k.key, k.fingerprint, k.status, k.body, k.at
    from unnest(k_append, k_key, k_fingerprint, k_status, k_body, k_at) k(append, key, fingerprint, status, body, at)
    where outcomes[k.append] = 0;

    insert into deadlines (id, kind, subject, due_at)
    select distinct on (d.kind, d.subject) d.id, d.kind, d.subject, d.due
    from unnest(d_append, d_id, d_kind, d_subject, d_due) with ordinality d(append, id, kind, subject, due, n)
    where outcomes[d.append] = 0
    order by d.kind, d.subject, d.append desc, d.n desc
    on conflict (kind, subject) where done_at is null
    do update set due_at = excluded.due_at, claimed_until = null, attempts = 0;

    insert into vault (id, name, value, expires_at)
    select v.id, v.name, v.value, v.expires from unnest(v_append, v_id, v_name, v_value, v_expires) v(append, id, name, value, expires)
    where outcomes[v.append] = 0;

    return query select o.outcome, o.first from unnest(outcomes, positions) with ordinality o(outcome, first, n) order by o.n;
end
$$;
comment on function append_events is 'The only writer of events; see ticketing/src/platform/append_queue.rs.';
