create table listings (
    listing_id uuid primary key,
    seller uuid not null,
    title_id uuid not null,
    price_minor bigint not null,
    currency text not null,
    status text not null,
    order_id uuid,
    held_until timestamptz,
    listed_at timestamptz not null,
    sequence bigint not null,
    seller_left boolean not null default false
);
comment on table listings is 'One row a listing, projected from the log market. Titles stand in the vault.';
create index on listings (listing_id) where status in ('free', 'held');
create index on listings (price_minor, listing_id) where status in ('free', 'held');
create index on listings (price_minor, listing_id);
create index on listings (status, listing_id);
create index on listings (status, price_minor, listing_id);
create index on listings (seller, listing_id);
create index on listings (title_id);
grant select, insert, update, delete on listings to turnstile_app;
