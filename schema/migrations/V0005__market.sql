-- The log of the market and what is projected from it.

insert into logs (log) values ('market');

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
    sequence bigint not null
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

-- Titles are looked for by any part of them. Where Postgres came without the extension, or we may not create it,
-- looking for a rare text takes longer.
do $$ begin
    create extension if not exists pg_trgm;
    create index vault_listing_titles on vault using gin (lower(value) gin_trgm_ops)
        where name = 'listing_title';
exception when feature_not_supported or undefined_file or insufficient_privilege then
    raise notice 'titles are not indexed: %', sqlerrm;
end $$;

create table orders (
    order_id uuid primary key,
    buyer uuid not null,
    listing_id uuid not null,
    seller uuid not null,
    title_id uuid not null,
    price_minor bigint not null,
    currency text not null,
    placed_at timestamptz not null,
    expires_at timestamptz not null,
    status text not null,
    payment_id uuid,
    held_until timestamptz,
    reason text,
    sequence bigint not null
);
comment on table orders is 'One row an order, projected from the log market.';
create index on orders (buyer, order_id);
grant select, insert, update, delete on orders to turnstile_app;

create table payments (
    payment_id uuid primary key,
    order_id uuid not null,
    buyer uuid not null,
    price_minor bigint not null,
    currency text not null,
    provider text not null,
    charge text,
    refund text,
    status text not null,
    reason text,
    started_at timestamptz not null,
    sequence bigint not null
);
comment on table payments is 'One row a payment, projected from the log market.';
create index on payments (status, payment_id);
grant select, insert, update, delete on payments to turnstile_app;

create table test_charges (
    payment_id uuid primary key,
    charge text not null,
    amount_minor bigint not null,
    currency text not null,
    declined text,
    settles_at timestamptz not null,
    refund text
);
comment on table test_charges is 'The books of the test provider: what a real provider would remember.';
grant select, insert, update on test_charges to turnstile_app;
