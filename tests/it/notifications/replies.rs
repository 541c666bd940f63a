//! What the SMTP server says, and what becomes of the mail: not now, never, no such address.

use chrono::TimeDelta;

use super::given::WithMail;
use crate::harness::eventually;
use crate::peers::smtp::Entry;
use crate::world::people::User;

impl WithMail {
    /// Somebody with such an address who is told something now.
    pub(super) async fn given_told(&self, beginning: &str) -> User {
        let reader = self.world.given_reader(beginning).await;
        self.tell_of_order(&reader).await;
        reader
    }

    async fn tell_of_order(&self, reader: &User) {
        let expiring = self.world.given_expiring_order(reader).await;
        self.world.until_all_projected().await;
        self.world.move_clock_to(expiring.told_at).await;
    }

    pub(super) async fn until_attempts(&self, of: &User, attempts: i64) {
        let query = format!(
            "select coalesce(max(attempts), 0)::bigint from deliveries d \
             join accounts a on a.id = d.person \
             where a.username = '{}' and state = 'waiting'",
            of.username
        );
        let tried = async || self.world.count(&query).await == attempts;
        eventually(&format!("{attempts} attempts"), tried).await;
    }
}

#[tokio::test]
async fn what_the_server_refuses_for_now_is_tried_again_later() {
    let mail = WithMail::start().await;
    let busy = mail.given_told("busy-").await;
    mail.until_attempts(&busy, 1).await;
    mail.until_mails(&busy, 0).await;
    mail.time_passes(TimeDelta::seconds(30)).await;
    mail.until_attempts(&busy, 2).await;
    mail.time_passes(TimeDelta::seconds(60)).await;
    mail.until_mails(&busy, 1).await;
    // Also after it had the text: it said that it has not taken it.
    let full = mail.given_told("full-").await;
    mail.until_attempts(&full, 1).await;
    mail.time_passes(TimeDelta::seconds(30)).await;
    mail.until_mails(&full, 1).await;
    assert_eq!(mail.deliveries(&full).await, [("sent".to_owned(), None)]);
    mail.world.verify().await.unwrap();
    mail.world.system.stop().await.unwrap();
}

#[tokio::test]
async fn an_address_that_bounces_is_left_alone_for_a_week() {
    let mail = WithMail::start().await;
    let nobody = mail.given_told("nobody-").await;
    mail.until_delivery_is(&nobody, "bounced").await;
    let bounced = ("bounced".to_owned(), Some("550".to_owned()));
    assert_eq!(mail.deliveries(&nobody).await, std::slice::from_ref(&bounced));
    mail.tell_of_order(&nobody).await;
    mail.until_delivery_is(&nobody, "off").await;
    let spared = ("off".to_owned(), Some("bounced_before".to_owned()));
    assert_eq!(mail.deliveries(&nobody).await, [bounced.clone(), spared.clone()]);
    mail.time_passes(TimeDelta::days(8)).await;
    let nobody = mail.world.logged_in_again(&nobody).await;
    mail.tell_of_order(&nobody).await;
    let tried = async || {
        mail.deliveries(&nobody).await == [bounced.clone(), spared.clone(), bounced.clone()]
    };
    eventually("it is tried again", tried).await;
    assert_eq!(mail.sink.mails().len(), 0);
    let metrics = mail.world.metrics().await;
    assert!(metrics.contains("ticketing_mails_total{outcome=\"bounced\"} 2"), "{metrics}");
    assert!(!metrics.contains("nobody-"), "an address stands in the metrics");
    assert!(!mail.world.logs().contains("nobody-"), "an address stands in the logs");
    mail.world.system.stop().await.unwrap();
}

#[tokio::test]
async fn what_the_server_does_not_want_is_not_tried_again() {
    let mail = WithMail::start().await;
    let reader = mail.given_told("spam-").await;
    mail.until_delivery_is(&reader, "refused").await;
    mail.time_passes(TimeDelta::hours(2)).await;
    mail.until_mails(&reader, 0).await;
    assert_eq!(mail.deliveries(&reader).await, [("refused".to_owned(), Some("554".to_owned()))]);
    assert_eq!(mail.world.kinds_told(&reader).await, ["order_expiring"], "it is listed");
    mail.world.system.stop().await.unwrap();
}

/// A relay that does not want our mail says nothing about the address.
#[tokio::test]
async fn an_address_is_not_left_alone_because_the_server_does_not_want_us() {
    let mail = WithMail::start().await;
    let reader = mail.given_told("policy-").await;
    mail.until_delivery_is(&reader, "refused").await;
    mail.tell_of_order(&reader).await;
    let refused = ("refused".to_owned(), Some("550".to_owned()));
    let both = async || mail.deliveries(&reader).await == [refused.clone(), refused.clone()];
    eventually("the next is tried as well", both).await;
    mail.world.system.stop().await.unwrap();
}

/// All that waits is tried and tried again in half a day, and gets no further than this. An earlier
/// version would have tried it eight times within little more than an hour, and lost it.
async fn is_tried_for_half_a_day(mail: &WithMail, reason: &str) {
    let tried = format!(
        "select coalesce(max(attempts), 0)::bigint from deliveries where reason = '{reason}'"
    );
    for _ in 0..3 {
        let before = mail.world.count(&tried).await;
        mail.time_passes(TimeDelta::hours(4)).await;
        let again = async || mail.world.count(&tried).await > before;
        eventually("it is tried again", again).await;
    }
    let put_off = "select count(*) from deliveries where put_off > 0";
    assert_eq!(mail.world.count(put_off).await, 0, "it is held against the mail");
}

#[tokio::test]
async fn an_outage_of_the_mail_server_loses_no_mail() {
    let mut mail = WithMail::start().await;
    let reader = mail.world.given_reader("reader-").await;
    mail.sink.stop();
    mail.tell(&reader).await;
    is_tried_for_half_a_day(&mail, "connection").await;
    mail.sink.start_again(Entry::default()).await;
    mail.until_mails(&reader, 1).await;
    assert_eq!(mail.deliveries(&reader).await, [("sent".to_owned(), None)]);
    mail.world.verify().await.unwrap();
    mail.world.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_mail_server_that_lets_us_in_no_more_for_a_while_loses_no_mail() {
    let mail = WithMail::start().await;
    let reader = mail.world.given_reader("reader-").await;
    mail.sink.close();
    mail.tell(&reader).await;
    is_tried_for_half_a_day(&mail, "550").await;
    mail.sink.open();
    mail.until_mails(&reader, 1).await;
    assert_eq!(mail.deliveries(&reader).await, [("sent".to_owned(), None)]);
    mail.world.verify().await.unwrap();
    mail.world.system.stop().await.unwrap();
}
