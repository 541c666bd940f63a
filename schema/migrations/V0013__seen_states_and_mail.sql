-- What people write of themselves and of films can be written on the condition that it is as they have seen it.

alter table profiles add sequence bigint not null default 1;
comment on table profiles is 'What people tell of themselves beyond name and address. What is null was not told. The sequence counts the changes, those of the name too.';

alter table film_reviews add sequence bigint generated always as identity;
comment on table film_reviews is 'What somebody thinks of a film: one review each. The sequence is new whenever it is written, and none is given twice.';
