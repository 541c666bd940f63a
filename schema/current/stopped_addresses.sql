create table stopped_addresses (
    address bytea primary key,
    stopped_at timestamptz not null
);
comment on table stopped_addresses is 'Addresses (SHA-256, small letters) whose reader wants no mail, whichever account names them: an address that is stopped stays so when its account is erased and another one is made.';
grant select, insert, delete on stopped_addresses to turnstile_app;
