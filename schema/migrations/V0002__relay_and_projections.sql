-- What the relay, the projections, the retries and the clock keep between two steps.

create table relay_cursors (
    log text primary key,
    position bigint not null default 0,
    epoch bigint not null default 0
);
comment on table relay_cursors is 'How far each log has been relayed. Only the leader of the newest epoch may move it.';
grant select, insert, update on relay_cursors to turnstile_app;

create table checkpoints (
    projection text primary key,
    log text not null,
    history uuid not null,
    position bigint not null
);
comment on table checkpoints is 'The last position each projection has applied; locked by whoever applies the next.';
grant select, insert, update on checkpoints to turnstile_app;

create table retries (
    queue text not null,
    message_id uuid not null,
    attempts integer not null,
    due_at timestamptz not null,
    reason text not null,
    message bytea not null,
    constraint retries_pkey primary key (queue, message_id)
);
comment on table retries is 'Messages that were refused and will be tried again; after 5 attempts they become dead letters.';
create index on retries (queue, due_at);
grant select, insert, update, delete on retries to turnstile_app;

create table test_clock (
    only_row boolean primary key default true check (only_row),
    offset_us bigint not null default 0
);
comment on table test_clock is 'How far the test clock is ahead, in microseconds; it only grows. Unused without --test-clock.';
insert into test_clock default values;
grant select, update on test_clock to turnstile_app;
