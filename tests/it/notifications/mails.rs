//! Mails: language, who wants them, and that each is sent once however many replicas there are.

use chrono::TimeDelta;
use serde_json::json;

use super::given::WithMail;
use crate::world::people::User;

impl WithMail {
    /// Somebody who is told of a refund now.
    pub(super) async fn tell(&self, buyer: &User) {
        let world = &self.world;
        let expiring = world.given_expiring_order(buyer).await;
        let paid = world.pay(buyer, &expiring.id, "tok_visa").await.is(201);
        world.refund(&expiring.seller, &paid.member("id"), "").await.is(200);
    }
}

#[tokio::test]
async fn mails_are_in_the_reader_s_language_and_go_to_who_wants_them() {
    let mail = WithMail::start().await;
    let world = &mail.world;
    let (ann, boris, carl, dora) = (
        world.given_reader("ann-").await,
        world.given_reader("boris-").await,
        world.given_reader("carl-").await,
        world.given_reader("dora-").await,
    );
    world.set_profile(&boris, &json!({ "language": "ru", "name": "Борис" })).await;
    world.set_profile(&carl, &json!({ "delivery_type": "in_product" })).await;
    world.switch(&dora, "order_refunded", "email", false).await.is(200);
    for user in [&ann, &boris, &carl, &dora] {
        mail.tell(user).await;
    }
    let english = &mail.until_mails(&ann, 1).await[0];
    assert_eq!(english.subject, "Your money is on its way back");
    assert!(english.html.contains("lang=\"en\""), "{}", english.html);
    let russian = &mail.until_mails(&boris, 1).await[0];
    assert_eq!(russian.subject, "Деньги возвращены");
    assert!(russian.plain.starts_with("Здравствуйте, Борис!"), "{}", russian.plain);
    assert!(russian.html.contains("Оплата за «Concert, row 7» возвращена."), "{}", russian.html);
    for (user, reason) in [(&carl, "in_product"), (&dora, "switched_off")] {
        mail.until_delivery_is(user, "off").await;
        assert_eq!(mail.deliveries(user).await, [("off".to_owned(), Some(reason.to_owned()))]);
        assert_eq!(mail.until_mails(user, 0).await.len(), 0);
        assert_eq!(world.kinds_told(user).await, ["order_refunded"], "it is listed all the same");
    }
    // What was decided when it was due stays decided.
    world.set_profile(&carl, &json!({ "delivery_type": "email" })).await;
    mail.tell(&carl).await;
    mail.until_mails(&carl, 1).await;
    world.verify().await.unwrap();
    mail.world.system.stop().await.unwrap();
}

#[tokio::test]
async fn other_replicas_send_nothing_twice() {
    let mail = WithMail::start().await;
    let world = &mail.world;
    let (mut second, _) = world.system.replica().await.unwrap();
    let (mut third, _) = world.system.replica().await.unwrap();
    let buyers: Vec<User> = {
        let mut buyers = Vec::new();
        for _ in 0..12 {
            buyers.push(world.given_reader("buyer-").await);
        }
        buyers
    };
    let mut told_at = world.now().await;
    for buyer in &buyers {
        for _ in 0..3 {
            told_at = told_at.max(world.given_expiring_order(buyer).await.told_at);
        }
    }
    world.until_all_projected().await;
    // All of them at once.
    world.move_clock_to(told_at).await;
    for buyer in &buyers {
        let mails = mail.until_mails(buyer, 3).await;
        let mut ids: Vec<_> = mails.iter().map(|mail| &mail.message_id).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 3, "each about something else");
    }
    assert_eq!(mail.sink.mails().len(), 36);
    world.verify().await.unwrap();
    second.stop().await.unwrap();
    third.stop().await.unwrap();
    mail.world.system.stop().await.unwrap();
}

/// A server that is set up later does not send what is long past.
#[tokio::test]
async fn what_was_due_long_ago_is_not_sent() {
    let mut mail = WithMail::start().await;
    let buyer = mail.world.given_reader("buyer-").await;
    let system = &mut mail.world.system;
    system.ticketing.stop().await.unwrap();
    let with_mail = system.wiring.more.clone();
    system.wiring.more.retain(|(name, _)| name != "SMTP_URL" && name != "MAIL_FROM");
    system.ticketing = system.wiring.ticketing().unwrap();
    system.ticketing.start().await.unwrap();
    mail.tell(&buyer).await;
    mail.world.until_told(&buyer, &["order_refunded"]).await;
    mail.time_passes(TimeDelta::hours(25)).await;
    let system = &mut mail.world.system;
    system.ticketing.stop().await.unwrap();
    system.wiring.more = with_mail;
    system.ticketing = system.wiring.ticketing().unwrap();
    system.ticketing.start().await.unwrap();
    let buyer = mail.world.logged_in_again(&buyer).await;
    mail.tell(&buyer).await;
    mail.until_mails(&buyer, 1).await;
    mail.world.system.stop().await.unwrap();
}
