//! Rate limits as they are unless somebody sets others. Each test has a system of its own: limits
//! count by address, and all tests come from one.

use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::{PASSWORD, User};

const ON: [(&str, &str); 1] = [("RATE_LIMITS", "on")];

/// The answer is 429 and says how long to wait.
pub(crate) fn is_limited(answer: Answer, policy: &str) {
    let limited = answer.problem(429, "rate_limited");
    let wait: u64 = limited.header("retry-after").parse().expect("seconds");
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(limited.header("ratelimit-policy").contains(policy), "{:?}", limited.headers);
    assert!(limited.header("ratelimit").contains("r=0"), "{:?}", limited.headers);
}

#[tokio::test]
async fn an_account_and_an_address_have_their_limits() {
    let gate = World::start(&ON).await;
    let user = gate.given_user("standard").await;
    // Its login was the first of the five in a minute.
    for left in (0..4).rev() {
        let refused = gate.login(&user.username, "wrong-password").await.is(401);
        assert_eq!(refused.header("ratelimit-policy"), "\"login\";q=5;w=60");
        assert!(refused.header("ratelimit").starts_with(&format!("\"login\";r={left};t=")));
    }
    is_limited(gate.login(&user.username, "wrong-password").await, "\"login\";q=5;w=60");
    // Not even the right password passes, in whatever spelling of the name; but another account
    // does.
    is_limited(gate.login(&user.username.to_uppercase(), PASSWORD).await, "\"login\"");
    let other = gate.given_user("standard").await;

    for _ in 0..10 {
        let made = gate.ask_for_link(Some(&user)).await.is(201);
        assert!(made.header("ratelimit-policy").contains("\"account\";q=10;w=60"));
    }
    is_limited(gate.ask_for_link(Some(&user)).await, "\"account\";q=10;w=60");

    // The refused one counted too, as the eleventh of this address' thirty.
    let mut made = 0;
    let refused = loop {
        let guest = gate.ask_for_link(None).await;
        if guest.status != 201 {
            break guest;
        }
        made += 1;
        assert!(made <= 20, "the address has no limit");
    };
    assert!(made >= 19, "only {made} guests were let in");
    is_limited(refused, "\"address\";q=30;w=60");
    is_limited(gate.ask_for_link(Some(&other)).await, "\"address\";q=30;w=60");
    gate.system.stop().await.unwrap();
}

/// Offering, ordering and paying are counted together; reading is not.
#[tokio::test]
async fn an_account_changes_the_market_only_so_often() {
    let world = World::start(&[ON[0], ("MARKET_CHANGES_PER_MINUTE", "3")]).await;
    let (seller, buyer) = (world.given_user("standard").await, world.given_user("standard").await);
    let policy = "\"market\";q=3;w=60";
    let listed = world.list_ticket(&seller, "Concert", 7.0).await.is(201);
    assert!(listed.header("ratelimit-policy").contains(policy), "{:?}", listed.headers);
    assert!(listed.header("ratelimit").contains("\"market\";r=2;"), "{:?}", listed.headers);
    let ticket = listed.member("id");
    for _ in 0..2 {
        world.list_ticket(&seller, "Concert", 7.0).await.is(201);
    }
    is_limited(world.list_ticket(&seller, "Concert", 7.0).await, policy);
    let order = world.order_ticket(&buyer, &ticket).await.is(201).member("id");
    world.pay(&buyer, &order, "tok_chargeDeclined").await.is(402);
    world.pay(&buyer, &order, "tok_visa").await.is(201);
    is_limited(world.cancel_order(&buyer, &order).await, policy);
    for _ in 0..5 {
        assert_eq!(world.ticket(&ticket).await["status"], "sold");
    }
    world.system.stop().await.unwrap();
}

async fn from(gate: &World, address: &str, user: Option<&User>) -> Answer {
    let request = gate.get("/request_for_ticketing_link").header("x-forwarded-for", address);
    match user {
        Some(user) => request.bearer_auth(&user.token).ask().await,
        None => request.ask().await,
    }
}

#[tokio::test]
async fn only_a_trusted_proxy_tells_who_the_client_is() {
    let one_a_minute = ("GUEST_LINK_REQUESTS_PER_MINUTE", "1");
    let gate = World::start(&[ON[0], one_a_minute]).await;
    from(&gate, "192.0.2.1", None).await.is(201);
    is_limited(from(&gate, "192.0.2.2", None).await, "\"address\";q=1;w=60");
    gate.system.stop().await.unwrap();

    let behind_proxy = ("TRUSTED_PROXIES", "127.0.0.0/8");
    let gate = World::start(&[ON[0], one_a_minute, behind_proxy]).await;
    from(&gate, "192.0.2.1", None).await.is(201);
    from(&gate, "192.0.2.2", None).await.is(201);
    is_limited(from(&gate, "192.0.2.1", None).await, "\"address\"");
    // What the client claims for itself stands before what the proxy adds.
    is_limited(from(&gate, "203.0.113.9, 192.0.2.1", None).await, "\"address\"");
    gate.system.stop().await.unwrap();
}
