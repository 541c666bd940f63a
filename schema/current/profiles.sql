create table profiles (
    account_id uuid primary key,
    phone_number text,
    telegram_name text,
    gender text,
    country text,
    time_zone text,
    birthday date,
    delivery_type text,
    language text,
    changed_at timestamptz not null,
    sequence bigint not null default 1,
    constraint profiles_account_id_fkey foreign key (account_id) references accounts (id) on delete cascade
);
comment on table profiles is 'What people tell of themselves beyond name and address. What is null was not told. The sequence counts the changes, those of the name too.';
grant select, insert, update, delete on profiles to turnstile_app;
