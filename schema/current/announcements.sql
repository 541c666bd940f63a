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
create index announcements_open_film_idx on announcements (film_id, announcement_id) where stage = 'open';
create index announcements_open_starts_idx on announcements (starts_at, announcement_id) where stage = 'open';
create index announcements_film_idx on announcements (film_id, announcement_id);
create index on announcements (host, announcement_id);
create index on announcements (location_id);
grant select, insert, update, delete on announcements to turnstile_app;
