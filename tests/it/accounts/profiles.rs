//! The doors of the film site under `/auth/v1`: registering, profiles and who sees what of them,
//! groups, and that all of it goes with its account.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use shared_events::AccountId;
use ticketing::accounts::{DeliveryType, Language, People};
use uuid::Uuid;

use super::given::{Known, jwt};
use crate::catalogue::METROPOLIS;
use crate::harness::database;
use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::{PASSWORD, User, new_name};

fn newcomer() -> Value {
    let username = new_name();
    json!({ "username": username, "email": format!("{username}@example.com"),
            "password": PASSWORD, "name": "John", "last_name": "Doe" })
}

/// Everything that could be told.
fn all() -> Value {
    json!({ "name": "Ivan", "last_name": "Petrov", "phone_number": "+7 (916) 123-45-67",
            "telegram_name": "@ivan_p", "gender": "male", "country": "Russia",
            "time_zone": "Europe/Moscow", "birthday": "1990-05-17", "delivery_type": "in_product",
            "language": "ru" })
}

impl World {
    async fn change_profile(&self, known: &Known, change: &Value) -> Answer {
        let patch = self.request(Method::PATCH, "/auth/v1/profile");
        jwt(patch, &known.tokens.access).json(change).ask().await
    }

    async fn user_info(&self, token: &str, id: &str) -> Answer {
        jwt(self.get(&format!("/auth/v1/user_info/{id}")), token).ask().await
    }
}

#[tokio::test]
async fn who_registers_at_the_film_site_logs_in_at_every_door() {
    let world = World::shared();
    let new = newcomer();
    let made = world.post("/auth/v1/register/").json(&new).ask().await.is(201);
    let id = made.member("user_id");
    let expected = json!({ "user_id": id, "name": "John", "last_name": "Doe",
                           "email": new["email"], "phone_number": null, "telegram_name": null,
                           "gender": null, "country": null, "time_zone": "UTC", "birthday": null,
                           "delivery_type": "email" });
    assert_eq!(made.json, expected);
    let username = new["username"].as_str().unwrap();
    let token = world.login(username, PASSWORD).await.is(200).member("access_token");
    assert_eq!(world.user_info(&token, &id).await.is(200).json, expected);
    let asked = jwt(world.post(&format!("/auth/v1/user_info/{id}/")), &token).ask().await;
    assert_eq!(asked.is(200).json, expected);
}

#[tokio::test]
async fn registering_keeps_the_rules_of_every_other_door() {
    let world = World::shared();
    let new = newcomer();
    let register = async |key: Option<Uuid>, new: &Value| {
        let request = world.post("/auth/v1/register").json(new);
        match key {
            Some(key) => request.header("Idempotency-Key", key.to_string()).ask().await,
            None => request.ask().await,
        }
    };
    let key = Some(Uuid::new_v4());
    let made = register(key, &new).await.is(201);
    assert_eq!(register(key, &new).await.is(201).json, made.json);
    let mut other = new.clone();
    other["name"] = json!("Jane");
    register(key, &other).await.problem(422, "idempotency_key_reused");
    register(None, &new).await.problem(409, "account_exists");
    let bad = json!({ "username": "x", "email": "x", "password": "password",
                      "name": "x".repeat(101) });
    let refused = register(None, &bad).await.problem(422, "invalid_fields").field_errors();
    let fields: Vec<_> = refused.iter().map(|error| error.split(':').next().unwrap()).collect();
    assert_eq!(fields, ["email", "username", "password", "name"]);
}

