create table stadium_seats (
    seat_id uuid primary key,
    stadium_id uuid not null,
    section text not null,
    row_number integer not null,
    seat_number integer not null
);
comment on table stadium_seats is 'One row a seat that a stadium has, projected from the log venues.';
create index on stadium_seats (stadium_id, section, row_number, seat_number, seat_id);
grant select, insert, update, delete on stadium_seats to turnstile_app;
