//! Signing in with Google and with Facebook: there and back through a real provider, and all that
//! may come back instead.

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::harness::eventually;
use crate::peers::openid::{SECRET, SignIn, with_parameter};
use crate::world::World;
use crate::world::answer::Ask;
use crate::world::people::{PASSWORD, new_email};

/// Takes the cookie of a sign-in back.
const NO_SIGN_IN: &str = "SignIn=; Path=/api/users; Expires=Thu, 01 Jan 1970 00:00:00 GMT";

fn claims(email: &str, verified: bool) -> serde_json::Value {
    // Digits that a float would lose.
    let sub = format!("{}{}", 1_022_345_678_901_234_567_u64, Uuid::new_v4().as_u128());
    json!({
        "sub": sub, "email": email, "email_verified": verified,
        "given_name": "Jane", "family_name": "Roe",
    })
}

#[tokio::test]
async fn the_first_sign_in_makes_the_account_and_the_next_finds_it() {
    let there = SignIn::shared();
    for provider in ["google", "facebook"] {
        let claims = claims(&new_email(), true);
        let browser = there.browser();
        let first = browser.sign_in(provider, &claims).await.is(200);
        let user = json!({ "id": first.member("id"), "email": claims["email"],
                           "firstName": "Jane", "lastName": "Roe" });
        assert_eq!(first.json, user);
        let me = browser.open("/api/users/currentuser").await.is(200);
        assert_eq!(me.json, json!({ "currentUser": user }));
        let again = there.browser().sign_in(provider, &claims).await.is(200);
        assert_eq!(again.member("id"), first.member("id"));
        // Nobody knows a password for it.
        let email = claims["email"].as_str().unwrap();
        there.world.login(email, PASSWORD).await.is(401);
        let body = json!({ "email": email, "password": "" });
        let sign_in = there.world.post("/api/users/signin").json(&body).ask().await;
        assert!([400, 422].contains(&sign_in.status), "{}", sign_in.text);
    }
    assert!(!there.world.logs().contains(SECRET));
}

#[tokio::test]
async fn who_tells_no_address_has_an_account_that_administrators_read() {
    let there = SignIn::shared();
    let (world, mut claims) = (&there.world, claims("", false));
    claims.as_object_mut().unwrap().remove("email");
    let browser = there.browser();
    let signed = browser.sign_in("facebook", &claims).await.is(200);
    let user = json!({ "id": signed.member("id"), "firstName": "Jane", "lastName": "Roe" });
    assert_eq!(signed.json, user);
    let again = there.browser().sign_in("facebook", &claims).await.is(200);
    assert_eq!(again.json, user);

    let administrator = world.given_user("standard").await;
    world.run(&["grant", &administrator.username, "admin"]).await.unwrap();
    let read = |path: String| world.get(&path).bearer_auth(&administrator.token);
    let list = || read("/admin/accounts".to_owned());
    eventually("they are let in", async || list().ask().await.status == 200).await;
    let accounts = list().ask().await.json;
    let account = accounts.as_array().unwrap().iter().find(|row| row["id"] == user["id"]).unwrap();
    assert!(!account.as_object().unwrap().contains_key("email"), "{account}");
    let one = read(format!("/admin/accounts/{}", signed.member("id"))).ask().await.is(200);
    assert_eq!(&one.json, account);
    let username = account["username"].as_str().unwrap();
    let found = read(format!("/admin/accounts?q={username}")).ask().await.is(200);
    assert_eq!(found.json, json!([account]));
}

/// Else who registers a victim's address first would own the account that the victim comes to.
#[tokio::test]
async fn who_registered_somebody_elses_address_loses_the_account_to_them() {
    let there = SignIn::shared();
    let squatter = there.world.given_user("premium").await;
    let me = async |token: &str| {
        there.world.get("/api/users/currentuser").bearer_auth(token).ask().await
    };
    let squatted = me(&squatter.token).await.is(200);
    let browser = there.browser();
    let owner = browser.sign_in("google", &claims(&squatter.email, true)).await.is(200);
    assert_eq!(owner.member("id"), squatted.json["currentUser"]["id"].as_str().unwrap());
    let is_out = async || me(&squatter.token).await.status == 401;
    eventually("what was signed in before is refused", is_out).await;
    there.world.login(&squatter.username, PASSWORD).await.is(401);
    browser.open("/api/users/currentuser").await.is(200);
}

