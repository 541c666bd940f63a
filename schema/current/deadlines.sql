create table deadlines (
    id uuid primary key,
    kind text not null,
    subject uuid not null,
    due_at timestamptz not null,
    claimed_until timestamptz,
    attempts integer not null default 0,
    done_at timestamptz
);
comment on table deadlines is 'Moments at which something is to be recorded; written with the events that create them. A later one of the same kind and subject takes the place of one that is open.';
create index on deadlines (due_at) where done_at is null;
create unique index deadlines_open_key on deadlines (kind, subject) where done_at is null;
create index on deadlines (done_at) where done_at is not null;
grant select, insert, update, delete on deadlines to turnstile_app;
