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