/// A password is not all that a squatter can come back with.
#[tokio::test]
async fn who_came_with_somebody_elses_address_by_another_provider_loses_the_account_too() {
    let there = SignIn::shared();
    let email = new_email();
    let (theirs, owners) = (claims(&email, true), claims(&email, true));
    // Facebook says whom somebody claims to be, Google knows.
    let squatter = there.browser();
    let squatted = squatter.sign_in("facebook", &theirs).await.is(200);
    let owner = there.browser();
    let taken = owner.sign_in("google", &owners).await.is(200);
    assert_eq!(taken.member("id"), squatted.member("id"));
    squatter.open("/api/users/currentuser").await.problem(401, "invalid_token");
    let again = there.browser().sign_in("facebook", &theirs).await;
    again.problem(400, "email_registered");
    owner.open("/api/users/currentuser").await.is(200);
    there.browser().sign_in("google", &owners).await.is(200);
}

#[tokio::test]
async fn an_identity_that_is_cut_off_while_it_signs_in_opens_nothing() {
    let there = SignIn::start("").await;
    let (world, claims) = (&there.world, claims(&new_email(), true));
    there.browser().sign_in("facebook", &claims).await.is(200);
    let browser = there.browser();
    let back = browser.agree(browser.begin("facebook").await, &claims).await;
    // As who owns the address does it.
    let owner = world.sql().await;
    let take = "begin; select from accounts for update; delete from identities";
    owner.batch_execute(take).await.unwrap();
    let taken = async {
        eventually("the session waits", || world.is_waited_for(&owner)).await;
        owner.batch_execute("commit").await.unwrap();
    };
    let (refused, ()) = tokio::join!(browser.come_back(&back), taken);
    refused.problem(401, "sign_in_refused");
    assert_eq!(world.count("select count(*) from sessions where ended_at is null").await, 1);
    there.world.system.stop().await.unwrap();
}

#[tokio::test]
async fn an_address_that_the_provider_does_not_vouch_for_opens_no_account() {
    let there = SignIn::shared();
    let user = there.world.given_user("standard").await;
    // Facebook never says whose an address is.
    for (provider, verified) in [("google", false), ("facebook", true)] {
        let claims = claims(&user.email, verified);
        let refused = there.browser().sign_in(provider, &claims).await;
        refused.problem(400, "email_registered");
    }
    there.world.login(&user.username, PASSWORD).await.is(200);
}

#[tokio::test]
async fn what_comes_back_from_another_sign_in_is_refused() {
    let there = SignIn::shared();
    for provider in ["google", "facebook"] {
        let claims = claims(&new_email(), true);
        let refused = async |state: &str| {
            let browser = there.browser();
            let back = browser.agree(browser.begin(provider).await, &claims).await;
            let back = with_parameter(&back, "state", state);
            browser.come_back(&back).await.problem(401, "sign_in_refused");
        };
        refused("").await;
        refused("made-up").await;
        // Somebody else's browser is led to where the attacker's sign-in comes back.
        let (attacker, victim) = (there.browser(), there.browser());
        let back = attacker.agree(attacker.begin(provider).await, &claims).await;
        victim.begin(provider).await;
        victim.come_back(&back).await.problem(401, "sign_in_refused");
        // The attacker's own browser still may, once.
        attacker.come_back(&back).await.is(200);
        attacker.come_back(&back).await.problem(401, "sign_in_refused");
    }
}

