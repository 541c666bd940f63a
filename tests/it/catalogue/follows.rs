//! Following hosts and marking films: once however often, and told to nobody who is not signed in.

use reqwest::Method;
use serde_json::json;
use shared_events::AccountId;
use ticketing::catalogue::Catalogue;
use uuid::Uuid;

use super::METROPOLIS;
use crate::harness::database;
use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::User;

impl World {
    async fn follow(&self, user: &User, host: &str) -> Answer {
        self.by(user, Method::PUT, &format!("/ugc/v1/follow/{host}")).ask().await
    }

    async fn subscribers(&self, user: &User, id: &str) -> Vec<String> {
        let path = format!("/ugc/v1/subscribers/{id}");
        let page = self.by(user, Method::POST, &path).ask().await.is(200);
        let ids = page.json.as_array().unwrap().iter();
        ids.map(|id| id.as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn a_host_is_followed_once_however_often_and_not_any_more() {
    let world = World::shared();
    let (host, one) = (world.given_user("standard").await, world.given_user("standard").await);
    let two = world.given_user("premium").await;
    let (host_id, one_id) = (world.id_of(&host).await, world.id_of(&one).await);
    let two_id = world.id_of(&two).await;
    assert!(world.subscribers(&one, &host_id).await.is_empty());
    for _ in 0..2 {
        assert_eq!(world.follow(&one, &host_id).await.is(204).text, "");
    }
    world.follow(&two, &host_id).await.is(204);
    assert_eq!(world.subscribers(&host, &host_id).await, [one_id.clone(), two_id.clone()]);
    let path = format!("/ugc/v1/subscribers/{host_id}?limit=1");
    let first = world.by(&host, Method::POST, &path).ask().await.is(200);
    assert_eq!(first.json, json!([one_id]));
    let link = first.header("link").to_owned();
    let next = link.strip_prefix('<').unwrap().split_once('>').unwrap().0;
    let second = world.by(&host, Method::POST, next).ask().await.is(200);
    assert_eq!((second.json.clone(), second.header("link")), (json!([two_id]), ""));

    // The contexts see the same.
    let catalogue = Catalogue::new(database(&world.system.wiring.database_url));
    let account = |id: &str| AccountId(id.parse().unwrap());
    let (host_account, one_account) = (account(&host_id), account(&one_id));
    assert!(catalogue.follows(one_account, host_account).await.unwrap());
    assert!(!catalogue.follows(host_account, one_account).await.unwrap());
    assert_eq!(catalogue.followed_by(one_account).await.unwrap(), [host_account].into());
    let followers = catalogue.followers(host_account).await.unwrap();
    assert_eq!(followers, [one_account, account(&two_id)]);

    for _ in 0..2 {
        let path = format!("/ugc/v1/follow/{host_id}");
        world.by(&one, Method::DELETE, &path).ask().await.is(204);
    }
    assert_eq!(world.subscribers(&one, &host_id).await, [two_id]);
}

#[tokio::test]
async fn nobody_follows_themselves_or_somebody_unknown() {
    let world = World::shared();
    let user = world.given_user("standard").await;
    let id = world.id_of(&user).await;
    world.follow(&user, &id).await.problem(403, "own_account");
    world.follow(&user, &Uuid::new_v4().to_string()).await.problem(404, "not_found");
    world.follow(&user, METROPOLIS).await.problem(404, "not_found");
    world.follow(&user, "john").await.problem(400, "malformed_parameter");
    let unknown = format!("/ugc/v1/subscribers/{}", Uuid::new_v4());
    world.by(&user, Method::POST, &unknown).ask().await.problem(404, "not_found");
}

/// As for whoever asks for their name.
#[tokio::test]
async fn who_was_erased_is_nobody_to_follow() {
    let world = World::shared();
    let (host, user) = (world.given_user("standard").await, world.given_user("standard").await);
    let id = world.id_of(&host).await;
    world.follow(&user, &id).await.is(204);
    world.leave(&host).await.is(204);
    let path = format!("/auth/v1/user_info/{id}");
    world.by(&user, Method::GET, &path).ask().await.problem(404, "not_found");
    world.follow(&user, &id).await.problem(404, "not_found");
    let path = format!("/ugc/v1/subscribers/{id}");
    world.by(&user, Method::POST, &path).ask().await.problem(404, "not_found");
    let of_host = format!("select count(*) from follows where host = '{id}'");
    assert_eq!(world.count(&of_host).await, 0);
}

#[tokio::test]
async fn who_marks_a_film_is_among_its_subscribers_until_they_take_it_back() {
    let world = World::shared();
    let (admin, user) = (world.given_admin().await, world.given_user("standard").await);
    let id = world.id_of(&user).await;
    let film = Uuid::new_v4();
    let path = format!("/ugc/v1/movies/{film}/mark");
    world.by(&user, Method::PUT, &path).ask().await.problem(404, "not_found");
    let described = json!({ "title": "Faust", "duration": 107, "in_cinemas": true });
    let put = world.by(&admin, Method::PUT, &format!("/movie_api/v1/movie/{film}"));
    put.json(&described).ask().await.is(201);
    for _ in 0..2 {
        world.by(&user, Method::PUT, &path).ask().await.is(204);
    }
    assert_eq!(world.subscribers(&admin, &film.to_string()).await, [id]);
    world.by(&user, Method::DELETE, &path).ask().await.is(204);
    assert!(world.subscribers(&admin, &film.to_string()).await.is_empty());
}

#[tokio::test]
async fn an_account_changes_the_catalogue_only_so_often() {
    let world = World::start(&[("RATE_LIMITS", "on"), ("CATALOGUE_CHANGES_PER_MINUTE", "2")]).await;
    let (host, user) = (world.given_user("standard").await, world.given_user("standard").await);
    let id = world.id_of(&host).await;
    let followed = world.follow(&user, &id).await.is(204);
    assert!(followed.header("ratelimit-policy").contains("\"catalogue\";q=2;w=60"));
    world.follow(&user, &id).await.is(204);
    world.follow(&user, &id).await.problem(429, "rate_limited");
    assert_eq!(world.subscribers(&user, &id).await.len(), 1, "reading is not counted");
    world.system.stop().await.unwrap();
}
