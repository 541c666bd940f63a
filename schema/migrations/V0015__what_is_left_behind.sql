-- What a seller who left had sold or promised is withdrawn when it is free again, however late that is.

alter table listings add seller_left boolean not null default false;
