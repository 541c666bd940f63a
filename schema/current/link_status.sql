create table link_status (
    request_id uuid primary key,
    account_id uuid,
    tier text not null,
    requested_at timestamptz not null,
    rule text,
    rule_set_version text,
    opens_at timestamptz,
    closes_at timestamptz,
    refused text,
    token_id uuid,
    bought_at timestamptz,
    sequence bigint not null
);
comment on table link_status is 'One row a link request, projected from the log links: what check answers and administrators list.';
create index on link_status (requested_at) where rule is null;
create index on link_status (account_id, request_id) where account_id is not null;
grant select, insert, update, delete on link_status to turnstile_app;
