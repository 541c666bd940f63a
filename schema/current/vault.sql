create table vault (
    id uuid not null,
    name text not null,
    value text not null,
    expires_at timestamptz,
    constraint vault_pkey primary key (id, name)
);
comment on table vault is 'Values that must not enter history: tokens, personal data. Deletable.';
create index on vault (expires_at) where expires_at is not null;
create index vault_listing_titles on vault using gin (lower(value) gin_trgm_ops)
    where name = 'listing_title';
create index vault_announcement_locations on vault using gin (lower(value) gin_trgm_ops)
    where name = 'announcement_location';
grant select, insert, delete on vault to turnstile_app;
