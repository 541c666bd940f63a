-- What a seller who left had sold or promised is withdrawn when it is free again, however late that is.

alter table listings add seller_left boolean not null default false;

-- Who registers is nobody yet, so what is kept for a repeat of it is found by the account that was made.

alter table idempotency_keys add about uuid;
create index on idempotency_keys (about) where about is not null;
