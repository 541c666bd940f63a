//! Reviews of films: one each, changed and removed by who wrote it, liked once a person.

use futures_util::future::{join, join_all};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::METROPOLIS;
use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::User;

impl World {
    async fn review(&self, user: &User, film: &str, review: &Value) -> Answer {
        let path = format!("/ugc/v1/movies/{film}/review");
        self.by(user, Method::PUT, &path).json(review).ask().await
    }

    async fn likes(&self, review: &str) -> Value {
        let path = format!("/ugc/v1/likes_count/{review}");
        self.post(&path).ask().await.is(200).json["likes_count"].clone()
    }

    async fn like(&self, user: &User, method: Method, review: &str) -> Answer {
        self.by(user, method, &format!("/ugc/v1/reviews/{review}/like")).ask().await
    }
}

fn opinion() -> Value {
    json!({ "text": "Worth seeing twice", "score": 7.8 })
}

#[tokio::test]
async fn a_review_is_published_read_by_everybody_and_replaced_by_its_author() {
    let world = World::shared();
    let user = world.given_user("standard").await;
    let author = world.id_of(&user).await;
    let made = world.review(&user, METROPOLIS, &opinion()).await.is(200);
    let id = made.member("id");
    assert_eq!(
        (made.member("movie_id"), made.member("author_id")),
        (METROPOLIS.into(), author.clone())
    );
    assert_eq!((&made.json["author_score"], &made.json["likes"]), (&json!(7.8), &json!(0)));
    let info = format!("/ugc/v1/review_info/{METROPOLIS}/{author}/{id}");
    assert_eq!(world.post(&info).ask().await.is(200).json, made.json);
    world.like(&user, Method::PUT, &id).await.is(200);
    // Another one takes its place, and keeps its id and its likes.
    let changed = json!({ "text": "Worth seeing once", "score": 6 });
    let changed = world.review(&user, METROPOLIS, &changed).await.is(200);
    assert_eq!(
        (changed.member("id"), changed.member("pub_date")),
        (id.clone(), made.member("pub_date"))
    );
    assert_eq!((&changed.json["author_score"], &changed.json["likes"]), (&json!(6.0), &json!(1)));
    let all = world.get(&format!("/ugc/v1/movies/{METROPOLIS}/reviews?limit=200")).ask().await;
    let all = all.is(200).json;
    let mine = all.as_array().unwrap().iter().filter(|review| review["author_id"] == *author);
    assert_eq!(mine.collect::<Vec<_>>(), [&changed.json]);
}

#[tokio::test]
async fn a_review_that_is_not_of_this_film_or_author_is_unknown() {
    let world = World::shared();
    let user = world.given_user("standard").await;
    let author = world.id_of(&user).await;
    let id = world.review(&user, METROPOLIS, &opinion()).await.is(200).member("id");
    let nobody = Uuid::new_v4().to_string();
    for (film, user, review) in [
        (&nobody, &author, &id),
        (&METROPOLIS.to_owned(), &nobody, &id),
        (&METROPOLIS.to_owned(), &author, &nobody),
    ] {
        let path = format!("/ugc/v1/review_info/{film}/{user}/{review}");
        world.post(&path).ask().await.problem(404, "not_found");
    }
    world.review(&user, &nobody, &opinion()).await.problem(404, "not_found");
    world.get(&format!("/ugc/v1/movies/{nobody}/reviews")).ask().await.problem(404, "not_found");
    world.post(&format!("/ugc/v1/likes_count/{nobody}")).ask().await.problem(404, "not_found");
    world.like(&user, Method::PUT, &nobody).await.problem(404, "not_found");
    world.like(&user, Method::DELETE, &nobody).await.problem(404, "not_found");
}

/// Reviews of earlier implementations had no bounds.
#[tokio::test]
async fn reviews_have_bounds() {
    let world = World::shared();
    let user = world.given_user("standard").await;
    for (text, score, rule) in [
        ("", json!(5), "text: must have 1 to 4000 characters"),
        (&*"x".repeat(4_001), json!(5), "text: must have 1 to 4000 characters"),
        ("Good", json!(0.9), "score: must be 1 to 10, with at most one place"),
        ("Good", json!(10.1), "score: must be 1 to 10, with at most one place"),
        ("Good", json!(5.55), "score: must be 1 to 10, with at most one place"),
        ("Good", json!("5"), "score: must be a number"),
    ] {
        let refused =
            world.review(&user, METROPOLIS, &json!({ "text": text, "score": score })).await;
        assert_eq!(refused.problem(422, "invalid_fields").field_errors(), [rule]);
    }
}

#[tokio::test]
async fn a_like_counts_once_a_person_however_many_come_at_once() {
    let world = World::shared();
    let (author, one) = (world.given_user("standard").await, world.given_user("standard").await);
    let two = world.given_user("premium").await;
    let id = world.review(&author, METROPOLIS, &opinion()).await.is(200).member("id");
    assert_eq!(world.likes(&id).await, 0);
    join_all((0..10).map(|_| async { world.like(&one, Method::PUT, &id).await.is(200) })).await;
    assert_eq!(world.likes(&id).await, 1);
    assert_eq!(world.like(&two, Method::PUT, &id).await.is(200).json, json!({ "likes_count": 2 }));
    for _ in 0..2 {
        let unliked = world.like(&one, Method::DELETE, &id).await.is(200);
        assert_eq!(unliked.json, json!({ "likes_count": 1 }));
    }
}

