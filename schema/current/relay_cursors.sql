create table relay_cursors (
    log text primary key,
    position bigint not null default 0,
    epoch bigint not null default 0
);
comment on table relay_cursors is 'How far each log has been relayed. Only the leader of the newest epoch may move it.';
grant select, insert, update on relay_cursors to turnstile_app;
