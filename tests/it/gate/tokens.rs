//! Login tokens: what is accepted as one, in which form, and that everything else is 401 and never
//! a guest. What time does to them is in `tokens_in_time`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, decode_header, encode};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::world::World;
use crate::world::answer::Ask;
use crate::world::people::User;

/// The claims of a token, unverified.
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64")).expect("JSON")
}

/// The private key that this system signs login tokens with, as PEM: the newest in its folder.
pub(crate) fn signing_key(gate: &World) -> EncodingKey {
    let folder = gate.system.wiring.home.key("login");
    let files = folder.read_dir().expect("a folder").map(|entry| entry.expect("a file").path());
    let newest = files.filter(|file| file.extension().is_some_and(|e| e == "pem")).max();
    let pem = std::fs::read(newest.expect("a key")).expect("readable");
    EncodingKey::from_ec_pem(&pem).expect("a private key")
}

/// A token with this header and these claims, signed with the system's own key.
fn minted(gate: &World, header: &Header, claims: &Value) -> String {
    encode(header, claims, &signing_key(gate)).expect("a token")
}

fn with(claims: &Value, member: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[member] = value;
    claims
}

/// Asks for a link and for a check with this credential: both have to refuse it.
async fn is_refused(
    gate: &World,
    what: &str,
    credential: impl Fn(RequestBuilder) -> RequestBuilder,
) {
    let id = uuid::Uuid::now_v7();
    for path in [
        "/request_for_ticketing_link".to_owned(),
        format!("/check_ticketing_link?request_id={id}"),
        format!("/link_requests/{id}/events"),
    ] {
        let refused = credential(gate.get(&path)).ask().await;
        assert_eq!(refused.status, 401, "{what} at {path}: {}", refused.text);
        let refused = refused.problem(401, "invalid_token");
        assert_eq!(refused.header("www-authenticate"), "Bearer error=\"invalid_token\"");
    }
}

#[tokio::test]
async fn a_token_tells_readers_elsewhere_who_it_is() {
    let gate = World::shared();
    let user = gate.given_user("standard").await;
    let header = decode_header(&user.token).unwrap();
    assert_eq!(header.alg, Algorithm::ES256);
    assert_eq!(header.typ.as_deref(), Some("login+jwt"));
    let claims = claims(&user.token);
    assert_eq!(claims["username"], user.username);
    assert_eq!(claims["tier"], "standard");
    assert_eq!(claims["roles"], json!([]));
    let seconds = |name: &str| claims[name].as_i64().unwrap();
    assert_eq!(seconds("exp") - seconds("iat"), 3_600);
    assert_eq!(seconds("nbf"), seconds("iat"));
    for name in ["iss", "aud", "sub", "jti"] {
        assert!(claims[name].is_string(), "{name}: {claims}");
    }
}

#[tokio::test]
async fn a_token_is_read_from_either_scheme_and_the_cookie() {
    let gate = World::shared();
    let User { token, .. } = &gate.given_user("standard").await;
    for (name, value) in [
        ("authorization", format!("Bearer {token}")),
        ("authorization", format!("bearer {token}")),
        ("authorization", format!("JWT {token}")),
        ("cookie", format!("theme=dark; Authentication={token}")),
    ] {
        let made = gate.get("/request_for_ticketing_link").header(name, &value).ask().await.is(201);
        let id = made.member("request_id");
        // It became the account's: a guest does not find it.
        let check = format!("/check_ticketing_link?request_id={id}");
        gate.get(&check).ask().await.is(404);
        gate.get(&check).header(name, &value).ask().await.is(200);
    }
}

#[tokio::test]
async fn what_is_no_token_is_refused() {
    let gate = World::shared();
    let User { token, .. } = &gate.given_user("standard").await;
    for (name, value) in [
        ("authorization", "Bearer garbage".to_owned()),
        ("authorization", "Bearer a.b.c".to_owned()),
        ("authorization", "Bearer ".to_owned()),
        ("authorization", token.clone()),
        ("authorization", format!("Basic {token}")),
        ("authorization", format!("Bearer {token}x")),
        ("authorization", format!("Bearer {}", "x".repeat(5_000))),
        ("cookie", "Authentication=garbage".to_owned()),
    ] {
        is_refused(gate, &value, |request| request.header(name, &value)).await;
    }
}

#[tokio::test]
async fn a_link_token_is_never_a_login_token() {
    let gate = World::shared();
    let link = gate.given_open_link().await;
    for scheme in ["Bearer", "JWT"] {
        let value = format!("{scheme} {}", link.token);
        is_refused(gate, "a link token", |request| request.header("authorization", &value)).await;
    }
    let cookie = format!("Authentication={}", link.token);
    is_refused(gate, "a link token", |request| request.header("cookie", &cookie)).await;
}

