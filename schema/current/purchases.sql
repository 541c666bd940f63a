create table purchases (
    purchase_id uuid primary key,
    buyer uuid not null,
    wallet_id uuid not null,
    total_minor bigint not null,
    currency text not null,
    tickets bigint not null,
    made_at timestamptz not null,
    refunded_at timestamptz,
    sequence bigint not null
);
comment on table purchases is 'One row a purchase, projected from the log venues.';
create index on purchases (buyer, purchase_id);
grant select, insert, update, delete on purchases to turnstile_app;
