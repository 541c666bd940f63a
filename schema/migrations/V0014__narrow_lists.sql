-- Lists of outings by film or time, and averages, read what they need. Until all indexes are made both tables can be read and
-- not written: the projection of the outings waits and tries again, and lists grow old for as long. Commands write neither
-- table. The index that is not needed any more goes last: nobody reads reviews for that moment.

create index announcements_open_film_idx on announcements (film_id, announcement_id) where stage = 'open';
create index announcements_open_starts_idx on announcements (starts_at, announcement_id) where stage = 'open';
create index announcements_film_idx on announcements (film_id, announcement_id);

create index reviews_averages_idx on reviews (about) include (score, published, publishes_at);
drop index reviews_about_idx;
