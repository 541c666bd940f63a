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
