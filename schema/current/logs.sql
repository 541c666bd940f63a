create table logs (
    log text primary key,
    history uuid not null default gen_random_uuid()
);
comment on table logs is 'One row per log. The history changes when a dump is restored, so that messages of another past are told apart.';
grant select on logs to turnstile_app;
