-- What people tell of themselves, the films they talk of, and short addresses. State, not events: it is personal, or corrected by hand.
-- What is personal goes with its account.

create table profiles (
    account_id uuid primary key,
    phone_number text,
    telegram_name text,
    gender text,
    country text,
    time_zone text,
    birthday date,
    delivery_type text,
    language text,
    changed_at timestamptz not null,
    constraint profiles_account_id_fkey foreign key (account_id) references accounts (id) on delete cascade
);
comment on table profiles is 'What people tell of themselves beyond name and address. What is null was not told.';
grant select, insert, update, delete on profiles to turnstile_app;
grant update (first_name, last_name) on accounts to turnstile_app;

create table films (
    film_id uuid primary key,
    number bigint generated always as identity,
    title text not null,
    description text not null,
    genre text[] not null,
    director text not null,
    actors text[] not null,
    writers text[] not null,
    imdb_rating_tenths smallint,
    duration_minutes integer not null,
    in_cinemas boolean not null,
    sequence bigint not null,
    constraint films_duration_check check (duration_minutes > 0)
);
comment on table films is 'One row a film, as administrators describe it. Lists are in the order of the number; the sequence counts the changes.';
create unique index films_number_key on films (number);
grant select, insert, update on films to turnstile_app;

create table follows (
    follower uuid not null,
    host uuid not null,
    followed_at timestamptz not null,
    constraint follows_pkey primary key (follower, host),
    constraint follows_follower_fkey foreign key (follower) references accounts (id) on delete cascade,
    constraint follows_host_fkey foreign key (host) references accounts (id) on delete cascade
);
comment on table follows is 'Who follows whom.';
create index follows_host_idx on follows (host, follower);
grant select, insert, delete on follows to turnstile_app;

create table film_marks (
    account_id uuid not null,
    film_id uuid not null,
    marked_at timestamptz not null,
    constraint film_marks_pkey primary key (account_id, film_id),
    constraint film_marks_account_id_fkey foreign key (account_id) references accounts (id) on delete cascade,
    constraint film_marks_film_id_fkey foreign key (film_id) references films (film_id)
);
comment on table film_marks is 'Who wants to hear of which film.';
create index film_marks_film_id_idx on film_marks (film_id, account_id);
grant select, insert, delete on film_marks to turnstile_app;

create table film_reviews (
    review_id uuid primary key,
    film_id uuid not null,
    account_id uuid not null,
    review_text text not null,
    score_tenths smallint not null,
    published_at timestamptz not null,
    changed_at timestamptz not null,
    constraint film_reviews_one_each unique (film_id, account_id),
    constraint film_reviews_film_id_fkey foreign key (film_id) references films (film_id),
    constraint film_reviews_account_id_fkey foreign key (account_id) references accounts (id) on delete cascade
);
comment on table film_reviews is 'What somebody thinks of a film: one review each.';
create index film_reviews_account_id_idx on film_reviews (account_id);
create index film_reviews_film_id_idx on film_reviews (film_id, review_id);
grant select, insert, update, delete on film_reviews to turnstile_app;

create table review_likes (
    review_id uuid not null,
    account_id uuid not null,
    liked_at timestamptz not null,
    constraint review_likes_pkey primary key (review_id, account_id),
    constraint review_likes_review_id_fkey foreign key (review_id) references film_reviews (review_id) on delete cascade,
    constraint review_likes_account_id_fkey foreign key (account_id) references accounts (id) on delete cascade
);
comment on table review_likes is 'Who likes which review; counted once a person.';
create index review_likes_account_id_idx on review_likes (account_id);
grant select, insert, delete on review_likes to turnstile_app;

