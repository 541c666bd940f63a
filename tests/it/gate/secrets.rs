//! Nothing secret is written where it could be read: not in logs, events, metrics, dead letters or
//! messages but the one verdict. With a control: the checker finds what is there.

use shared_events::topology::{LINKS_EVENTS, MARKET_EVENTS, RECORD_VERDICTS, VENUES_EVENTS};
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
async fn places(gate: &World, broker: &Broker, listeners: &[&str]) -> Vec<Place> {
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
        "stadiums",
        "tickets",
        "wallets",
        "ledger",
        "purchases",
        "snapshots",
        "link_notices",
        "market_notices",
        "venue_notices",
        "outing_notices",
        "deliveries",
    ] {
        let query = format!("select coalesce(string_agg(t::text, ' '), '') from {table} t");
        tables.push_str(sql.query_one(&query, &[]).await.unwrap().get(0));
    }
    let mut messages = String::new();
    for queue in listeners.iter().copied().chain([RECORD_VERDICTS.dead_letters.queue]) {
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
    let places = places(&gate, &broker, &[&links, &market]).await;
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

/// The same of the doors under `/auth`, where names, passwords and both kinds of tokens come in
/// bodies.
#[tokio::test]
async fn no_secret_of_an_account_is_written_where_it_could_be_read() {
    let gate =
        World::start(&[("RUST_LOG", "debug,lapin=info,tokio_postgres=info,hyper=info")]).await;
    let broker = gate.broker().await;
    let links = broker.listen(LINKS_EVENTS.name).await;
    let market = broker.listen(MARKET_EVENTS.name).await;
    let username = new_name();
    let (old, next) = ("canary-Password-77", "canary-Password-78");
    let user = serde_json::json!({
        "username": username, "email": format!("canary-address-{username}@example.com"),
        "password": old, "first_name": "Canary-First", "last_name": "Canary-Last",
    });
    let key = Uuid::new_v4().to_string();
    for _ in 0..2 {
        let create = gate.post("/auth/users/").header("idempotency-key", &key);
        create.json(&user).ask().await.is(201);
    }
    let post = |path: &str, body: serde_json::Value| gate.post(path).json(&body).ask();
    post("/auth/users", user).await.is(409);
    let wrong = serde_json::json!({ "username": username, "password": "canary-Wrong-password" });
    post("/auth/jwt/create", wrong).await.is(401);
    let right = serde_json::json!({ "username": username, "password": old });
    let first = post("/auth/jwt/create", right).await.is(200);
    let (access, used) = (first.member("access"), first.member("refresh"));
    let second = post("/auth/jwt/refresh", serde_json::json!({ "refresh": used })).await.is(200);
    post("/auth/jwt/verify", serde_json::json!({ "token": access })).await.is(200);
    let id = gate.get("/request_for_ticketing_link").bearer_auth(&access).ask().await.is(201);
    let change = |current: &str| {
        let body = serde_json::json!({ "current_password": current, "new_password": next });
        gate.post("/auth/users/set_password").bearer_auth(&access).json(&body).ask()
    };
    change("canary-Wrong-password").await.is(400);
    change(old).await.is(204);
    post("/auth/jwt/refresh", serde_json::json!({ "refresh": used })).await.is(401);
    let relayed =
        async || gate.count("select position from relay_cursors where log = 'links'").await == 3;
    eventually("everything is relayed", relayed).await;
    let of_refresh = |token: &str| token.split('.').nth(1).expect("a secret").to_owned();
    let secrets = [
        ("a password", "canary-Password".to_owned()),
        ("a wrong password", "canary-Wrong-password".to_owned()),
        ("an address", "canary-address".to_owned()),
        ("a name", "Canary-".to_owned()),
        ("a login token", signature(&access)),
        ("a used refresh token", of_refresh(&used)),
        ("a refresh token", of_refresh(&second.member("refresh"))),
        ("a hash", "argon2id".to_owned()),
        ("an idempotency key", key),
    ];
    let places = places(&gate, &broker, &[&links, &market]).await;
    assert_eq!(leaks(&places, &secrets), Vec::<String>::new());

    // The control: what does stand there is found.
    let found = leaks(&places, &[("the id", id.member("request_id"))]);
    assert!(found.iter().any(|leak| leak == "the id in the tables"), "{found:?}");
    assert!(places[0].1.contains("/auth/users/set_password"), "the access log was not read");
    gate.system.stop().await.unwrap();
}

/// The same of the venues: what a wallet is topped up from, and who people are. Events know them by
/// their ids alone.
#[tokio::test]
async fn no_secret_of_a_wallet_is_written_where_it_could_be_read() {
    let world =
        World::start(&[("RUST_LOG", "debug,lapin=info,tokio_postgres=info,hyper=info")]).await;
    let broker = world.broker().await;
    let venues = broker.listen(VENUES_EVENTS.name).await;
    let sale = world.given_sale(&[("A", 1, 4)]).await;
    let user = world.given_user("standard").await;
    let wallet = world.given_wallet(&user).await;
    let (charge, key) = (format!("/api/wallet/{wallet}/charge/"), Uuid::new_v4().to_string());
    let top_up = async |token: &str| {
        let body = serde_json::json!({ "money": 50, "token": token });
        let request = world.post(&charge).bearer_auth(&user.token).json(&body);
        request.header("idempotency-key", format!("{key}-{token}")).ask().await
    };
    for _ in 0..2 {
        top_up(CARD).await.is(200);
    }
    top_up("tok_chargeDeclined").await.is(402);
    world.reserve(&user, &sale.ticket("A", 1, 1)).await.is(200);
    let bought = world.purchase(&user, &wallet).await.is(200).member("purchase_id");
    let path = format!("/api/purchase/{bought}/refund");
    world.post(&path).bearer_auth(&user.token).ask().await.is(200);
    world.until_projected("venues").await;
    let left = "select count(*) from relay_cursors c \
                where position < (select max(position) from events e where e.log = c.log)";
    eventually("everything is relayed", async || world.count(left).await == 0).await;
    let secrets = [
        ("a card's token", CARD.to_owned()),
        ("a name", user.username.clone()),
        ("an address", user.email.clone()),
        ("a password", PASSWORD.to_owned()),
        ("a login token", signature(&user.token)),
        ("an idempotency key", key),
    ];
    let places = places(&world, &broker, &[&venues]).await;
    assert_eq!(leaks(&places, &secrets), Vec::<String>::new());

    // The control: what does stand there is found.
    let found = leaks(&places, &[("the purchase", bought)]);
    for place in ["the tables", "messages and dead letters"] {
        assert!(found.contains(&format!("the purchase in {place}")), "{found:?}");
    }
    assert!(places[0].1.contains("/refund"), "the access log was not read");
    world.system.stop().await.unwrap();
}

/// The part of a token that makes it one.
fn signature(token: &str) -> String {
    token.rsplit('.').next().expect("a signature").to_owned()
}
