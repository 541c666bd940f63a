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
create index reviews_averages_idx on reviews (about) include (score, published, publishes_at);
create index on reviews (author);
create index on reviews (announcement_id, review_id);
create index on reviews (rating_id);
grant select, insert, update, delete on reviews to turnstile_app;
