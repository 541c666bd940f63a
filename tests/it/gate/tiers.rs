//! Which tier an account has: asked for, granted, or raised by an administrator.

use std::time::{Duration, Instant};

use reqwest::Method;
use uuid::Uuid;

use super::tokens::claims;
use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::Ask;
use crate::world::people::User;

/// How long a grant may take to reach tokens that are in use.
const GRANT_REACHES: Duration = Duration::from_secs(1);

async fn grant(gate: &World, username: &str, what: &str) {
    gate.run(&["grant", username, what]).await.unwrap();
}

/// The tier that a request was made with.
async fn tier_of(gate: &World, id: Uuid) -> String {
    let query = "select payload->>'tier' from events where aggregate_id = $1 and sequence = 1";
    gate.sql().await.query_one(query, &[&id]).await.unwrap().get(0)
}

async fn tier_asked_with(gate: &World, user: &User) -> String {
    tier_of(gate, gate.given_request(Some(user)).await).await
}

#[tokio::test]
async fn where_tiers_are_entitled_nobody_gets_premium_by_asking() {
    let gate = World::start(&[("TIER_POLICY", "entitled")]).await;
    for role in ["premium", "standard", "default"] {
        let user = gate.given_user(role).await;
        assert_eq!(claims(&user.token)["tier"], "standard");
        assert_eq!(tier_asked_with(&gate, &user).await, "standard", "asked for {role}");
    }
    let user = gate.given_user("premium").await;
    grant(&gate, &user.username, "premium").await;
    let again = gate.logged_in_again(&user).await;
    assert_eq!(claims(&again.token)["tier"], "premium");
    gate.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_grant_reaches_tokens_in_use_within_a_second() {
    let gate = World::shared();
    let user = gate.given_user("standard").await;
    assert_eq!(tier_asked_with(gate, &user).await, "standard");
    for tier in ["premium", "default"] {
        grant(gate, &user.username.to_uppercase(), tier).await;
        let granted = Instant::now();
        let mut asked = tier_asked_with(gate, &user).await;
        while asked != tier && granted.elapsed() < GRANT_REACHES * 2 {
            asked = tier_asked_with(gate, &user).await;
        }
        assert_eq!(asked, tier, "after {:?}", granted.elapsed());
    }
}

#[tokio::test]
async fn a_grant_names_an_account_and_a_tier_there_is() {
    let gate = World::shared();
    let user = gate.given_user("standard").await;
    for arguments in
        [["grant", "nobody-has-this-name", "premium"], ["grant", &user.username, "gold"]]
    {
        assert!(gate.run(&arguments).await.is_err(), "{arguments:?}");
    }
    assert_eq!(tier_asked_with(gate, &user).await, "standard");
}

#[tokio::test]
async fn only_administrators_see_accounts() {
    let gate = World::shared();
    let (user, admin) = (gate.given_user("standard").await, gate.given_user("standard").await);
    let list = async |user: &User| {
        let path = format!("/admin/accounts?q={}", user.username);
        gate.get(&path).bearer_auth(&user.token).ask().await
    };
    gate.request(Method::GET, "/admin/accounts").ask().await.problem(401, "unauthenticated");
    list(&user).await.problem(403, "forbidden");
    grant(gate, &admin.username, "admin").await;
    eventually("the administrator is let in", async || list(&admin).await.status == 200).await;
    let seen = list(&admin).await.is(200);
    assert_eq!(seen.json[0]["username"], admin.username);
    assert_eq!(seen.json[0]["roles"][0], "admin");
    assert!(!seen.text.contains("argon2") && !seen.text.contains("password"), "{}", seen.text);
    list(&user).await.problem(403, "forbidden");
}
