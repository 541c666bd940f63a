create table short_links (
    code text primary key,
    account_id uuid,
    url text not null,
    visits bigint not null,
    visit_limit bigint,
    expires_at timestamptz,
    dead_from timestamptz,
    created_at timestamptz not null,
    made_for uuid,
    constraint short_links_account_id_fkey foreign key (account_id) references accounts (id) on delete cascade
);
comment on table short_links is 'Where a short address leads. Without an account it was made by the service, for one thing if made_for names it, which has no other. dead_from is when it expires or the moment of its last visit; rows are kept for a while after it.';
create index short_links_account_id_idx on short_links (account_id) where account_id is not null;
create index short_links_dead_from_idx on short_links (dead_from) where dead_from is not null;
create unique index short_links_made_for_key on short_links (made_for) where made_for is not null;
grant select, insert, update, delete on short_links to turnstile_app;
