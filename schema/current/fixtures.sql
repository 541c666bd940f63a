create table fixtures (
    fixture_id uuid primary key,
    stadium_id uuid not null,
    title text not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    requires_link boolean not null,
    cancelled boolean not null,
    first_position bigint not null,
    sequence bigint not null
);
comment on table fixtures is 'One row a match, projected from the log venues.';
create index on fixtures (ends_at);
create index on fixtures (first_position);
create index on fixtures (stadium_id, first_position);
grant select, insert, update, delete on fixtures to turnstile_app;
