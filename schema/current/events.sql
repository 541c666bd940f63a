create table events (
    log text not null,
    position bigint not null,
    event_id uuid not null,
    aggregate text not null,
    aggregate_id uuid not null,
    sequence bigint not null,
    event_type text not null,
    event_version text not null,
    recorded_at timestamptz not null,
    correlation uuid not null,
    causation uuid,
    traceparent text,
    payload jsonb not null,
    constraint events_pkey primary key (log, position),
    constraint events_stream_key unique (aggregate_id, aggregate, sequence)
);
comment on table events is 'Every fact, for good. Positions within a log are 1, 2, 3, … in commit order and without holes.';
grant select, insert on events to turnstile_app;
