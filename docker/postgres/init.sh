#!/bin/bash
# Run once, by the Postgres image, when its data folder is new: makes the database and the roles around it.
#
# `ticketing` logs in, owns the database and migrates it; it is no superuser. Its connections work as `turnstile_app`,
# which has no login and may add events and read them, never change or delete one. The migrations make that role where
# it is missing (hence CREATEROLE); here it is made first, because an owner who is no superuser must be a member of it,
# and since Postgres 16 may only say so itself, as the migrations do, WITH ADMIN OPTION.
set -euo pipefail

psql --username "$POSTGRES_USER" --dbname postgres --no-psqlrc --quiet \
    --set ON_ERROR_STOP=1 --set password="$TICKETING_DATABASE_PASSWORD" <<'SQL'
CREATE ROLE ticketing LOGIN CREATEROLE PASSWORD :'password';
CREATE ROLE turnstile_app NOLOGIN;
GRANT turnstile_app TO ticketing WITH ADMIN OPTION;
CREATE DATABASE turnstile OWNER ticketing;
REVOKE CONNECT ON DATABASE turnstile FROM PUBLIC;
SQL
