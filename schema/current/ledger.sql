create table ledger (
    transaction_id uuid not null,
    account text not null,
    wallet_id uuid not null,
    amount_minor bigint not null,
    balance_minor bigint not null,
    cause text not null,
    subject uuid not null,
    tickets uuid[] not null,
    posted_at timestamptz not null,
    sequence bigint not null,
    primary key (transaction_id, account)
);
comment on table ledger is 'Two rows a posting, what has less and what has more, projected from the log venues. The balance is that of the wallet.';
create index on ledger (wallet_id, sequence) where account = 'wallet';
grant select, insert, update, delete on ledger to turnstile_app;
