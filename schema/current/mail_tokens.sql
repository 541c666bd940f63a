create table mail_tokens (
    token bytea primary key,
    address bytea not null,
    made_at timestamptz not null
);
comment on table mail_tokens is 'By which token which address can be stopped, a row a mail: digests (SHA-256) of both, and the day. Neither person nor notice, so that nothing has to be erased.';
create index on mail_tokens (made_at);
grant select, insert, delete on mail_tokens to turnstile_app;
