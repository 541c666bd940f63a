//! What passes for a login token, and all that does not.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;
use serde_json::{Value, json};

use super::*;
use crate::accounts::caller::Role;
use crate::accounts::grants::Standing;
use crate::accounts::keys::tests::Folder;

struct Given {
    folder: Folder,
    tokens: LoginTokens,
    grants: Grants,
}

fn given() -> Given {
    let folder = Folder::new();
    folder.add("20270101T000000Z");
    let grants = Grants::default();
    let tokens = LoginTokens::new(
        TokenKeys::open(&folder.0).unwrap(),
        grants.clone(),
        Revocations::default(),
    );
    Given { folder, tokens, grants }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn noon() -> DateTime<Utc> {
    at("2027-01-01T12:00:00Z")
}

fn john() -> Caller {
    Caller {
        account: AccountId(Uuid::from_u128(1)),
        username: "john".into(),
        tier: Tier::Premium,
        roles: Roles::default(),
        session: Uuid::from_u128(3),
    }
}

/// Signs a changed copy of a good token with the right key.
fn forge(given: &Given, header: impl Fn(&mut Header), claims: impl Fn(&mut Value)) -> String {
    let keys = given.tokens.keys.current();
    let key = keys.signing(noon()).unwrap();
    let mut head = Header::new(Algorithm::ES256);
    head.typ = Some(TYPE.into());
    head.kid = Some(key.id.clone());
    header(&mut head);
    let mut body = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": Uuid::from_u128(1), "jti": Uuid::from_u128(2),
        "iat": noon().timestamp(), "nbf": noon().timestamp(), "exp": noon().timestamp() + 3600,
        "username": "john", "tier": "premium", "roles": [], "sid": Uuid::from_u128(3),
    });
    claims(&mut body);
    encode(&head, &body, &key.signing).unwrap()
}

#[test]
fn a_token_names_its_account_for_an_hour_and_not_a_second_longer() {
    let given = given();
    let token = given.tokens.issue(&john(), noon()).unwrap();
    for moment in ["2027-01-01T12:00:00Z", "2027-01-01T12:59:59.999999Z"] {
        assert_eq!(given.tokens.verify(&token, at(moment)), Ok(john()));
    }
    let over = given.tokens.verify(&token, at("2027-01-01T13:00:00Z"));
    assert_eq!(over, Err(TokenRefused::Expired));
    let before = given.tokens.verify(&token, at("2027-01-01T11:59:59Z"));
    assert_eq!(before, Err(TokenRefused::NotYetValid));
}

#[test]
fn only_tokens_of_the_right_kind_pass() {
    let given = given();
    let unchanged = forge(&given, |_| {}, |_| {});
    assert_eq!(given.tokens.verify(&unchanged, noon()), Ok(john()), "the forgery tests nothing");
    let forgeries = [
        ("a link token's type", forge(&given, |h| h.typ = Some("link+jwt".into()), |_| {})),
        ("no type", forge(&given, |h| h.typ = None, |_| {})),
        ("an unknown key", forge(&given, |h| h.kid = Some("other".into()), |_| {})),
        ("no key", forge(&given, |h| h.kid = None, |_| {})),
        ("a critical extension", forge(&given, |h| h.crit = Some(vec!["x".into()]), |_| {})),
        ("another issuer", forge(&given, |_| {}, |c| c["iss"] = "rules".into())),
        ("another audience", forge(&given, |_| {}, |c| c["aud"] = "buy_ticket".into())),
        ("no audience", forge(&given, |_| {}, |c| c["aud"] = Value::Null)),
        ("no expiry", forge(&given, |_| {}, |c| drop(c.as_object_mut().unwrap().remove("exp")))),
        ("a subject that is no id", forge(&given, |_| {}, |c| c["sub"] = "john".into())),
        ("a tier that does not exist", forge(&given, |_| {}, |c| c["tier"] = "gold".into())),
    ];
    for (what, token) in forgeries {
        assert_eq!(given.tokens.verify(&token, noon()), Err(TokenRefused::NotOurs), "{what}");
    }
}

#[test]
fn neither_an_unsigned_token_nor_one_signed_with_the_public_key_passes() {
    let given = given();
    let good = given.tokens.issue(&john(), noon()).unwrap();
    let payload = good.split('.').nth(1).unwrap();
    let kid = given.tokens.keys.current().signing(noon()).unwrap().id.clone();
    let head = |alg: &str| {
        URL_SAFE_NO_PAD.encode(json!({"alg": alg, "typ": TYPE, "kid": kid}).to_string())
    };
    let jwks = given.tokens.keys.jwks(noon());
    let public = EncodingKey::from_secret(jwks.as_bytes());
    let mut symmetric = Header::new(Algorithm::HS256);
    symmetric.typ = Some(TYPE.into());
    symmetric.kid = Some(kid.clone());
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();

    let (signed, signature) = good.rsplit_once('.').unwrap();
    let forgeries = [
        format!("{}.{payload}.", head("none")),
        format!("{}.{payload}.{signature}", head("None")),
        encode(&symmetric, &claims, &public).unwrap(),
        format!("{signed}."),
        format!("{signed}.{}", "A".repeat(86)),
        format!("{good}x"),
        signed.to_owned(),
        String::new(),
        "x".repeat(100_000),
    ];
    for token in forgeries {
        assert_eq!(given.tokens.verify(&token, noon()), Err(TokenRefused::NotOurs), "{token:.80}");
    }
}

#[test]
fn a_grant_and_a_revocation_override_a_token_that_was_seen_before() {
    let given = given();
    let token = given.tokens.issue(&john(), noon()).unwrap();
    assert_eq!(given.tokens.verify(&token, noon()), Ok(john()));

    let roles = Roles::from_names(&["admin"]);
    let mut standing = Standing { tier: Tier::Standard, roles, tokens_valid_from: None };
    given.grants.replace(HashMap::from([(john().account, standing)]));
    let caller = given.tokens.verify(&token, noon()).unwrap();
    assert_eq!(caller.tier, Tier::Standard);
    assert!(caller.roles.contains(Role::Admin));

    standing.tokens_valid_from = Some(at("2027-01-01T12:00:01Z"));
    given.grants.replace(HashMap::from([(john().account, standing)]));
    assert_eq!(given.tokens.verify(&token, noon()), Err(TokenRefused::Revoked));
}

#[test]
fn a_token_outlives_the_change_of_its_key_but_not_the_removal() {
    let given = given();
    let token = given.tokens.issue(&john(), noon()).unwrap();
    given.folder.add("20270101T121000Z");
    given.tokens.keys.reload().unwrap();
    let later = at("2027-01-01T12:30:00Z");
    assert_eq!(given.tokens.verify(&token, later), Ok(john()));
    let renewed = given.tokens.issue(&john(), later).unwrap();
    let kid = |token: &str| decode_header(token).unwrap().kid;
    assert_ne!(kid(&token), kid(&renewed));

    std::fs::remove_file(given.folder.0.join("20270101T000000Z.pem")).unwrap();
    given.tokens.keys.reload().unwrap();
    assert_eq!(given.tokens.verify(&token, later), Err(TokenRefused::NotOurs));
}

#[test]
fn nothing_is_signed_before_the_first_key_starts() {
    let given = given();
    let before = at("2026-12-31T00:00:00Z");
    assert_eq!(given.tokens.issue(&john(), before), Err(NoSigningKey));
    assert_eq!(given.tokens.can_issue(before), Err(NoSigningKey));
    assert_eq!(given.tokens.can_issue(noon()), Ok(()));
}
