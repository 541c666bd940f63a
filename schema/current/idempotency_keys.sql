create table idempotency_keys (
    key bytea primary key,
    fingerprint bytea not null,
    status smallint not null,
    body text not null,
    stored_at timestamptz not null,
    about uuid
);
comment on table idempotency_keys is 'Answers kept for a repeat with the same Idempotency-Key. A key begins with the id of its caller (nil for a guest) as it is; the rest of it and the request are hashes. about is the account that was made. Kept for 24 hours.';
create index on idempotency_keys (stored_at);
create index on idempotency_keys (about) where about is not null;
grant select, insert, delete on idempotency_keys to turnstile_app;
