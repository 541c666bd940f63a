//! Films: everybody reads them, administrators describe them.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use shared_events::FilmId;
use ticketing::catalogue::Catalogue;
use uuid::Uuid;

use super::METROPOLIS;
use crate::harness::Place;
use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::User;

impl World {
    async fn describe_film(&self, user: &User, id: &str, film: &Value) -> Answer {
        let path = format!("/movie_api/v1/movie/{id}");
        self.by(user, Method::PUT, &path).json(film).ask().await
    }
}

#[tokio::test]
async fn a_film_is_read_at_both_addresses_by_both_methods_without_an_account() {
    let world = World::shared();
    let first = world.get(&format!("/movie_api/v1/movie/{METROPOLIS}")).ask().await.is(200);
    let film = &first.json;
    assert_eq!((&film["id"], &film["title"]), (&json!(METROPOLIS), &json!("Metropolis")));
    assert_eq!((&film["duration"], &film["in_cinemas"]), (&json!(153), &json!(true)));
    assert_eq!(film["imdb_rating"], 8.3);
    for member in ["description", "genre", "director", "actors_names", "writers_names"] {
        assert!(!film[member].is_null(), "{member}: {}", first.text);
    }
    assert!(!first.header("etag").is_empty());
    for path in
        [format!("/movie_api/v1/movie/{METROPOLIS}/"), format!("/movie/v1/movie/{METROPOLIS}")]
    {
        for method in [Method::GET, Method::POST] {
            let answer = world.request(method, &path).ask().await.is(200);
            assert_eq!(answer.json, first.json, "{path}");
        }
    }
}

#[tokio::test]
async fn an_unknown_film_is_404_and_a_malformed_id_is_400() {
    let world = World::shared();
    for path in ["/movie_api/v1/movie", "/movie/v1/movie"] {
        for method in [Method::GET, Method::POST] {
            let unknown = format!("{path}/{}", Uuid::new_v4());
            world.request(method.clone(), &unknown).ask().await.problem(404, "not_found");
            let malformed = world.request(method, &format!("{path}/metropolis")).ask().await;
            malformed.problem(400, "malformed_parameter");
        }
    }
}

#[tokio::test]
async fn an_administrator_describes_films_anew_and_nobody_else_does() {
    let world = World::shared();
    let (admin, user) = (world.given_admin().await, world.given_user("standard").await);
    let id = Uuid::new_v4().to_string();
    let film = json!({ "title": " Sunrise ", "duration": 94, "in_cinemas": false });
    world.describe_film(&user, &id, &film).await.problem(403, "forbidden");
    let made = world.describe_film(&admin, &id, &film).await.is(201);
    assert_eq!((made.member("title"), made.header("etag")), ("Sunrise".to_owned(), "\"1\""));
    assert_eq!((&made.json["genre"], made.json.get("imdb_rating")), (&json!([]), None));
    let whole = json!({ "title": "Sunrise", "description": "Two people", "genre": ["drama"],
                        "director": "F. W. Murnau", "actors_names": ["Janet Gaynor"],
                        "writers_names": ["Carl Mayer"], "imdb_rating": 8.1, "duration": 94,
                        "in_cinemas": true });
    let again = world.describe_film(&admin, &id, &whole).await.is(200);
    assert_eq!(again.header("etag"), "\"2\"");
    let mut expected = whole.clone();
    expected["id"] = json!(id);
    assert_eq!(world.get(&format!("/movie/v1/movie/{id}")).ask().await.is(200).json, expected);
    // Who has seen another state changes nothing.
    let path = format!("/movie_api/v1/movie/{id}");
    for stale in ["\"1\"", "\"x\"", "2"] {
        let put = world.by(&admin, Method::PUT, &path).header("If-Match", stale).json(&film);
        put.ask().await.problem(412, "precondition_failed");
    }
    let put = world.by(&admin, Method::PUT, &path).header("If-Match", "\"2\"").json(&film);
    assert_eq!(put.ask().await.is(200).header("etag"), "\"3\"");
}

#[tokio::test]
async fn a_description_that_breaks_rules_names_each_member() {
    let world = World::shared();
    let admin = world.given_admin().await;
    let film = json!({ "title": "", "duration": 0, "in_cinemas": true, "imdb_rating": 8.25,
                       "director": "x".repeat(201) });
    let id = Uuid::new_v4().to_string();
    let refused = world.describe_film(&admin, &id, &film).await.problem(422, "invalid_fields");
    let expected = [
        "title: must have 1 to 200 characters",
        "director: must have 0 to 200 characters",
        "imdb_rating: must be 0 to 10, with at most one place",
        "duration: must be 1 to 1440",
    ];
    assert_eq!(refused.field_errors(), expected);
    world.get(&format!("/movie/v1/movie/{id}")).ask().await.problem(404, "not_found");
}

#[tokio::test]
async fn films_are_listed_in_pages_all_or_those_in_cinemas() {
    let world = World::shared();
    let mut path = "/movie_api/v1/movies?in_cinemas=true&limit=3".to_owned();
    let mut seen = BTreeSet::new();
    loop {
        let page = world.get(&path).ask().await.is(200);
        for film in page.json.as_array().unwrap() {
            assert_eq!(film["in_cinemas"], true);
            assert!(seen.insert(film["id"].as_str().unwrap().to_owned()), "{film} comes twice");
        }
        match page.header("link").strip_prefix('<').and_then(|link| link.split_once('>')) {
            Some((next, _)) => path = next.to_owned(),
            None => break,
        }
    }
    assert!(seen.len() >= 8 && seen.contains(METROPOLIS), "{seen:?}");
    let elsewhere = world.get("/movie_api/v1/movies?in_cinemas=false").ask().await.is(200);
    assert!(!elsewhere.json.as_array().unwrap().is_empty());
    let cursor = path.split_once("after=").unwrap().1.to_owned();
    let other = world.get(&format!("/movie_api/v1/movies?after={cursor}")).ask().await;
    other.problem(400, "invalid_cursor");
}

/// What the outings ask before they announce anything.
#[tokio::test]
async fn contexts_ask_for_films_by_their_ids() {
    let (_place, database) = Place::migrated().await;
    let catalogue = Catalogue::new(database);
    let known = FilmId(METROPOLIS.parse().unwrap());
    let film = catalogue.film(known).await.unwrap().unwrap();
    assert_eq!(
        (film.title.as_str(), film.duration_minutes, film.in_cinemas),
        ("Metropolis", 153, true)
    );
    let unknown = FilmId(Uuid::new_v4());
    assert!(catalogue.film(unknown).await.unwrap().is_none());
    let films = catalogue.films(&[unknown, known, known]).await.unwrap();
    assert_eq!(films.into_keys().collect::<Vec<_>>(), [known]);
    assert!(catalogue.films(&[]).await.unwrap().is_empty());
}
