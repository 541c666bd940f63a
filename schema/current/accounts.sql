create table accounts (
    id uuid primary key,
    username text not null,
    email text,
    password_hash text,
    tier text not null,
    roles text[] not null default '{}',
    created_at timestamptz not null,
    changed_at timestamptz,
    tokens_valid_from timestamptz,
    first_name text,
    last_name text,
    email_verified_at timestamptz,
    erased_at timestamptz,
    constraint accounts_tier_check check (tier in ('premium', 'standard', 'default'))
);
comment on table accounts is 'Who may log in. Names and addresses are unique whatever their case. changed_at is set when tier, roles or tokens_valid_from change: tokens issued before are overridden or, if issued before tokens_valid_from, refused.';
create unique index accounts_username_key on accounts (lower(username));
create unique index accounts_email_key on accounts (lower(email));
create index accounts_changed_at_idx on accounts (changed_at) where changed_at is not null;
create index accounts_erased_at_idx on accounts (erased_at) where erased_at is not null;
grant select, insert on accounts to turnstile_app;
grant update (password_hash, email_verified_at, tier, roles, changed_at, tokens_valid_from, username, email, first_name, last_name, erased_at) on accounts to turnstile_app;
