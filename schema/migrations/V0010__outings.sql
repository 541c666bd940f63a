-- The log of announcements, bookings and ratings, and what is projected from it.

insert into logs (log) values ('outings');

create table announcements (
    announcement_id uuid primary key,
    host uuid not null,
    film_id uuid not null,
    title_id uuid not null,
    location_id uuid not null,
    sub_only boolean not null,
    is_free boolean not null,
    places integer not null,
    taken integer not null,
    stage text not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    sequence bigint not null
);
comment on table announcements is 'One row an announcement, projected from the log outings. Its texts are in the vault.';
create index announcements_open_idx on announcements (announcement_id) where stage = 'open';
create index on announcements (host, announcement_id);
grant select, insert, update, delete on announcements to turnstile_app;

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

create table reviews (
    review_id uuid primary key,
    rating_id uuid not null,
    announcement_id uuid not null,
    side text not null,
    author uuid not null,
    about uuid not null,
    score integer not null,
    text_id uuid,
    rated_at timestamptz not null,
    publishes_at timestamptz not null,
    published boolean not null
);
comment on table reviews is 'One row a review of a host or guest by the other, projected from the log outings. What was written is in the vault.';
create index on reviews (about);
create index on reviews (author);
create index on reviews (announcement_id, review_id);
create index on reviews (rating_id);
grant select, insert, update, delete on reviews to turnstile_app;
