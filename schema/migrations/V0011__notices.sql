-- What is to be told to whom, projected from four logs, a projection and its tables for each; and what became of it,
-- which is state.

create table link_notices (
    id uuid primary key,
    person uuid not null,
    kind text not null,
    cause uuid not null,
    about uuid not null,
    due_at timestamptz,
    until timestamptz,
    withdrawn_at timestamptz,
    details jsonb not null
);
comment on table link_notices is 'What is to be told to whom, projected from the log links: ids only. Withdrawn before it was due, it is not told. Not due yet while the rule has not said when the link opens.';
create index on link_notices (person, due_at desc, id desc);
create index on link_notices (due_at, id) where withdrawn_at is null;
create index on link_notices (about);
grant select, insert, update, delete on link_notices to turnstile_app;

create table market_notices (
    id uuid primary key,
    person uuid not null,
    kind text not null,
    cause uuid not null,
    about uuid not null,
    due_at timestamptz,
    until timestamptz,
    withdrawn_at timestamptz,
    details jsonb not null
);
comment on table market_notices is 'What is to be told to whom, projected from the log market: ids only. Withdrawn before it was due, it is not told.';
create index on market_notices (person, due_at desc, id desc);
create index on market_notices (due_at, id) where withdrawn_at is null;
create index on market_notices (about);
grant select, insert, update, delete on market_notices to turnstile_app;

create table venue_notices (
    id uuid primary key,
    person uuid not null,
    kind text not null,
    cause uuid not null,
    about uuid not null,
    due_at timestamptz,
    until timestamptz,
    withdrawn_at timestamptz,
    details jsonb not null
);
comment on table venue_notices is 'What is to be told to whom, projected from the log venues: ids only. Withdrawn before it was due, it is not told.';
create index on venue_notices (person, due_at desc, id desc);
create index on venue_notices (due_at, id) where withdrawn_at is null;
create index on venue_notices (about);
grant select, insert, update, delete on venue_notices to turnstile_app;

create table outing_notices (
    id uuid primary key,
    person uuid not null,
    kind text not null,
    cause uuid not null,
    about uuid not null,
    due_at timestamptz,
    until timestamptz,
    withdrawn_at timestamptz,
    details jsonb not null
);
comment on table outing_notices is 'What is to be told to whom, projected from the log outings: ids only. Withdrawn before it was due, it is not told.';
create index on outing_notices (person, due_at desc, id desc);
create index on outing_notices (due_at, id) where withdrawn_at is null;
create index on outing_notices (about);
grant select, insert, update, delete on outing_notices to turnstile_app;

create table ticket_holders (
    fixture_id uuid not null,
    purchase_id uuid not null,
    buyer uuid not null,
    constraint ticket_holders_pkey primary key (fixture_id, purchase_id)
);
comment on table ticket_holders is 'Who has tickets for which match, projected from the log venues: who is told when it moves.';
create index on ticket_holders (purchase_id);
grant select, insert, update, delete on ticket_holders to turnstile_app;

create table outing_plans (
    announcement_id uuid primary key,
    host uuid not null,
    title_id uuid not null,
    starts_at timestamptz not null,
    set_by uuid not null,
    open boolean not null
);
comment on table outing_plans is 'When outings take place, projected from the log outings: when people are reminded. set_by is the event that set the time.';
grant select, insert, update, delete on outing_plans to turnstile_app;

create table outing_guests (
    booking_id uuid primary key,
    announcement_id uuid not null,
    guest uuid not null,
    guest_says boolean not null,
    host_says boolean
);
comment on table outing_guests is 'Who applied for a place at which outing, projected from the log outings: who is told of what.';
create index on outing_guests (announcement_id, booking_id);
grant select, insert, update, delete on outing_guests to turnstile_app;

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
    link text,
    settled_at timestamptz,
    read_at timestamptz,
    constraint deliveries_pkey primary key (notice, channel),
    constraint deliveries_person_fkey foreign key (person) references accounts (id) on delete cascade
);
comment on table deliveries is 'What became of notices, a row a channel: read in the product, sent by e-mail. Never rebuilt.';
create index deliveries_person_idx on deliveries (person, channel, state);
create index deliveries_next_at_idx on deliveries (next_at) where state in ('waiting', 'claimed', 'sending');
grant select, insert, update on deliveries to turnstile_app;

create table switched_off (
    account_id uuid not null,
    kind text not null,
    channel text not null,
    constraint switched_off_pkey primary key (account_id, kind, channel),
    constraint switched_off_account_id_fkey foreign key (account_id) references accounts (id) on delete cascade
);
comment on table switched_off is 'Which kinds of notices somebody does not want by which channel.';
grant select, insert, delete on switched_off to turnstile_app;

create table notices_begin (
    only_row boolean primary key default true check (only_row),
    listed_from timestamptz not null default now(),
    mailed_from timestamptz
);
comment on table notices_begin is 'From when on people are told: what was due before listed_from is not listed, before mailed_from (a mail server was named) not mailed.';
insert into notices_begin default values;
grant select, update on notices_begin to turnstile_app;
