create table venue_notices (
    id uuid primary key,
    person uuid not null,
    kind text not null,
    cause uuid not null,
    about uuid not null,
    due_at timestamptz,
    until timestamptz,
    withdrawn_at timestamptz,
    details jsonb not null
);
comment on table venue_notices is 'What is to be told to whom, projected from the log venues: ids only. Withdrawn before it was due, it is not told.';
create index on venue_notices (person, due_at desc, id desc);
create index on venue_notices (due_at, id) where withdrawn_at is null;
create index on venue_notices (about);
grant select, insert, update, delete on venue_notices to turnstile_app;
