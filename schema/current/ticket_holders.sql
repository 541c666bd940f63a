create table ticket_holders (
    fixture_id uuid not null,
    purchase_id uuid not null,
    buyer uuid not null,
    constraint ticket_holders_pkey primary key (fixture_id, purchase_id)
);
comment on table ticket_holders is 'Who has tickets for which match, projected from the log venues: who is told when it moves.';
create index on ticket_holders (purchase_id);
grant select, insert, update, delete on ticket_holders to turnstile_app;
