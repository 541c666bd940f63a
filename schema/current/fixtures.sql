create table fixtures (
    fixture_id uuid primary key,
    stadium_id uuid not null,
    title text not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    requires_link boolean not null,
    cancelled boolean not null,
    sequence bigint not null
);
comment on table fixtures is 'One row a match, projected from the log venues.';
create index on fixtures (ends_at);
create index on fixtures (stadium_id, fixture_id);
grant select, insert, update, delete on fixtures to turnstile_app;