#[tokio::test]
async fn what_is_told_is_kept_and_what_is_left_out_stays() {
    let world = World::shared();
    let known = world.given_known().await;
    let told = world.change_profile(&known, &all()).await.is(200);
    let expected = json!({ "user_id": known.id, "name": "Ivan", "last_name": "Petrov",
                           "email": known.email, "phone_number": "+79161234567",
                           "telegram_name": "ivan_p", "gender": "male", "country": "Russia",
                           "time_zone": "Europe/Moscow", "birthday": "1990-05-17",
                           "delivery_type": "in_product", "language": "ru" });
    assert_eq!(told.json, expected);
    let own = jwt(world.get("/auth/v1/profile"), &known.tokens.access).ask().await.is(200);
    assert_eq!(own.json, expected);
    // The other doors tell the same names.
    assert_eq!(world.me(&known.tokens.access).await.is(200).member("first_name"), "Ivan");
    let change = json!({ "time_zone": "+03:00", "country": "", "birthday": "", "language": null });
    let changed = world.change_profile(&known, &change).await.is(200).json;
    assert_eq!((&changed["country"], &changed["birthday"]), (&json!(null), &json!(null)));
    assert_eq!((&changed["time_zone"], &changed["language"]), (&json!("+03:00"), &json!("ru")));
    assert_eq!(changed["gender"], "male");
    let taken_back = json!({ "name": "", "last_name": "", "time_zone": "", "delivery_type": "" });
    let changed = world.change_profile(&known, &taken_back).await.is(200).json;
    assert_eq!((&changed["name"], &changed["last_name"]), (&json!(known.username), &json!(null)));
    assert_eq!(
        (&changed["time_zone"], &changed["delivery_type"]),
        (&json!("UTC"), &json!("email"))
    );
}

#[tokio::test]
async fn what_breaks_a_rule_changes_nothing() {
    let world = World::shared();
    let known = world.given_known().await;
    let bad = json!({ "name": "Jane", "phone_number": "911", "time_zone": "Moscow",
                      "birthday": "2100-01-01", "language": "de", "delivery_type": "pigeon" });
    let refused = world.change_profile(&known, &bad).await.problem(422, "invalid_fields");
    let expected = [
        "phone_number: must be a phone number such as +79161234567",
        "time_zone: must be a time zone such as Europe/Moscow, or an offset such as +03:00",
        "birthday: must be a date from 1900-01-01 to today",
        "delivery_type: must be one of email, in_product",
        "language: must be one of en, ru",
    ];
    assert_eq!(refused.field_errors(), expected);
    let info = world.user_info(&known.tokens.access, &known.id).await.is(200).json;
    assert_eq!((&info["name"], &info["phone_number"]), (&json!("John"), &json!(null)));
}

/// Address and phone only to oneself and administrators.
#[tokio::test]
async fn others_do_not_learn_what_reaches_somebody() {
    let world = World::shared();
    let (known, other) = (world.given_known().await, world.given_known().await);
    let admin = world.given_admin().await;
    world.change_profile(&known, &all()).await.is(200);
    for (token, reachable) in
        [(&known.tokens.access, true), (&other.tokens.access, false), (&admin.token, true)]
    {
        let info = world.user_info(token, &known.id).await.is(200).json;
        assert_eq!((&info["name"], &info["country"]), (&json!("Ivan"), &json!("Russia")));
        let expected = |value: Value| if reachable { value } else { Value::Null };
        assert_eq!(info["email"], expected(json!(known.email)));
        assert_eq!(info["phone_number"], expected(json!("+79161234567")));
        assert_eq!(info.as_object().unwrap().len(), 11, "{info}");
    }
    let nobody = Uuid::new_v4().to_string();
    world.user_info(&admin.token, &nobody).await.problem(404, "not_found");
    world.user_info(&admin.token, "john").await.problem(400, "malformed_parameter");
}

/// Who signed up with an address has it as username too.
#[tokio::test]
async fn an_address_is_never_a_name() {
    let world = World::shared();
    let (other, email) = (world.given_known().await, format!("{}@example.com", new_name()));
    let body = json!({ "email": email, "password": PASSWORD });
    let id = world.post("/api/users/signup").json(&body).ask().await.is(201).member("id");
    let info = world.user_info(&other.tokens.access, &id).await.is(200);
    assert!(!info.text.contains('@') && info.member("name").starts_with("user-"), "{}", info.text);
    let people = People::new(database(&world.system.wiring.database_url));
    let account = AccountId(id.parse().unwrap());
    assert_eq!(people.names(&[account]).await.unwrap()[&account], info.member("name"));
}

