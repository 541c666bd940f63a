create table deliveries (
    notice uuid not null,
    channel text not null,
    person uuid not null,
    state text not null,
    reason text,
    attempts integer not null,
    put_off integer not null default 0,
    next_at timestamptz not null,
    claimed_until timestamptz,
    settled_at timestamptz,
    read_at timestamptz,
    constraint deliveries_pkey primary key (notice, channel),
    constraint deliveries_person_fkey foreign key (person) references accounts (id) on delete cascade
);
comment on table deliveries is 'What became of notices, a row a channel: read in the product, sent by e-mail. Never rebuilt.';
create index deliveries_person_idx on deliveries (person, channel, state);
create index deliveries_next_at_idx on deliveries (next_at) where state in ('waiting', 'claimed', 'sending');
grant select, insert, update on deliveries to turnstile_app;
