//! `ticketing` dies between handing a mail over and writing down that it did: one mail, not two.

use chrono::TimeDelta;

use super::given::WithMail;
use crate::harness::eventually;
use crate::world::answer::Ask;

const DAY: TimeDelta = TimeDelta::hours(24);

/// The server has the text and has not replied when the service dies. Nobody can know then whether
/// the mail was taken, so nobody sends it again.
#[tokio::test]
async fn a_mail_during_which_the_service_dies_is_not_sent_twice() {
    let mut mail = WithMail::start().await;
    let reader = mail.world.given_reader("hang-").await;
    let expiring = mail.world.given_expiring_order(&reader).await;
    mail.world.move_clock_to(expiring.told_at).await;
    let taken = async || mail.sink.mails_to(&reader.email).len() == 1;
    eventually("the server has the text", taken).await;
    mail.world.system.ticketing.kill().await.unwrap();
    assert_eq!(mail.deliveries(&reader).await, [("sending".to_owned(), None)], "the intent");
    mail.world.system.ticketing.start().await.unwrap();
    // Others are sent meanwhile; that one is nobody's until its lease is over.
    let other = mail.world.given_reader("other-").await;
    let expiring = mail.world.given_expiring_order(&other).await;
    mail.world.move_clock_to(expiring.told_at).await;
    mail.until_delivery_is(&reader, "unknown").await;
    mail.until_mails(&other, 1).await;
    mail.time_passes(TimeDelta::hours(2)).await;
    mail.until_mails(&reader, 1).await;
    assert_eq!(mail.deliveries(&reader).await, [("unknown".to_owned(), None)]);
    assert_eq!(mail.world.kinds_told(&reader).await, ["order_expiring"], "it is listed");
    let metrics = mail.world.metrics().await;
    assert!(metrics.contains("ticketing_mails_total{outcome=\"unknown\"} 1"), "{metrics}");
    mail.world.verify().await.unwrap();
    mail.world.system.stop().await.unwrap();
}

/// Before the server asked for the text nothing was handed over: whoever comes next sends it.
#[tokio::test]
async fn a_mail_that_was_claimed_by_a_dead_service_is_sent_by_the_next() {
    let mut mail = WithMail::start().await;
    // Its host is told in half an hour, and then that is news for most of a day.
    let outing = mail.world.given_outing_in(DAY + TimeDelta::minutes(30)).await;
    mail.world.until_all_projected().await;
    mail.world.system.ticketing.kill().await.unwrap();
    // As it stands when a process dies with its claim; one that no slow machine outlasts.
    let claimed = "insert into deliveries \
                       (notice, channel, person, state, attempts, next_at, claimed_until) \
                   select id, 'email', person, 'claimed', 1, due_at, due_at + interval '1 hour' \
                   from outing_notices where kind = 'reminder_day'";
    assert_eq!(mail.world.sql().await.execute(claimed, &[]).await.unwrap(), 1);
    mail.world.system.ticketing.start().await.unwrap();
    let told_at = outing.start - DAY;
    mail.world.move_clock_to(told_at).await;
    let other = mail.world.given_reader("other-").await;
    mail.tell(&other).await;
    let told = async || mail.sink.mails_to(&other.email).len() == 1;
    eventually("others are told meanwhile", told).await;
    assert_eq!(mail.sink.mails_to(&outing.host.email).len(), 0, "the claim holds");
    mail.world.move_clock_to(told_at + TimeDelta::hours(1)).await;
    mail.until_mails(&outing.host, 1).await;
    mail.world.verify().await.unwrap();
    mail.world.system.stop().await.unwrap();
}

impl crate::world::World {
    pub(super) async fn metrics(&self) -> String {
        self.get("/metrics").ask().await.is(200).text
    }
}
