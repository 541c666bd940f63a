//! A mail server that is slow, or was away for long: what can be sent is sent at once.

use chrono::TimeDelta;

use super::given::WithMail;
use crate::harness::eventually;

/// It may take a minute to reply, which is more than this test waits.
#[tokio::test]
async fn a_mail_that_the_server_is_slow_with_holds_up_no_other() {
    let mut mail = WithMail::start().await;
    let (slow, other) =
        (mail.world.given_reader("hang-").await, mail.world.given_reader("other-").await);
    mail.tell(&slow).await;
    let taken = async || mail.sink.mails_to(&slow.email).len() == 1;
    eventually("the server has the text, and does not reply", taken).await;
    mail.tell(&other).await;
    mail.until_delivery_is(&other, "sent").await;
    mail.until_delivery_is(&slow, "sending").await;
    mail.world.system.ticketing.kill().await.unwrap();
    mail.world.system.stop().await.unwrap();
}

/// While the server is asked with one mail whether it is back, one at a time was settled.
#[tokio::test]
async fn what_made_sense_only_during_an_outage_holds_up_nothing_after_it() {
    let mail = WithMail::start().await;
    let world = &mail.world;
    let reader = world.given_reader("reader-").await;
    mail.sink.close();
    mail.tell(&reader).await;
    mail.until_delivery_is(&reader, "waiting").await;
    let late = "with many as (\
                    insert into market_notices \
                        (id, person, kind, cause, about, due_at, until, details) \
                    select gen_random_uuid(), person, kind, gen_random_uuid(), about, due_at, \
                        due_at, details \
                    from market_notices, generate_series(1, 1000) where kind = 'order_refunded' \
                    returning id, person, due_at) \
                insert into deliveries (notice, channel, person, state, attempts, next_at) \
                select id, 'email', person, 'waiting', 0, due_at - interval '1 hour' from many";
    assert_eq!(world.sql().await.execute(late, &[]).await.unwrap(), 1000);
    mail.sink.open();
    mail.time_passes(TimeDelta::minutes(1)).await;
    mail.until_delivery_is(&reader, "sent").await;
    let settled = "select count(*) from deliveries where state = 'late'";
    assert_eq!(world.count(settled).await, 1000);
    assert_eq!(mail.sink.mails_to(&reader.email).len(), 1);
    let metrics = world.metrics().await;
    assert!(metrics.contains("ticketing_mails_total{outcome=\"late\"} 1000"), "{metrics}");
    mail.world.system.stop().await.unwrap();
}
