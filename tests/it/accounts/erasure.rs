//! Leaving: nothing of a person is left where it could be read, and everything that stays adds up.

use reqwest::Method;
use serde_json::{Value, json};
use shared_events::topology::{LINKS_EVENTS, MARKET_EVENTS, OUTINGS_EVENTS, VENUES_EVENTS};
use tests::programs;
use uuid::Uuid;

use super::given::new_user;
use crate::catalogue::METROPOLIS;
use crate::harness::eventually;
use crate::market::given::Deal;
use crate::outings::given::{Outing, announcement, in_hours};
use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::{PASSWORD, User, new_email, new_name, registration};

/// What the person is called, writes, and pays with: in no other text.
const NAME: &str = "Canarina";
const TITLE: &str = "Concert of my sister Canarina";
const OLD_TITLE: &str = "Canarina plays";
const OUTING: &str = "Canarina goes out";
const MEETING: &str = "Look for Canarina's hat";
const PLACE: &str = "At Canarina's door";
const CARD: &str = "tok_canary_slow";
const PHONE: &str = "+79160471147";

impl World {
    async fn given_person(&self) -> User {
        let (username, password) = (new_name(), PASSWORD);
        let email = format!("canary-{username}@example.com");
        let person = json!({ "username": username, "email": email, "password": password,
                             "first_name": NAME, "last_name": "Doe" });
        self.post("/auth/users/").json(&person).ask().await.is(201);
        let token = self.login(&username, password).await.is(200).member("access_token");
        User { username, email, token }
    }

    pub(crate) async fn leave(&self, person: &User) -> Answer {
        self.by(person, Method::DELETE, "/account").ask().await
    }

    /// All that Postgres holds.
    async fn dump(&self) -> String {
        let programs = programs::postgres(None).expect("the programs of Postgres");
        let program = programs.postgres.with_file_name("pg_dump");
        let mut dump = tokio::process::Command::new(program);
        let output = dump.arg(&self.system.wiring.database_url).output().await.expect("a dump");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    }
}

/// Which of these texts stand in this place, whatever their case.
fn found(place: &str, texts: &[&str]) -> Vec<String> {
    let place = place.to_lowercase();
    let stands = |text: &&&str| place.contains(&text.to_lowercase());
    texts.iter().filter(stands).map(|text| (*text).to_owned()).collect()
}

