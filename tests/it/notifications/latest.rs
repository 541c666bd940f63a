//! What happened during an outage of the mail server is sent in any order: the mail that is read
//! last is true all the same.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;

use super::given::WithMail;
use crate::outings::given::Outing;
use crate::peers::smtp::Mail;
use crate::world::answer::Ask;
use crate::world::people::User;

impl WithMail {
    /// Somebody who waits for the host's answer and has one mail, with the booking's id.
    async fn given_applicant(&self) -> (Outing, User, String) {
        let outing = self.world.given_outing_in(TimeDelta::days(5)).await;
        let guest = self.world.given_reader("guest-").await;
        let booking = self.world.given_booking(&guest, &outing).await;
        self.until_mails(&guest, 1).await;
        (outing, guest, booking)
    }

    /// All this happens while the mail server is away; then it is back.
    async fn during_an_outage(&self, happens: impl AsyncFnOnce()) {
        self.sink.close();
        happens().await;
        self.world.until_all_projected().await;
        self.sink.open();
        self.time_passes(TimeDelta::minutes(1)).await;
    }

    /// What somebody is mailed after that: one thing, though more was to be told.
    async fn until_one_more(&self, to: &User, before: usize) -> Mail {
        let mail = self.until_mails(to, before + 1).await.remove(before);
        let late = ("late".to_owned(), None);
        assert!(self.deliveries(to).await.contains(&late), "nothing was overtaken");
        mail
    }
}

#[tokio::test]
async fn of_answers_to_a_booking_the_last_is_sent() {
    let mail = WithMail::start().await;
    let world = &mail.world;
    let (outing, guest, booking) = mail.given_applicant().await;
    mail.during_an_outage(async || {
        world.say(&outing.host, &booking, false).await.is(200);
        world.say(&outing.host, &booking, true).await.is(200);
    })
    .await;
    let last = mail.until_one_more(&guest, 1).await;
    assert_eq!(last.subject, "You have a place at “On a big screen”");
    let told = world.kinds_told(&guest).await;
    assert_eq!(told, ["booking_applied", "booking_declined", "booking_accepted"], "all is listed");
    world.verify().await.unwrap();
    mail.world.system.stop().await.unwrap();
}

#[tokio::test]
async fn nobody_is_sent_when_an_outing_would_have_begun_before_it_moved() {
    let mail = WithMail::start().await;
    let world = &mail.world;
    let (outing, guest, booking) = mail.given_applicant().await;
    let later = outing.start + TimeDelta::days(1);
    mail.during_an_outage(async || {
        world.say(&outing.host, &booking, true).await.is(200);
        world.change(&outing.host, &outing.id, &json!({ "event_time": later })).await.is(200);
    })
    .await;
    let last = mail.until_one_more(&guest, 1).await;
    let time = later.format("%Y-%m-%d %H:%M").to_string();
    assert!(last.plain.contains(&time), "{time}: {}", last.plain);
    world.verify().await.unwrap();
    mail.world.system.stop().await.unwrap();
}

#[tokio::test]
async fn who_waits_for_a_place_is_sent_whether_there_is_one_now() {
    let mail = WithMail::start().await;
    let world = &mail.world;
    let (outing, waiting, _) = mail.given_applicant().await;
    mail.during_an_outage(async || {
        world.given_guest(&outing).await;
        let (guest, booking) = world.given_guest(&outing).await;
        world.say(&guest, &booking, false).await.is(200);
    })
    .await;
    let last = mail.until_one_more(&waiting, 1).await;
    assert_eq!(last.subject, "A place at “On a big screen”");
    world.verify().await.unwrap();
    mail.world.system.stop().await.unwrap();
}

#[tokio::test]
async fn of_two_moves_of_a_match_the_last_is_sent() {
    let mail = WithMail::start().await;
    let world = &mail.world;
    let sale = world.given_sale(&[("A", 1, 4)]).await;
    let holder = world.given_purchase(&sale, 1).await;
    let starts = [3, 6].map(|hours| sale.start + TimeDelta::hours(hours));
    mail.during_an_outage(async || {
        for start in starts {
            let time = json!({ "start_time": start, "end_time": start + TimeDelta::hours(2) });
            let path = format!("/api/match/{}", sale.id);
            world.by(&sale.admin, Method::PATCH, &path).json(&time).ask().await.is(200);
        }
    })
    .await;
    let last = mail.until_one_more(&holder.buyer, 0).await;
    let time = starts[1].format("%Y-%m-%d %H:%M").to_string();
    assert!(last.plain.contains(&time), "{time}: {}", last.plain);
    world.verify().await.unwrap();
    mail.world.system.stop().await.unwrap();
}
