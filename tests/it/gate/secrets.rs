//! Nothing secret is written where it could be read: not in logs, events, metrics, dead letters or
//! messages but the one verdict. With a control: the checker finds what is there.

use shared_events::topology::{LINKS_EVENTS, MARKET_EVENTS, RECORD_VERDICTS};
use uuid::Uuid;

use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::Ask;
use crate::world::inside::Broker;
use crate::world::people::{PASSWORD, new_email, new_name};

/// What somebody pays with.
const CARD: &str = "tok_canary_card_78";

/// A place that could be read, with all that stands in it.
type Place = (&'static str, String);

/// Every place that may hold no secret.
async fn places(gate: &World, broker: &Broker, listeners: [&str; 2]) -> Vec<Place> {
    let sql = gate.sql().await;
    let mut tables = String::new();
    for table in [
        "events",
        "link_status",
        "inbox",
        "retries",
        "deadlines",
        "idempotency_keys",
        "relay_cursors",
        "listings",
        "orders",
        "payments",
        "sessions",
        "sign_ins",
        "test_charges",
    ] {
        let query = format!("select coalesce(string_agg(t::text, ' '), '') from {table} t");
        tables.push_str(sql.query_one(&query, &[]).await.unwrap().get(0));
    }
    let mut messages = String::new();
    for queue in listeners.into_iter().chain([RECORD_VERDICTS.dead_letters.queue]) {
        while let Some(message) = broker.take(queue).await {
            messages.push_str(&format!("{:?} ", message.properties));
            messages.push_str(&String::from_utf8_lossy(&message.data));
        }
    }
    let ticketing = gate.get("/metrics").ask().await.is(200).text;
    let rules = format!("{}/metrics", gate.system.wiring.rules_url());
    let rules = gate.http().get(rules).ask().await.is(200).text;
    vec![
        ("the logs", gate.logs()),
        ("the tables", tables),
        ("messages and dead letters", messages),
        ("the metrics", ticketing + &rules),
    ]
}

/// Where one of these is found.
fn leaks(places: &[Place], secrets: &[(&str, String)]) -> Vec<String> {
    let found = places.iter().flat_map(|(place, text)| {
        let here = secrets.iter().filter(|(_, secret)| text.contains(secret.as_str()));
        here.map(move |(what, _)| format!("{what} in {place}"))
    });
    found.collect()
}

#[tokio::test]
async fn no_secret_is_written_where_it_could_be_read() {
    let gate =
        World::start(&[("RUST_LOG", "debug,lapin=info,tokio_postgres=info,hyper=info")]).await;
    let broker = gate.broker().await;
    let links = broker.listen(LINKS_EVENTS.name).await;
    let market = broker.listen(MARKET_EVENTS.name).await;
    let (username, password) = (new_name(), "canary-Password-77".to_owned());
    let email = format!("canary-address-{username}@example.com");
    let registration = serde_json::json!({
        "email": email, "username": username, "password": password, "role": "premium",
    });
    let key = Uuid::new_v4().to_string();
    for _ in 0..2 {
        let register = gate.post("/register").header("idempotency-key", &key);
        register.json(&registration).ask().await.is(201);
    }
    gate.register(&registration).await.is(409);
    gate.login(&username, "canary-Wrong-password").await.is(401);
    let token = gate.login(&username, &password).await.is(200).member("access_token");
    let user = crate::world::people::User { username, email: email.clone(), token };
    let id = gate.given_request(Some(&user)).await;
    let link = gate.issued(id, Some(user.clone())).await;
    gate.buy_with(&format!("{}x", link.token), id).await.is(400);
    gate.buy(&link).await.is(200);
    gate.buy(&link).await.is(400);
    gate.get(&format!("/nowhere/{}?token={}", link.token, link.token)).ask().await.is(404);
    gate.get("/request_for_ticketing_link").bearer_auth(&link.token).ask().await.is(401);
    let poison = format!("{{\"access_token\":\"{}\"", link.token);
    broker.publish_verdict(Uuid::new_v4(), poison.as_bytes()).await;
    eventually("the message is put away", async || {
        gate.logs().contains("put with the dead letters")
    })
    .await;
    let ordered = gate.given_order().await;
    gate.pay(&ordered.deal.buyer, &ordered.order, CARD).await.is(201);
    let (session, refresh) = session(&gate).await;
    let left = "select count(*) from relay_cursors c \
                where position < (select max(position) from events e where e.log = c.log)";
    eventually("everything is relayed", async || gate.count(left).await == 0).await;

    let secrets = [
        ("a password", password),
        ("a wrong password", "canary-Wrong-password".to_owned()),
        ("an address", "canary-address".to_owned()),
        ("a login token", signature(&user.token)),
        ("a link token", signature(&link.token)),
        ("a hash", "argon2id".to_owned()),
        ("an idempotency key", key),
        ("a card's token", CARD.to_owned()),
        ("a session's login token", signature(&session)),
        ("a refresh token", signature(&refresh)),
    ];
    let places = places(&gate, &broker, [&links, &market]).await;
    assert_eq!(leaks(&places, &secrets), Vec::<String>::new());

    // The control: what does stand in each place is found there.
    let known = [("the id", id.to_string()), ("the order", ordered.order.clone())];
    let found = leaks(&places, &known);
    for what in ["the id", "the order"] {
        for place in ["the tables", "messages and dead letters"] {
            assert!(found.contains(&format!("{what} in {place}")), "{found:?}");
        }
    }
    for (place, text) in &places {
        assert!(text.len() > 200, "{place} is nearly empty: {text}");
    }
    assert!(places[0].1.contains("/buy_ticket/"), "the access log was not read");
    assert!(places[2].1.contains("(removed)"), "the dead letter was not read");
    gate.system.stop().await.unwrap();
}

/// A session with cookies that was refreshed once: its login token and its refresh token.
async fn session(gate: &World) -> (String, String) {
    let body = serde_json::json!({ "email": new_email(), "password": PASSWORD });
    let signed = gate.post("/api/users/signup").json(&body).ask().await.is(201);
    let first = format!("Refresh={}", signed.cookie("Refresh"));
    let next = gate.post("/token/refresh").header("cookie", first).ask().await.is(200);
    (next.cookie("Authentication"), next.cookie("Refresh"))
}

/// The part of a token that makes it one.
fn signature(token: &str) -> String {
    token.rsplit('.').next().expect("a signature").to_owned()
}
