create table tickets (
    ticket_id uuid primary key,
    fixture_id uuid not null,
    seat_id uuid not null,
    section text not null,
    row_number integer not null,
    seat_number integer not null,
    tariff_id uuid not null,
    price_minor bigint not null,
    currency text not null,
    on_sale boolean not null,
    status text not null,
    hold_id uuid,
    holder uuid,
    held_until timestamptz,
    purchase_id uuid,
    sequence bigint not null,
    position bigint not null
);
comment on table tickets is 'One row a seat of a match that is or was on sale, projected from the log venues.';
create index on tickets (fixture_id, section, row_number, seat_number, ticket_id);
create index on tickets (fixture_id) where sequence > 0;
grant select, insert, update, delete on tickets to turnstile_app;
