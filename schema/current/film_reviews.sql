create table film_reviews (
    review_id uuid primary key,
    film_id uuid not null,
    account_id uuid not null,
    review_text text not null,
    score_tenths smallint not null,
    published_at timestamptz not null,
    changed_at timestamptz not null,
    sequence bigint generated always as identity,
    likes bigint not null default 0,
    constraint film_reviews_one_each unique (film_id, account_id),
    constraint film_reviews_film_id_fkey foreign key (film_id) references films (film_id),
    constraint film_reviews_account_id_fkey foreign key (account_id) references accounts (id) on delete cascade
);
comment on table film_reviews is 'What somebody thinks of a film: one review each. The sequence is new whenever it is written, and none is given twice. likes counts the rows of review_likes.';
create index film_reviews_account_id_idx on film_reviews (account_id);
create index film_reviews_film_id_idx on film_reviews (film_id, review_id);
grant select, insert, update, delete on film_reviews to turnstile_app;
