create table inbox (
    consumer text not null,
    message_id uuid not null,
    processed_at timestamptz not null,
    constraint inbox_pkey primary key (consumer, message_id)
);
comment on table inbox is 'Messages whose effect is in the history; written in the append, kept for 7 days.';
create index on inbox (processed_at);
grant select, insert, delete on inbox to turnstile_app;
