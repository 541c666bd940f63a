-- The log of stadiums, matches, seats and wallets, and what is projected from it.

insert into logs (log) values ('venues');

create table stadiums (
    stadium_id uuid primary key,
    name text not null,
    description text not null,
    closed boolean not null,
    first_position bigint not null,
    sequence bigint not null
);
comment on table stadiums is 'One row a stadium, projected from the log venues.';
create index on stadiums (first_position);
grant select, insert, update, delete on stadiums to turnstile_app;

create table stadium_seats (
    seat_id uuid primary key,
    stadium_id uuid not null,
    section text not null,
    row_number integer not null,
    seat_number integer not null
);
comment on table stadium_seats is 'One row a seat that a stadium has, projected from the log venues.';
create index on stadium_seats (stadium_id, section, row_number, seat_number, seat_id);
grant select, insert, update, delete on stadium_seats to turnstile_app;

create table tariffs (
    tariff_id uuid primary key,
    name text not null,
    price_minor bigint not null,
    currency text not null,
    removed boolean not null,
    first_position bigint not null,
    sequence bigint not null
);
comment on table tariffs is 'One row a named price, projected from the log venues.';
create index on tariffs (first_position);
grant select, insert, update, delete on tariffs to turnstile_app;

create table fixtures (
    fixture_id uuid primary key,
    stadium_id uuid not null,
    title text not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    requires_link boolean not null,
    cancelled boolean not null,
    first_position bigint not null,
    sequence bigint not null
);
comment on table fixtures is 'One row a match, projected from the log venues.';
create index on fixtures (ends_at);
create index on fixtures (first_position);
create index on fixtures (stadium_id, first_position);
grant select, insert, update, delete on fixtures to turnstile_app;

create table tickets (
    ticket_id uuid primary key,
    fixture_id uuid not null,
    seat_id uuid not null,
    section text not null,
    row_number integer not null,
    seat_number integer not null,
    tariff_id uuid not null,
    price_minor bigint not null,
    currency text not null,
    on_sale boolean not null,
    status text not null,
    hold_id uuid,
    holder uuid,
    held_until timestamptz,
    purchase_id uuid,
    sequence bigint not null,
    position bigint not null
);
comment on table tickets is 'One row a seat of a match that is or was on sale, projected from the log venues.';
create index on tickets (fixture_id, section, row_number, seat_number, ticket_id);
create index on tickets (fixture_id) where sequence > 0;
grant select, insert, update, delete on tickets to turnstile_app;

create table wallets (
    wallet_id uuid primary key,
    owner uuid not null,
    currency text not null,
    balance_minor bigint not null,
    opened_at timestamptz not null,
    first_position bigint not null,
    sequence bigint not null
);
comment on table wallets is 'One row a wallet, projected from the log venues.';
create index on wallets (first_position);
grant select, insert, update, delete on wallets to turnstile_app;

create table ledger (
    transaction_id uuid not null,
    account text not null,
    wallet_id uuid not null,
    amount_minor bigint not null,
    balance_minor bigint not null,
    cause text not null,
    subject uuid not null,
    tickets uuid[] not null,
    posted_at timestamptz not null,
    sequence bigint not null,
    primary key (transaction_id, account)
);
comment on table ledger is 'Two rows a posting, what has less and what has more, projected from the log venues. The balance is that of the wallet.';
create index on ledger (wallet_id, sequence) where account = 'wallet';
grant select, insert, update, delete on ledger to turnstile_app;

create table purchases (
    purchase_id uuid primary key,
    buyer uuid not null,
    wallet_id uuid not null,
    total_minor bigint not null,
    currency text not null,
    tickets bigint not null,
    made_at timestamptz not null,
    refunded_at timestamptz,
    sequence bigint not null
);
comment on table purchases is 'One row a purchase, projected from the log venues.';
create index on purchases (buyer, purchase_id);
grant select, insert, update, delete on purchases to turnstile_app;

create table snapshots (
    aggregate text not null,
    aggregate_id uuid not null,
    sequence bigint not null,
    shape text not null,
    state jsonb not null,
    primary key (aggregate, aggregate_id)
);
comment on table snapshots is 'States of aggregates whose streams grow long, to be read instead of their first events. Any of them may be deleted.';
grant select, insert, update, delete on snapshots to turnstile_app;
