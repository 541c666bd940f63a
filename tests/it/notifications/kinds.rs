//! What people are told of links, orders and matches, and when.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use super::given::WithMail;
use crate::world::World;
use crate::world::answer::Ask;

#[tokio::test]
async fn who_asked_for_a_link_is_told_when_it_opens() {
    let world = World::with_test_clock().await;
    let link = world.given_issued_link("standard").await;
    let owner = link.owner.unwrap();
    world.until_all_projected().await;
    assert_eq!(world.kinds_told(&owner).await, [""; 0], "it is not open yet");
    world.time_passes(TimeDelta::minutes(10)).await;
    world.until_told(&owner, &["link_ready"]).await;
    let told = &world.told(&owner).await[0];
    let link_of = format!("/check_ticketing_link?request_id={}", link.id);
    assert!(world.leads_to(told).await.ends_with(&link_of), "{told}");
    assert!(told["text"].as_str().unwrap().contains("until 2"), "{told}");
    // Nobody is told of a guest's.
    world.given_issued_link("guest").await;
    world.until_all_projected().await;
    assert_eq!(world.count("select count(*) from link_notices").await, 1);
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_buyer_is_told_that_an_order_expires_unless_it_is_paid() {
    let world = World::with_test_clock().await;
    let (slow, quick) = (world.given_user("standard").await, world.given_user("standard").await);
    let expiring = world.given_expiring_order(&slow).await;
    let paid = world.given_expiring_order(&quick).await;
    world.pay(&quick, &paid.id, "tok_visa").await.is(201);
    world.until_all_projected().await;
    assert_eq!(world.kinds_told(&slow).await, [""; 0], "there is time enough");
    world.move_clock_to(expiring.told_at.max(paid.told_at)).await;
    world.until_told(&slow, &["order_expiring"]).await;
    let told = &world.told(&slow).await[0];
    assert!(told["text"].as_str().unwrap().contains("Concert, row 7"), "{told}");
    assert!(world.leads_to(told).await.ends_with(&format!("/api/orders/{}", expiring.id)));
    assert_eq!(world.kinds_told(&quick).await, [""; 0], "the order is paid");
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_buyer_is_told_that_the_money_went_back() {
    let world = World::shared();
    let (paid, payment) = world.given_paid_order().await;
    world.refund(&paid.deal.seller, &payment, "").await.is(200);
    world.until_told(&paid.deal.buyer, &["order_refunded"]).await;
    assert_eq!(world.kinds_told(&paid.deal.seller).await, [""; 0], "the seller did it");
}

#[tokio::test]
async fn holders_of_tickets_are_told_that_a_match_moves_or_is_cancelled() {
    let world = World::start(&[]).await;
    let sale = world.given_sale(&[("A", 1, 4)]).await;
    let holder = world.given_purchase(&sale, 1).await;
    let former = world.given_purchase(&sale, 2).await;
    world.give_back(&former).await.is(200);
    world.until_told(&former.buyer, &["purchase_refunded"]).await;
    let start = sale.start + TimeDelta::hours(3);
    let time = json!({ "start_time": start, "end_time": start + TimeDelta::hours(2) });
    let path = format!("/api/match/{}", sale.id);
    world.by(&sale.admin, Method::PATCH, &path).json(&time).ask().await.is(200);
    world.until_told(&holder.buyer, &["match_moved"]).await;
    let told = &world.told(&holder.buyer).await[0];
    let text = told["text"].as_str().unwrap();
    assert!(text.contains("Final"), "{told}");
    assert!(text.contains(&start.format("%Y-%m-%d %H:%M").to_string()), "{told}");
    assert!(world.leads_to(told).await.ends_with(&path), "{told}");
    let cancelled = world.by(&sale.admin, Method::DELETE, &path).ask().await;
    cancelled.problem(409, "match_has_sales");
    world.until_all_projected().await;
    assert_eq!(world.kinds_told(&holder.buyer).await, ["match_moved"], "it takes place");
    world.cancel_behind_the_api(&sale).await;
    world.until_told(&holder.buyer, &["match_moved", "match_cancelled"]).await;
    let told = &world.told(&holder.buyer).await[0];
    assert_eq!(told["title"], "Final does not take place");
    assert_eq!(told["text"], "A match for which you have tickets, Final, was cancelled.");
    let left = format!("/api/purchase/{}", holder.purchase);
    assert!(world.leads_to(told).await.ends_with(&left), "{told}");
    world.by(&holder.buyer, Method::GET, &left).ask().await.is(200);
    world.until_all_projected().await;
    let told = world.kinds_told(&former.buyer).await;
    assert_eq!(told, ["purchase_refunded"], "who has no ticket any more is told nothing");
    world.system.stop().await.unwrap();
}

/// One mail for each thing, whatever else is asked of it.
#[tokio::test]
async fn what_is_due_is_sent_once_with_a_short_link_that_works() {
    let mail = WithMail::start().await;
    let world = &mail.world;
    let buyer = world.given_reader("buyer-").await;
    let expiring = world.given_expiring_order(&buyer).await;
    world.move_clock_to(expiring.told_at).await;
    let mails = mail.until_mails(&buyer, 1).await;
    let told = &world.told(&buyer).await[0];
    assert_eq!(mails[0].subject, told["title"].as_str().unwrap());
    let id = told["id"].as_str().unwrap();
    assert_eq!(mails[0].message_id, format!("<{id}@turnstile.example>"));
    for part in [&mails[0].plain, &mails[0].html] {
        assert!(part.contains("Concert, row 7"), "{part}");
    }
    let link = mails[0].plain.split_whitespace().find(|word| word.contains("/s/")).unwrap();
    let html = mails[0].html.replace("&#x2f;", "/");
    assert!(html.contains(&format!("href=\"{link}\"")), "{html}");
    assert_eq!(told["link"], link, "the same in the product");
    assert!(world.leads_to(told).await.ends_with(&format!("/api/orders/{}", expiring.id)));
    let links = "select count(*) from short_links";
    let made = world.count(links).await;
    world.told(&buyer).await;
    assert_eq!(world.count(links).await, made, "no link is made twice");
    assert_eq!(told["read_at"], Value::Null, "a mail is not a reading");
    world.verify().await.unwrap();
    mail.world.system.stop().await.unwrap();
}