#[tokio::test]
async fn contexts_join_names_and_how_to_reach_people() {
    let world = World::shared();
    let (known, quiet) = (world.given_known().await, world.given_known().await);
    world.change_profile(&known, &all()).await.is(200);
    let people = People::new(database(&world.system.wiring.database_url));
    let account = |id: &str| AccountId(id.parse().unwrap());
    let (told, not_told) = (account(&known.id), account(&quiet.id));
    let nobody = AccountId(Uuid::new_v4());
    let names = people.names(&[told, not_told, nobody]).await.unwrap();
    assert_eq!((names.len(), names[&told].as_str()), (2, "Ivan Petrov"));
    let contacts = people.contacts(&[told, not_told, nobody]).await.unwrap();
    let contact = &contacts[&told];
    assert_eq!((contact.language, contact.delivery), (Language::Ru, DeliveryType::InProduct));
    assert_eq!(contact.time_zone.to_string(), "Europe/Moscow");
    assert_eq!(contact.address.as_deref(), Some(known.email.as_str()));
    let contact = &contacts[&not_told];
    assert_eq!((contact.language, contact.delivery), (Language::En, DeliveryType::Email));
    assert_eq!((contacts.len(), contact.time_zone.to_string().as_str()), (2, "UTC"));
}

#[tokio::test]
async fn administrators_list_who_has_a_tier_or_a_role() {
    let world = World::shared();
    let (admin, user) = (world.given_admin().await, world.given_user("premium").await);
    let (admin_id, user_id) = (world.id_of(&admin).await, world.id_of(&user).await);
    let group = async |group: &str| {
        let mut ids = BTreeSet::new();
        let mut path = format!("/auth/v1/user_group/{group}?limit=200");
        loop {
            let page = world.by(&admin, Method::GET, &path).ask().await.is(200);
            for id in page.json.as_array().unwrap() {
                assert!(ids.insert(id.as_str().unwrap().to_owned()), "{id} comes twice");
            }
            match page.header("link").strip_prefix('<').and_then(|link| link.split_once('>')) {
                Some((next, _)) => path = next.to_owned(),
                None => return ids,
            }
        }
    };
    let (premium, admins) = (group("premium").await, group("admin").await);
    assert!(premium.contains(&user_id) && !premium.contains(&admin_id));
    assert!(admins.contains(&admin_id) && !admins.contains(&user_id));
    let asked = world.by(&admin, Method::POST, "/auth/v1/user_group/admin").ask().await.is(200);
    assert!(asked.json.is_array());
    let path = "/auth/v1/user_group/premium";
    world.by(&user, Method::GET, path).ask().await.problem(403, "forbidden");
    world.get(path).ask().await.problem(401, "unauthenticated");
    let unknown = world.by(&admin, Method::GET, "/auth/v1/user_group/gold").ask().await;
    unknown.problem(404, "not_found");
}

#[tokio::test]
async fn a_profile_is_changed_only_so_often() {
    let world = World::start(&[("RATE_LIMITS", "on"), ("PROFILE_CHANGES_PER_MINUTE", "1")]).await;
    let known = world.given_known().await;
    let changed = world.change_profile(&known, &json!({})).await.is(200);
    assert!(changed.header("ratelimit-policy").contains("\"profile\";q=1;w=60"));
    world.change_profile(&known, &json!({})).await.problem(429, "rate_limited");
    world.system.stop().await.unwrap();
}

