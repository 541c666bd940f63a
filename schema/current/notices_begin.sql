create table notices_begin (
    only_row boolean primary key default true check (only_row),
    listed_from timestamptz not null default now(),
    mailed_from timestamptz
);
comment on table notices_begin is 'From when on people are told: what was due before listed_from is not listed, before mailed_from (a mail server was named) not mailed.';
grant select, update on notices_begin to turnstile_app;
