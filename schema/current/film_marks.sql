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
