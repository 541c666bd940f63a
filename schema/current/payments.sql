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