#[tokio::test]
async fn a_token_that_is_not_signed_as_ours_is_refused() {
    let gate = World::shared();
    let user = gate.given_user("standard").await;
    let (header, claims) = (decode_header(&user.token).unwrap(), claims(&user.token));
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let none = json!({ "alg": "none", "typ": "login+jwt", "kid": header.kid });
    let unsigned = format!("{}.{}.", part(&none), part(&claims));
    let keys = gate.get("/.well-known/jwks.json").ask().await.is(200);
    let x = keys.json["keys"][0]["x"].as_str().unwrap();
    let mac_header = Header { alg: Algorithm::HS256, ..header.clone() };
    let mac =
        |secret: &[u8]| encode(&mac_header, &claims, &EncodingKey::from_secret(secret)).unwrap();
    let theirs = foreign_key();
    let foreign = encode(&header, &claims, &theirs).unwrap();
    let (signed, _) = user.token.rsplit_once('.').unwrap();
    for (what, token) in [
        ("alg none", unsigned.clone()),
        ("alg none with the signature of another", format!("{unsigned}c2ln")),
        ("no signature", format!("{signed}.")),
        ("HS256 with the public key", mac(keys.json["keys"][0].to_string().as_bytes())),
        ("HS256 with the public point", mac(&URL_SAFE_NO_PAD.decode(x).unwrap())),
        ("another key", foreign),
    ] {
        is_refused(gate, what, |request| request.bearer_auth(&token)).await;
    }
}

/// A private key nobody knows.
pub(crate) fn foreign_key() -> EncodingKey {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
    EncodingKey::from_ec_der(pair.to_pkcs8v1().expect("a document").as_ref())
}

#[tokio::test]
async fn a_token_of_ours_for_another_purpose_is_refused() {
    let gate = World::shared();
    let user = gate.given_user("standard").await;
    let (header, claims) = (decode_header(&user.token).unwrap(), claims(&user.token));
    // The same token signed again is accepted, so what is refused below is refused for its
    // difference.
    let same = minted(gate, &header, &claims);
    assert_ne!(same, user.token);
    gate.get("/request_for_ticketing_link").bearer_auth(&same).ask().await.is(201);
    let typed = |typ: Option<&str>| Header { typ: typ.map(str::to_owned), ..header.clone() };
    let keyed = |kid: Option<&str>| Header { kid: kid.map(str::to_owned), ..header.clone() };
    for (what, token) in [
        ("another issuer", minted(gate, &header, &with(&claims, "iss", json!("rules")))),
        ("another audience", minted(gate, &header, &with(&claims, "aud", json!("buy_ticket")))),
        ("no audience", minted(gate, &header, &with(&claims, "aud", Value::Null))),
        ("no subject", minted(gate, &header, &with(&claims, "sub", Value::Null))),
        ("no end", minted(gate, &header, &with(&claims, "exp", Value::Null))),
        ("expired", minted(gate, &header, &with(&claims, "exp", json!(1_600_000_000)))),
        ("not yet valid", minted(gate, &header, &with(&claims, "nbf", json!(4_000_000_000_i64)))),
        ("the type of a link token", minted(gate, &typed(Some("link+jwt")), &claims)),
        ("the general type", minted(gate, &typed(Some("JWT")), &claims)),
        ("no type", minted(gate, &typed(None), &claims)),
        ("an unknown key", minted(gate, &keyed(Some("nobody")), &claims)),
        ("no key", minted(gate, &keyed(None), &claims)),
    ] {
        is_refused(gate, what, |request| request.bearer_auth(&token)).await;
    }
}

#[tokio::test]
async fn the_public_keys_are_published_and_the_private_ones_never() {
    let gate = World::shared();
    let user = gate.given_user("standard").await;
    let keys = gate.get("/.well-known/jwks.json").ask().await.is(200);
    let set = keys.json["keys"].as_array().unwrap();
    let kid = decode_header(&user.token).unwrap().kid.unwrap();
    assert!(set.iter().any(|key| key["kid"] == kid), "{}", keys.text);
    for key in set {
        let mut members: Vec<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        members.sort_unstable();
        for member in &members {
            let public = ["alg", "crv", "kid", "kty", "use", "x", "y"].contains(member);
            assert!(public, "{member} of a key is published");
        }
        assert_eq!((&key["kty"], &key["crv"]), (&json!("EC"), &json!("P-256")));
    }
}