#[tokio::test]
async fn who_leaves_is_nowhere_to_be_found_and_everything_adds_up() {
    let world =
        World::start(&[("RUST_LOG", "debug,lapin=info,tokio_postgres=info,hyper=info")]).await;
    let broker = world.broker().await;
    let mut queues = Vec::new();
    for exchange in [LINKS_EVENTS, MARKET_EVENTS, VENUES_EVENTS, OUTINGS_EVENTS] {
        queues.push(broker.listen(exchange.name).await);
    }
    let person = world.given_person().await;
    let buyer = world.given_user("standard").await;
    let key = "keyed by Canarina";
    let body = json!({ "title": OLD_TITLE, "price": 19.99 });
    let list = world.by(&person, Method::POST, "/api/tickets").header("idempotency-key", key);
    let sold = list.json(&body).ask().await.is(201).member("id");
    let path = format!("/api/tickets/{sold}");
    let change = json!({ "title": TITLE, "price": 19.99 });
    world.by(&person, Method::PUT, &path).json(&change).ask().await.is(200);
    let deal = Deal { seller: person.clone(), buyer: buyer.clone(), ticket: sold };
    let ordered = world.given_order_of(deal).await;
    world.pay(&buyer, &ordered.order, "tok_visa").await.is(201);
    let offered = world.list_ticket(&person, TITLE, 5.0).await.is(201).member("id");
    let other = world.given_ticket().await;
    let bought = world.given_order_of(Deal { buyer: person.clone(), ..other }).await;
    world.pay(&person, &bought.order, CARD).await.is(201);
    let wallet = world.given_money(&person, 100).await;
    let sale = world.given_sale(&[("A", 1, 4)]).await;
    world.reserve(&person, &sale.ticket("A", 1, 1)).await.is(200);
    world.purchase(&person, &wallet).await.is(200);
    let request = world.given_request(Some(&person)).await;
    let phone = json!({ "phone_number": PHONE });
    world.by(&person, Method::PATCH, "/auth/v1/profile").json(&phone).ask().await.is(200);
    let review = json!({ "text": TITLE, "score": 7 });
    let path = format!("/ugc/v1/movies/{METROPOLIS}/review");
    world.by(&person, Method::PUT, &path).json(&review).ask().await.is(200);
    let url = json!({ "url": "http://localhost/canarina" });
    world.post_as(&person, "/api/v1/shortener", &url).await.is(201);
    let mut outing = announcement(in_hours(24), 2);
    for (name, text) in [("title", OUTING), ("description", MEETING), ("event_location", PLACE)] {
        outing[name] = json!(text);
    }
    let hosted = world.announce(&person, &outing).await.is(200).member("id");
    let guest = world.given_applicant(&Outing::of(&person, &hosted, in_hours(24))).await.0;
    let attended = world.given_outing(2, in_hours(72)).await;
    let applied = world.book(&person, &attended.id).await.is(200).member("id");
    let told =
        [NAME, TITLE, OLD_TITLE, OUTING, MEETING, PLACE, PHONE, &person.username, &person.email];
    let before = world.dump().await;
    assert_eq!(found(&before, &told).len(), told.len(), "the control: all of it is there");

    let left = world.leave(&person).await.is(204);
    assert!(left.cookie("Authentication").is_empty(), "the session's cookie ends");

    world.by(&person, Method::GET, "/api/orders").ask().await.is(401);
    world.login(&person.username, PASSWORD).await.is(401);
    let seen: Value = world.ticket(&offered).await;
    assert_eq!((seen["status"].as_str(), seen["title"].as_str()), (Some("withdrawn"), Some("")));
    assert_eq!(world.order(&buyer, &ordered.order).await["status"], "completed");
    assert_eq!(world.events_of(request).await.first().map(String::as_str), Some("Requested"));
    world.booking(&attended.host, &applied).await.is(404);
    let free = announcement(in_hours(24), 2);
    eventually("who applied is free again", async || {
        world.announce(&guest, &free).await.status == 200
    })
    .await;
    for log in ["links", "market", "venues", "outings"] {
        world.until_projected(log).await;
    }
    world.verify().await.unwrap();
    let relayed = "select count(*) from relay_cursors c \
                   where position < (select max(position) from events e where e.log = c.log)";
    eventually("everything is relayed", async || world.count(relayed).await == 0).await;
    let mut messages = String::new();
    for queue in &queues {
        while let Some(message) = broker.take(queue).await {
            messages.push_str(&format!("{:?} ", message.properties));
            messages.push_str(&String::from_utf8_lossy(&message.data));
        }
    }
    assert!(messages.contains(&ordered.order), "the messages were not read");
    let dump = world.dump().await;
    assert!(dump.contains(&ordered.order), "the dump was not read");
    for (place, text) in [("dump", &dump), ("messages", &messages), ("logs", &world.logs())] {
        assert_eq!(found(text, &[&told[..], &["canary", key]].concat()), [""; 0], "in the {place}");
    }
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_name_that_was_erased_is_free_and_opens_nothing_of_before() {
    let world = World::shared();
    let person = world.given_person().await;
    let wallet = world.given_wallet(&person).await;
    world.leave(&person).await.is(204);
    world.leave(&person).await.is(401);
    let again = json!({ "username": person.username, "email": person.email,
                        "password": PASSWORD, "first_name": NAME, "last_name": "Doe" });
    world.post("/auth/users/").json(&again).ask().await.is(201);
    let next = world.logged_in_again(&person).await;
    let path = format!("/api/wallet/{wallet}");
    world.by(&next, Method::GET, &path).ask().await.is(404);
}

/// An earlier version kept what a seller wrote, in what buyers were answered, for a day.
#[tokio::test]
async fn a_repeated_order_does_not_say_what_its_seller_wrote_who_left() {
    let world = World::shared();
    let (seller, buyer) = (world.given_user("standard").await, world.given_user("standard").await);
    let title = format!("Seen by {}", seller.username);
    let listed = world.list_ticket(&seller, &title, 5.0).await.is(201).member("id");
    let order = async || {
        let request =
            world.by(&buyer, Method::POST, "/api/orders").json(&json!({ "ticketId": listed }));
        request.header("Idempotency-Key", "one").ask().await.is(201).json
    };
    let made = order().await;
    assert_eq!(made["ticket"]["title"], title);
    assert_eq!(order().await, made);
    let id = made["id"].as_str().unwrap();
    assert_eq!(world.kept(id).await, 1, "the control: the answer is kept");
    assert_eq!(world.kept(&seller.username).await, 0);
    world.leave(&seller).await.is(204);
    let again = order().await;
    assert_eq!((&again["id"], &again["ticket"]["title"]), (&made["id"], &json!("")));
}

/// An earlier version kept a digest of address and names beside the account's id for a day.
#[tokio::test]
async fn what_is_kept_for_repeats_of_a_registration_goes_with_its_account() {
    let world = World::shared();
    let signed_up = json!({ "firstName": NAME, "email": new_email(), "password": PASSWORD });
    for (door, body) in [
        ("/register", registration("standard")),
        ("/auth/users/", new_user()),
        ("/api/users/signup", signed_up),
    ] {
        let request = world.post(door).header("idempotency-key", Uuid::new_v4().to_string());
        request.json(&body).ask().await.is(201);
        let email = body["email"].as_str().unwrap().to_owned();
        let username = body["username"].as_str().map_or(email.clone(), str::to_owned);
        let token = world.login(&username, PASSWORD).await.is(200).member("access_token");
        let person = User { username, email, token };
        let id = world.id_of(&person).await;
        let kept = format!("select count(*) from idempotency_keys where about = '{id}'");
        assert_eq!(world.count(&kept).await, 1, "the control: {door} keeps its answer");
        world.leave(&person).await.is(204);
        assert_eq!(world.count(&kept).await, 0, "{door}");
    }
}

/// An earlier version forgot the token, but let everybody use it who had it.
#[tokio::test]
async fn the_link_of_somebody_who_left_can_not_be_used_by_who_was_given_it() {
    let world = World::shared();
    let link = world.given_open_link().await;
    let known = format!(
        "select count(*) from link_status where request_id = '{}' and token_id is not null",
        link.id
    );
    eventually("it is known whose link it is", async || world.count(&known).await == 1).await;
    world.leave(link.owner.as_ref().unwrap()).await.is(204);
    world.buy(&link).await.problem(400, "link_wrong");
}

#[tokio::test]
async fn only_who_is_signed_in_can_leave() {
    World::shared().request(Method::DELETE, "/account").ask().await.is(401);
}
