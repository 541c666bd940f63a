create table identities (
    provider text not null,
    subject text not null,
    account_id uuid not null,
    linked_at timestamptz not null,
    constraint identities_pkey primary key (provider, subject)
);
comment on table identities is 'Accounts as sign-in providers know them. A subject is a string, whatever it looks like.';
create index identities_account_id_idx on identities (account_id);
grant select, insert, delete on identities to turnstile_app;
