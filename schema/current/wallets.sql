create table wallets (
    wallet_id uuid primary key,
    owner uuid not null,
    currency text not null,
    balance_minor bigint not null,
    opened_at timestamptz not null,
    sequence bigint not null
);
comment on table wallets is 'One row a wallet, projected from the log venues.';
grant select, insert, update, delete on wallets to turnstile_app;
