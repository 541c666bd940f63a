-- What a seller who left had sold or promised is withdrawn when it is free again, however late that is.

alter table listings add seller_left boolean not null default false;

-- Who registers is nobody yet, so what is kept for a repeat of it is found by the account that was made.

alter table idempotency_keys add about uuid;
create index on idempotency_keys (about) where about is not null;
comment on table idempotency_keys is 'Answers kept for a repeat with the same Idempotency-Key. A key begins with the id of its caller (nil for a guest) as it is; the rest of it and the request are hashes. about is the account that was made. Kept for 24 hours.';

-- How many like a review is read with each page of reviews, by anybody.

alter table film_reviews add likes bigint not null default 0;
update film_reviews r set likes = l.likes
from (select review_id, count(*) as likes from review_likes group by review_id) l where l.review_id = r.review_id;
comment on table film_reviews is 'What somebody thinks of a film: one review each. The sequence is new whenever it is written, and none is given twice. likes counts the rows of review_likes.';
