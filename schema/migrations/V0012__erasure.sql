-- People can be erased. What is left of an account is its id: tokens that name it are refused, and nobody else gets it.

alter table accounts add erased_at timestamptz;
create index on accounts (erased_at) where erased_at is not null;
grant update (username, email, first_name, last_name, erased_at) on accounts to turnstile_app;
