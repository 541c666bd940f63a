-- What people write of themselves and of films can be written on the condition that it is as they have seen it.

alter table profiles add sequence bigint not null default 1;
comment on table profiles is 'What people tell of themselves beyond name and address. What is null was not told. The sequence counts the changes, those of the name too.';

alter table film_reviews add sequence bigint generated always as identity;
comment on table film_reviews is 'What somebody thinks of a film: one review each. The sequence is new whenever it is written, and none is given twice.';

-- Nobody verifies the address of who registers, so whoever gets a mail there can stop all mail to it.

create table mail_tokens (
    token bytea primary key,
    address bytea not null,
    made_at timestamptz not null
);
comment on table mail_tokens is 'By which token which address can be stopped, a row a mail: digests (SHA-256) of both, and the day. Neither person nor notice, so that nothing has to be erased.';
create index on mail_tokens (made_at);
grant select, insert, delete on mail_tokens to turnstile_app;

create table stopped_addresses (
    address bytea primary key,
    stopped_at timestamptz not null
);
comment on table stopped_addresses is 'Addresses (SHA-256, small letters) whose reader wants no mail, whichever account names them: an address that is stopped stays so when its account is erased and another one is made.';
grant select, insert, delete on stopped_addresses to turnstile_app;

-- A notice has one short link, in the product and in its mail.

alter table short_links add made_for uuid;
create unique index short_links_made_for_key on short_links (made_for) where made_for is not null;
comment on table short_links is 'Where a short address leads. Without an account it was made by the service, for one thing if made_for names it, which has no other. dead_from is when it expires or the moment of its last visit; rows are kept for a while after it.';

alter table deliveries drop link;

-- Places are looked for by any part of them, as the titles of listings are, and like those without an index where Postgres
-- came without the extension, or we may not create it.
do $$ begin
    create extension if not exists pg_trgm;
    create index vault_announcement_locations on vault using gin (lower(value) gin_trgm_ops)
        where name = 'announcement_location';
exception when feature_not_supported or undefined_file or insufficient_privilege then
    raise notice 'places are not indexed: %', sqlerrm;
end $$;
create index on announcements (location_id);