#[tokio::test]
async fn who_does_not_agree_at_the_provider_is_told_and_may_begin_again() {
    let there = SignIn::start("").await;
    for provider in ["google", "facebook"] {
        let browser = there.browser();
        let back = browser.cancel(browser.begin(provider).await).await;
        // Somebody else's browser has nothing to do with it.
        let stranger = there.browser().come_back(&back).await;
        assert_eq!(stranger.problem(401, "sign_in_refused").header("set-cookie"), "");
        let refused = browser.come_back(&back).await.problem(401, "sign_in_refused");
        let refused = refused.says("You did not agree to it at the provider: nobody was signed in");
        assert_eq!(refused.header("set-cookie"), NO_SIGN_IN);
        assert_eq!(there.world.count("select count(*) from sign_ins").await, 0);
        let claims = claims(&new_email(), true);
        let signed = browser.sign_in(provider, &claims).await.is(200);
        let mut cookies = signed.headers.get_all("set-cookie").iter();
        assert!(cookies.any(|cookie| cookie == NO_SIGN_IN), "{:?}", signed.headers);
    }
    there.world.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_code_that_is_made_up_or_expired_or_of_another_client_is_refused() {
    let there = SignIn::shared();
    for provider in ["google", "facebook"] {
        let claims = claims(&new_email(), true);
        let browser = there.browser();
        let back = browser.agree(browser.begin(provider).await, &claims).await;
        let made_up = with_parameter(&back, "code", "made-up");
        browser.come_back(&made_up).await.problem(401, "sign_in_refused");
        let browser = there.browser();
        let begun = with_parameter(&browser.begin(provider).await, "login_hint", "hasty");
        let back = browser.agree(begun, &claims).await;
        // As long as that code lives, and some.
        tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
        browser.come_back(&back).await.problem(401, "sign_in_refused");
        // Who has only seen the way back has no verifier.
        let browser = there.browser();
        let begun = browser.begin(provider).await;
        let challenge = "A".repeat(43);
        let begun = with_parameter(&begun, "code_challenge", &challenge);
        let back = browser.agree(begun, &claims).await;
        browser.come_back(&back).await.problem(401, "sign_in_refused");
    }
}

#[tokio::test]
async fn a_token_with_another_nonce_or_issuer_is_refused() {
    let there = SignIn::start("").await;
    let claims = claims(&new_email(), true);
    let browser = there.browser();
    let begun = with_parameter(&browser.begin("google").await, "nonce", "of-another-sign-in");
    let back = browser.agree(begun, &claims).await;
    browser.come_back(&back).await.problem(401, "sign_in_refused");
    // The answer says that it is another provider's (RFC 9207).
    let back = browser.agree(browser.begin("google").await, &claims).await;
    let elsewhere = with_parameter(&back, "iss", "https://elsewhere.example");
    browser.come_back(&elsewhere).await.problem(401, "sign_in_refused");
    there.world.system.stop().await.unwrap();

    let there = SignIn::start("/elsewhere").await;
    let browser = there.browser();
    let back = browser.agree(browser.begin("google").await, &claims).await;
    let back = with_parameter(&back, "iss", "");
    browser.come_back(&back).await.problem(401, "sign_in_refused");
    there.world.system.stop().await.unwrap();
}

#[tokio::test]
async fn no_sign_in_is_begun_or_ended_ahead_of_its_use() {
    let there = SignIn::start("").await;
    let (world, claims) = (&there.world, claims(&new_email(), true));
    for provider in ["google", "facebook"] {
        let path = format!("/api/users/{provider}");
        let ahead = world.get(&path).header("sec-purpose", "prefetch").ask().await;
        assert_eq!(ahead.problem(503, "prefetch_refused").header("cache-control"), "no-store");
        let head = world.request(Method::HEAD, &path).ask().await.is(200);
        assert!(head.header("set-cookie").is_empty() && head.header("location").is_empty());
        assert_eq!(world.count("select count(*) from sign_ins").await, 0);
        let browser = there.browser();
        let back = browser.agree(browser.begin(provider).await, &claims).await;
        let path = format!("{}?{}", back.path(), back.query().unwrap());
        let ahead = world.get(&path).header("purpose", "prefetch").ask().await;
        ahead.problem(503, "prefetch_refused");
        world.request(Method::HEAD, &path).ask().await.is(200);
        browser.come_back(&back).await;
        assert_eq!(world.count("select count(*) from sign_ins").await, 0);
    }
    there.world.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_provider_that_is_away_or_not_set_up_is_told() {
    for path in ["/api/users/google", "/api/users/facebook/redirect?code=x&state=y"] {
        World::shared().get(path).ask().await.problem(404, "not_found");
    }
    let nobody = "http://127.0.0.1:1";
    let settings =
        [("GOOGLE_CLIENT_ID", "x"), ("GOOGLE_CLIENT_SECRET", "y"), ("GOOGLE_ISSUER", nobody)];
    let world = World::start(&settings).await;
    let away = world.get("/api/users/google").ask().await.problem(503, "unavailable");
    assert!(!away.header("retry-after").is_empty());
    world.system.stop().await.unwrap();
}
