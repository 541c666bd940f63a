create table bookings (
    booking_id uuid primary key,
    announcement_id uuid not null,
    host uuid not null,
    guest uuid not null,
    guest_says boolean not null,
    host_says boolean,
    clashes boolean not null
);
comment on table bookings is 'One row a booking that was not removed, projected from the log outings.';
create index on bookings (announcement_id, guest);
create index on bookings (guest, booking_id);
create index on bookings (host, booking_id);
grant select, insert, update, delete on bookings to turnstile_app;