#[tokio::test]
async fn a_review_is_removed_by_its_author_or_an_administrator() {
    let world = World::shared();
    let (author, other) = (world.given_user("standard").await, world.given_user("standard").await);
    let admin = world.given_admin().await;
    for remover in [&author, &admin] {
        let id = world.review(&author, METROPOLIS, &opinion()).await.is(200).member("id");
        world.like(&other, Method::PUT, &id).await.is(200);
        let path = format!("/ugc/v1/reviews/{id}");
        world.by(&other, Method::DELETE, &path).ask().await.problem(403, "forbidden");
        world.by(remover, Method::DELETE, &path).ask().await.is(204);
        world.by(remover, Method::DELETE, &path).ask().await.problem(404, "not_found");
        world.post(&format!("/ugc/v1/likes_count/{id}")).ask().await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn who_leaves_takes_their_likes_along() {
    let world = World::shared();
    let (author, other) = (world.given_user("standard").await, world.given_user("standard").await);
    let id = world.review(&author, METROPOLIS, &opinion()).await.is(200).member("id");
    for user in [&author, &other] {
        world.like(user, Method::PUT, &id).await.is(200);
    }
    world.leave(&other).await.is(204);
    assert_eq!(world.likes(&id).await, 1);
}

/// An earlier version counted the likes of each review of a page, for anybody who asked.
#[tokio::test]
async fn likes_are_not_counted_when_reviews_are_read_and_verify_counts_them() {
    let world = World::start(&[]).await;
    let user = world.given_user("standard").await;
    let id = world.review(&user, METROPOLIS, &opinion()).await.is(200).member("id");
    world.like(&user, Method::PUT, &id).await.is(200);
    let sql = world.sql().await;
    let hold = "begin; lock table review_likes in access exclusive mode";
    sql.batch_execute(hold).await.unwrap();
    let page = world.get(&format!("/ugc/v1/movies/{METROPOLIS}/reviews?limit=200")).ask().await;
    assert_eq!(page.is(200).json[0]["likes"], 1);
    sql.batch_execute("rollback").await.unwrap();
    world.verify().await.unwrap();
    sql.batch_execute("update film_reviews set likes = 2").await.unwrap();
    world.finds_wrong("as many likes as").await;
    world.system.stop().await.unwrap();
}

/// Postgres ends one of them, because each waits for the other. An earlier version told them 500
/// and erased them by half.
#[tokio::test]
async fn two_who_like_what_the_other_wrote_can_leave_at_the_same_moment() {
    let world = World::shared();
    let (one, other) = (world.given_user("standard").await, world.given_user("standard").await);
    let of_one = world.review(&one, METROPOLIS, &opinion()).await.is(200).member("id");
    let of_other = world.review(&other, METROPOLIS, &opinion()).await.is(200).member("id");
    world.like(&one, Method::PUT, &of_other).await.is(200);
    world.like(&other, Method::PUT, &of_one).await.is(200);
    let holder = world.sql().await;
    // Likes may come and go, but neither review: both come as far as that.
    let hold = format!(
        "begin; select from film_reviews where review_id in ('{of_one}', '{of_other}') \
         for key share"
    );
    holder.batch_execute(&hold).await.unwrap();
    let release = async {
        eventually("both wait", async || world.waiting_for(&holder).await == 2).await;
        holder.batch_execute("rollback").await.unwrap();
    };
    let leaving = join(world.leave(&one), world.leave(&other));
    let (left, ()) = join(leaving, release).await;
    left.0.is(204);
    left.1.is(204);
    for review in [of_one, of_other] {
        world.post(&format!("/ugc/v1/likes_count/{review}")).ask().await.problem(404, "not_found");
    }
}

#[tokio::test]
async fn a_review_is_replaced_and_removed_only_as_its_author_has_seen_it() {
    let world = World::shared();
    let user = world.given_user("standard").await;
    let path = format!("/ugc/v1/movies/{METROPOLIS}/review");
    let write = async |tag: &str| {
        let put = world.by(&user, Method::PUT, &path).header("If-Match", tag);
        put.json(&opinion()).ask().await
    };
    for tag in ["*", "\"1\""] {
        write(tag).await.problem(412, "precondition_failed");
    }
    let first = world.review(&user, METROPOLIS, &opinion()).await.is(200);
    let (id, author) = (first.member("id"), first.member("author_id"));
    let info = format!("/ugc/v1/review_info/{METROPOLIS}/{author}/{id}");
    let seen = async || world.post(&info).ask().await.is(200).header("etag").to_owned();
    let etag = seen().await;
    assert_eq!(etag, first.header("etag"));
    world.like(&user, Method::PUT, &id).await.is(200);
    assert_eq!(seen().await, etag, "who likes it writes nothing");
    let second = write(&etag).await.is(200);
    assert_ne!(second.header("etag"), etag);
    assert_eq!(seen().await, second.header("etag"));
    write(&etag).await.problem(412, "precondition_failed");
    write("*").await.is(200);
    let one = format!("/ugc/v1/reviews/{id}");
    let remove =
        async |tag: &str| world.by(&user, Method::DELETE, &one).header("If-Match", tag).ask().await;
    remove(second.header("etag")).await.problem(412, "precondition_failed");
    let last = seen().await;
    remove(&last).await.is(204);
    remove(&last).await.problem(404, "not_found");
    // What was removed and written again is not what was seen.
    world.review(&user, METROPOLIS, &opinion()).await.is(200);
    write(&last).await.problem(412, "precondition_failed");
    let nowhere = format!("/ugc/v1/movies/{}/review", Uuid::new_v4());
    let put = world.by(&user, Method::PUT, &nowhere).header("If-Match", "*").json(&opinion());
    put.ask().await.problem(404, "not_found");
}
