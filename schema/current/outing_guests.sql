create table outing_guests (
    booking_id uuid primary key,
    announcement_id uuid not null,
    guest uuid not null,
    guest_says boolean not null,
    host_says boolean
);
comment on table outing_guests is 'Who applied for a place at which outing, projected from the log outings: who is told of what.';
create index on outing_guests (announcement_id, booking_id);
grant select, insert, update, delete on outing_guests to turnstile_app;
