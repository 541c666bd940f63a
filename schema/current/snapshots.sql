create table snapshots (
    aggregate text not null,
    aggregate_id uuid not null,
    sequence bigint not null,
    shape text not null,
    state jsonb not null,
    primary key (aggregate, aggregate_id)
);
comment on table snapshots is 'States of aggregates whose streams grow long, to be read instead of their first events. Any of them may be deleted.';
grant select, insert, update, delete on snapshots to turnstile_app;
