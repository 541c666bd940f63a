-- Sessions, the people behind accounts, and the providers that know them.

alter table accounts alter column email drop not null;
alter table accounts add column first_name text, add column last_name text, add column email_verified_at timestamptz;
grant update (password_hash, email_verified_at) on accounts to turnstile_app;

create table sessions (
    id uuid primary key,
    account_id uuid not null,
    refresh_hash bytea,
    expires_at timestamptz not null,
    ended_at timestamptz
);
comment on table sessions is 'One row a session that can be refreshed or was ended. Its refresh token is used once: refresh_hash is that of the present one.';
create index sessions_account_id_idx on sessions (account_id);
create index sessions_ended_at_idx on sessions (ended_at) where ended_at is not null;
create index sessions_expires_at_idx on sessions (expires_at);
grant select, insert, update, delete on sessions to turnstile_app;

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

create table sign_ins (
    state_hash bytea primary key,
    provider text not null,
    nonce text not null,
    verifier text not null,
    expires_at timestamptz not null
);
comment on table sign_ins is 'Sign-ins that were sent to a provider and have not come back.';
create index sign_ins_expires_at_idx on sign_ins (expires_at);
grant select, insert, delete on sign_ins to turnstile_app;
