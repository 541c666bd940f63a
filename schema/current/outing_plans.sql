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
