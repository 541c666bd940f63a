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
