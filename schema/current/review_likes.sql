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
