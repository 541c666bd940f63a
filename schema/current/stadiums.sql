create table stadiums (
    stadium_id uuid primary key,
    name text not null,
    description text not null,
    closed boolean not null,
    first_position bigint not null,
    sequence bigint not null
);
comment on table stadiums is 'One row a stadium, projected from the log venues.';
create index on stadiums (first_position);
grant select, insert, update, delete on stadiums to turnstile_app;
