//! A rolling upgrade: a replica of the version before sees notices of kinds that only the next one
//! knows.

use super::given::WithMail;
use crate::harness::eventually;

#[tokio::test]
async fn what_only_a_newer_version_can_say_is_left_for_it() {
    let mail = WithMail::start().await;
    let world = &mail.world;
    let reader = world.given_reader("reader-").await;
    mail.tell(&reader).await;
    mail.until_mails(&reader, 1).await;
    // One that nobody has decided of, and one that a newer replica has.
    let newer = "insert into market_notices (id, person, kind, cause, about, due_at, details) \
                 select gen_random_uuid(), person, 'of_tomorrow', gen_random_uuid(), about, due_at, \
                     details \
                 from market_notices, generate_series(1, 2) where kind = 'order_refunded'";
    assert_eq!(world.sql().await.execute(newer, &[]).await.unwrap(), 2);
    let decided = "insert into deliveries (notice, channel, person, state, attempts, next_at) \
                   select id, 'email', person, 'waiting', 0, due_at from market_notices \
                   where kind = 'of_tomorrow' limit 1";
    assert_eq!(world.sql().await.execute(decided, &[]).await.unwrap(), 1);
    // It is looked at again and again.
    let left = "select count(*) from deliveries \
                where state in ('waiting', 'claimed') and reason = 'unknown_kind'";
    eventually("it is left", async || world.count(left).await == 1).await;
    // It has looked at all that is due when it tells of what comes later.
    mail.tell(&reader).await;
    eventually("others are sent", async || mail.sink.mails_to(&reader.email).len() == 2).await;
    let of_tomorrow = "select count(*) from deliveries d join market_notices n on n.id = d.notice \
                       where n.kind = 'of_tomorrow'";
    assert_eq!(world.count(of_tomorrow).await, 1, "nothing is decided of what is not known");
    assert_eq!(world.count(left).await, 1);
    mail.world.system.stop().await.unwrap();
}