create table short_links (
    code text primary key,
    account_id uuid,
    url text not null,
    visits bigint not null,
    visit_limit bigint,
    expires_at timestamptz,
    dead_from timestamptz,
    created_at timestamptz not null,
    constraint short_links_account_id_fkey foreign key (account_id) references accounts (id) on delete cascade
);
comment on table short_links is 'Where a short address leads. Without an account it was made by the service. dead_from is when it expires or the moment of its last visit; rows are kept for a while after it.';
create index short_links_account_id_idx on short_links (account_id) where account_id is not null;
create index short_links_dead_from_idx on short_links (dead_from) where dead_from is not null;
grant select, insert, update, delete on short_links to turnstile_app;

-- Samples for trying things out; an administrator may change them.
insert into films (film_id, title, description, genre, director, actors, writers, imdb_rating_tenths, duration_minutes, in_cinemas, sequence) values
    ('23536729-1e1f-4639-a9cf-0883634143ab', 'Metropolis', 'In a city of the future the son of its master follows a woman down to those who keep it running.', '{drama,sci-fi}', 'Fritz Lang', '{"Brigitte Helm","Alfred Abel"}', '{"Thea von Harbou"}', 83, 153, true, 1),
    ('5c1f0f5e-3d0e-4f57-9a43-3b6d1f1c7a02', 'The General', 'An engine driver goes after his stolen locomotive.', '{action,comedy}', 'Buster Keaton', '{"Buster Keaton","Marion Mack"}', '{"Buster Keaton","Clyde Bruckman"}', 81, 79, true, 1),
    ('8f6b0a8d-6f5e-4c1b-8d7e-5c0f9f7d2b03', 'Nosferatu', 'A clerk sells a house to a count who only comes out at night.', '{horror}', 'F. W. Murnau', '{"Max Schreck","Greta Schröder"}', '{"Henrik Galeen"}', 78, 94, true, 1),
    ('a1d4c7f2-0b9e-4e6a-b3c8-7d2e5f8a1c04', 'The Kid', 'A tramp brings up a child that was left in the street.', '{comedy,drama}', 'Charles Chaplin', '{"Charles Chaplin","Jackie Coogan"}', '{"Charles Chaplin"}', 82, 68, true, 1),
    ('c3e9b5a6-7d18-4b2f-9e0a-1f6c8d4b7e05', 'Safety Last!', 'A shop assistant climbs a house to be noticed.', '{comedy}', 'Fred Newmeyer', '{"Harold Lloyd","Mildred Davis"}', '{"Hal Roach","Sam Taylor"}', 81, 74, true, 1),
    ('d7a2f8c1-5b6e-4d39-8c4f-2a9b0e7d3f06', 'Battleship Potemkin', 'A crew is served bad meat once too often.', '{drama,history}', 'Sergei Eisenstein', '{"Aleksandr Antonov","Vladimir Barsky"}', '{"Nina Agadzhanova"}', 79, 75, true, 1),
    ('e4b8d0c9-2f7a-4a5d-b6e1-9c3f5d8a2b07', 'Man with a Movie Camera', 'A day in a city, and how it was filmed.', '{documentary}', 'Dziga Vertov', '{"Mikhail Kaufman"}', '{"Dziga Vertov"}', 83, 68, true, 1),
    ('f9c5e1d3-8a4b-4f6c-a7d2-0b8e6f1c4d08', 'Sherlock Jr.', 'A projectionist falls asleep and walks into the film.', '{comedy}', 'Buster Keaton', '{"Buster Keaton","Kathryn McGuire"}', '{"Jean Havez","Joseph Mitchell"}', 82, 45, true, 1),
    ('0a6f2e4d-9c5b-4e7a-8f3d-6b1c7e9d5a09', 'A Trip to the Moon', 'Six astronomers are shot to the moon and come back.', '{sci-fi}', 'Georges Méliès', '{"Georges Méliès","Bleuette Bernon"}', '{"Georges Méliès"}', 81, 15, false, 1),
    ('1b7a3f5e-0d6c-4f8b-9a4e-7c2d8f0e6b10', 'The Gold Rush', 'A prospector looks for gold and finds company.', '{adventure,comedy}', 'Charles Chaplin', '{"Charles Chaplin","Georgia Hale"}', '{"Charles Chaplin"}', 81, 95, false, 1);
