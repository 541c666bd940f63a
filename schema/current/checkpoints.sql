create table checkpoints (
    projection text primary key,
    log text not null,
    history uuid not null,
    position bigint not null
);
comment on table checkpoints is 'The last position each projection has applied; locked by whoever applies the next.';
grant select, insert, update on checkpoints to turnstile_app;
