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
