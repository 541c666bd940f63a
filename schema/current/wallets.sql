create table wallets (
    wallet_id uuid primary key,
    owner uuid not null,
    currency text not null,
    balance_minor bigint not null,
    opened_at timestamptz not null,
    first_position bigint not null,
    sequence bigint not null
);
comment on table wallets is 'One row a wallet, projected from the log venues.';
create index on wallets (first_position);
grant select, insert, update, delete on wallets to turnstile_app;
