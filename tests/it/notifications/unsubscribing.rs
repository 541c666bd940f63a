//! Mail that nobody asked for: whoever reads it stops it, without an account.

use chrono::TimeDelta;
use reqwest::{Method, Url};
use uuid::Uuid;

use super::given::WithMail;
use crate::peers::smtp::Mail;
use crate::world::World;
use crate::world::answer::{Answer, Ask};

impl Mail {
    /// The path of the link that stops it.
    fn stop_path(&self) -> String {
        let [link, post] = &self.unsubscribe;
        assert_eq!(post, "List-Unsubscribe=One-Click");
        let link = link.strip_prefix('<').and_then(|link| link.strip_suffix('>')).expect("a link");
        let html = self.html.replace("&#x2f;", "/");
        assert!(html.contains(link), "{html}");
        let path = link.find("/app/v1/unsubscribe/").expect("the path");
        link[path..].to_owned()
    }
}

impl World {
    /// Clicks the button of a page that came from there: where its form leads, and the next page.
    async fn click(&self, from: &Url, page: &Answer) -> (Url, Answer) {
        let (_, form) = page.text.split_once("<form method=\"post\"").expect("a form");
        let (attributes, _) = form.split_once('>').expect("the end of its tag");
        // As browsers do: without an action a form calls where its page came from.
        let to = from.join(attributes.split('"').nth(1).unwrap_or_default()).expect("an address");
        let post = self.http().post(to.clone());
        let page = post.header("Content-Type", "application/x-www-form-urlencoded").ask().await;
        (to, page.is(200))
    }

    /// What the mail service of a reader sends when they click (RFC 8058).
    async fn one_click(&self, path: &str) -> Answer {
        let post = self.post(path).header("Content-Type", "application/x-www-form-urlencoded");
        post.body("List-Unsubscribe=One-Click").ask().await
    }
}

#[tokio::test]
async fn who_never_asked_for_mail_stops_it_with_one_click_for_good() {
    let mail = WithMail::start().await;
    let world = &mail.world;
    let ann = world.given_reader("Stranger-").await;
    mail.tell(&ann).await;
    let first = mail.until_mails(&ann, 1).await.remove(0);
    let path = first.stop_path();
    // A program that follows links stops nothing.
    let page = world.get(&path).ask().await.is(200);
    assert!(page.header("content-type").starts_with("text/html"), "{}", page.text);
    assert!(page.text.contains("<form method=\"post\""), "{}", page.text);
    mail.tell(&ann).await;
    let second = mail.until_mails(&ann, 2).await.remove(1);
    assert_ne!(second.stop_path(), path, "each mail has its own");
    for _ in 0..2 {
        world.one_click(&path).await.is(200);
    }
    mail.tell(&ann).await;
    mail.until_delivery_is(&ann, "off").await;
    mail.until_mails(&ann, 2).await;
    let last = mail.deliveries(&ann).await.pop();
    assert_eq!(last, Some(("off".to_owned(), Some("unsubscribed".to_owned()))));
    assert_eq!(world.kinds_told(&ann).await.len(), 3, "it is listed all the same");
    // Nor does another account that names the address reach it.
    world.by(&ann, Method::DELETE, "/account").ask().await.is(204);
    let again = world.given_user_at(&ann.email.to_lowercase()).await;
    mail.tell(&again).await;
    mail.until_delivery_is(&again, "off").await;
    mail.until_mails(&again, 0).await;
    // Who has a mail may think otherwise, as long as links last.
    let resumed = world.one_click(&format!("{}?resume=true", second.stop_path())).await.is(200);
    assert!(resumed.text.contains("resume=false"), "it offers to stop it again: {}", resumed.text);
    mail.tell(&again).await;
    mail.until_mails(&again, 1).await;
    world.verify().await.unwrap();
    mail.world.system.stop().await.unwrap();
}

#[tokio::test]
async fn each_button_does_what_it_says_however_its_page_was_come_to() {
    let mail = WithMail::start().await;
    let world = &mail.world;
    let ann = world.given_reader("stranger-").await;
    mail.tell(&ann).await;
    let path = mail.until_mails(&ann, 1).await[0].stop_path();
    let mut from = Url::parse(&format!("{}{path}", world.system.url())).unwrap();
    let mut page = world.get(&path).ask().await.is(200);
    for stopped in [1, 0, 1, 0] {
        (from, page) = world.click(&from, &page).await;
        let now = world.count("select count(*) from stopped_addresses").await;
        assert_eq!(now, stopped, "{from}: {}", page.text);
    }
    mail.world.system.stop().await.unwrap();
}

#[tokio::test]
async fn mail_that_waits_is_not_sent_to_an_address_that_was_stopped_meanwhile() {
    let mail = WithMail::start().await;
    let world = &mail.world;
    let ann = world.given_reader("stranger-").await;
    mail.tell(&ann).await;
    let path = mail.until_mails(&ann, 1).await[0].stop_path();
    mail.sink.close();
    mail.tell(&ann).await;
    mail.until_delivery_is(&ann, "waiting").await;
    world.one_click(&path).await.is(200);
    mail.sink.open();
    mail.time_passes(TimeDelta::minutes(1)).await;
    mail.until_delivery_is(&ann, "off").await;
    mail.until_mails(&ann, 1).await;
    mail.world.system.stop().await.unwrap();
}

#[tokio::test]
async fn nobody_stops_mail_without_the_link_of_one() {
    let world = World::shared();
    let unknown = format!("/app/v1/unsubscribe/{}", Uuid::new_v4());
    world.get(&unknown).ask().await.problem(404, "not_found");
    world.one_click(&unknown).await.problem(404, "not_found");
    world.one_click(&format!("{unknown}?resume=true")).await.problem(404, "not_found");
    world.one_click("/app/v1/unsubscribe/7").await.problem(400, "malformed_parameter");
}
