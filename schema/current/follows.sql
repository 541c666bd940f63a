create table follows (
    follower uuid not null,
    host uuid not null,
    followed_at timestamptz not null,
    constraint follows_pkey primary key (follower, host),
    constraint follows_follower_fkey foreign key (follower) references accounts (id) on delete cascade,
    constraint follows_host_fkey foreign key (host) references accounts (id) on delete cascade
);
comment on table follows is 'Who follows whom.';
create index follows_host_idx on follows (host, follower);
grant select, insert, delete on follows to turnstile_app;
