create table test_charges (
    payment_id uuid primary key,
    charge text not null,
    amount_minor bigint not null,
    currency text not null,
    declined text,
    settles_at timestamptz not null,
    refund text
);
comment on table test_charges is 'The books of the test provider: what a real provider would remember.';
grant select, insert, update on test_charges to turnstile_app;
