create table tariffs (
    tariff_id uuid primary key,
    name text not null,
    price_minor bigint not null,
    currency text not null,
    removed boolean not null,
    first_position bigint not null,
    sequence bigint not null
);
comment on table tariffs is 'One row a named price, projected from the log venues.';
create index on tariffs (first_position);
grant select, insert, update, delete on tariffs to turnstile_app;