/// Erasing a person needs no list of tables: the schema knows what is theirs.
#[tokio::test]
async fn what_somebody_told_followed_wrote_and_shortened_goes_with_the_account() {
    let world = World::shared();
    let (known, other) = (world.given_known().await, world.given_user("standard").await);
    let me = User {
        username: known.username.clone(),
        email: known.email.clone(),
        token: known.tokens.access.clone(),
    };
    world.change_profile(&known, &all()).await.is(200);
    let (id, host) = (&known.id, world.id_of(&other).await);
    let put = async |user: &User, path: String, body: Value| {
        world.by(user, Method::PUT, &path).json(&body).ask().await
    };
    put(&me, format!("/ugc/v1/follow/{host}"), json!({})).await.is(204);
    put(&other, format!("/ugc/v1/follow/{id}"), json!({})).await.is(204);
    put(&me, format!("/ugc/v1/movies/{METROPOLIS}/mark"), json!({})).await.is(204);
    let review = json!({ "text": "Good", "score": 7 });
    let review = put(&me, format!("/ugc/v1/movies/{METROPOLIS}/review"), review).await.is(200);
    let like = format!("/ugc/v1/reviews/{}/like", review.member("id"));
    put(&other, like.clone(), json!({})).await.is(200);
    put(&me, like, json!({})).await.is(200);
    let link = json!({ "url": "http://localhost/" });
    world.post_as(&me, "/api/v1/shortener", &link).await.is(201);

    let left = format!(
        "select (select count(*) from profiles where account_id = '{id}') \
             + (select count(*) from follows where follower = '{id}' or host = '{id}') \
             + (select count(*) from film_marks where account_id = '{id}') \
             + (select count(*) from film_reviews where account_id = '{id}') \
             + (select count(*) from review_likes where account_id = '{id}' \
                   or review_id = '{}') \
             + (select count(*) from short_links where account_id = '{id}')",
        review.member("id")
    );
    assert_eq!(world.count(&left).await, 8);
    let erase = "delete from accounts where id = $1";
    world.sql().await.execute(erase, &[&Uuid::parse_str(id).unwrap()]).await.unwrap();
    assert_eq!(world.count(&left).await, 0);
    // Its token is still accepted for a while: it can do nothing with it.
    let follow = put(&me, format!("/ugc/v1/follow/{host}"), json!({})).await;
    follow.problem(401, "unauthenticated");
    world.change_profile(&known, &all()).await.problem(401, "unauthenticated");
    world.post_as(&me, "/api/v1/shortener", &link).await.problem(401, "unauthenticated");
}

/// Another replica takes the token for up to a second more. An earlier version stored what was told
/// and then answered that there is no account.
#[tokio::test]
async fn nothing_is_stored_of_somebody_who_was_erased_a_moment_ago() {
    let world = World::shared();
    let known = world.given_known().await;
    let id = &known.id;
    let erase =
        format!("update accounts set erased_at = now(), first_name = null where id = '{id}'");
    world.sql().await.batch_execute(&erase).await.unwrap();
    world.change_profile(&known, &all()).await.problem(401, "unauthenticated");
    let stored = format!(
        "select (select count(*) from profiles where account_id = '{id}') \
             + (select count(*) from accounts where id = '{id}' and first_name is not null)"
    );
    assert_eq!(world.count(&stored).await, 0);
}

#[tokio::test]
async fn a_profile_is_changed_only_as_its_owner_has_seen_it() {
    let world = World::shared();
    let new = newcomer();
    let made = world.post("/auth/v1/register/").json(&new).ask().await.is(201);
    let (id, username) = (made.member("user_id"), new["username"].as_str().unwrap());
    let token = world.login(username, PASSWORD).await.is(200).member("access_token");
    let change = async |tag: &str, change: Value| {
        let patch = world.request(Method::PATCH, "/auth/v1/profile").header("If-Match", tag);
        jwt(patch, &token).json(&change).ask().await
    };
    assert_eq!(made.header("etag"), "\"0\"");
    let named = change("\"0\"", json!({ "name": "Ivan" })).await.is(200);
    assert_eq!(named.header("etag"), "\"1\"");
    for tag in ["\"0\"", "\"2\"", "1", "W/\"1\""] {
        let late = change(tag, json!({ "name": "Jane", "country": "Norway" })).await;
        late.problem(412, "precondition_failed");
    }
    let read = jwt(world.get("/auth/v1/profile"), &token).ask().await.is(200);
    assert_eq!((read.header("etag"), read.member("name")), ("\"1\"", "Ivan".to_owned()));
    assert_eq!(read.json["country"], Value::Null);
    for request in [
        world.get(&format!("/auth/v1/user_info/{id}")),
        world.post(&format!("/auth/v1/user_info/{id}")),
    ] {
        assert_eq!(jwt(request, &token).ask().await.is(200).header("etag"), "\"1\"");
    }
    change("*", json!({ "country": "Norway" })).await.is(200);
    // Of two who have seen the same one is told.
    let (one, other) = tokio::join!(
        change("\"2\"", json!({ "name": "One" })),
        change("\"2\"", json!({ "name": "Other" }))
    );
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
}
