create table switched_off (
    account_id uuid not null,
    kind text not null,
    channel text not null,
    constraint switched_off_pkey primary key (account_id, kind, channel),
    constraint switched_off_account_id_fkey foreign key (account_id) references accounts (id) on delete cascade
);
comment on table switched_off is 'Which kinds of notices somebody does not want by which channel.';
grant select, insert, delete on switched_off to turnstile_app;
