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
