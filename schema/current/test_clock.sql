create table test_clock (
    only_row boolean primary key default true check (only_row),
    offset_us bigint not null default 0
);
comment on table test_clock is 'How far the test clock is ahead, in microseconds; it only grows. Unused without --test-clock.';
grant select, update on test_clock to turnstile_app;
