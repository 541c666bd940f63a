//! Erasing again who was erased lately: what became known of them too late.

use chrono::TimeDelta;
use serde_json::json;

use crate::harness::eventually;
use crate::outings::given::{announcement, in_hours};
use crate::world::World;
use crate::world::people::User;

impl World {
    /// Somebody has left, and something of them is there all the same.
    async fn given_leftover(&self, of: &str) {
        let write = format!(
            "insert into profiles (account_id, country, changed_at) values ('{of}', 'RU', now())"
        );
        self.sql().await.batch_execute(&write).await.unwrap();
    }

    async fn is_left_over(&self, of: &str) -> bool {
        let count = format!("select count(*) from profiles where account_id = '{of}'");
        self.count(&count).await == 1
    }

    async fn given_erased(&self, user: &User) -> String {
        let id = self.id_of(user).await;
        self.leave(user).await.is(204);
        self.given_leftover(&id).await;
        id
    }
}

#[tokio::test]
async fn what_was_written_of_somebody_meanwhile_is_erased_a_minute_later() {
    let world = World::with_test_clock().await;
    let id = world.given_erased(&world.given_user("standard").await).await;
    world.time_passes(TimeDelta::minutes(1)).await;
    eventually("it is erased", async || !world.is_left_over(&id).await).await;
    world.system.stop().await.unwrap();
}

/// An earlier version looked for an hour, whatever it could find by then.
#[tokio::test]
async fn what_a_projection_learns_late_is_erased_all_the_same() {
    let world = World::with_test_clock().await;
    let person = world.given_user("standard").await;
    let mut holder = world.sql().await;
    let hold = holder.transaction().await.unwrap();
    let lock = "select from checkpoints where projection = 'outings' for update";
    world.given_outing(1, in_hours(48)).await;
    world.until_projected("outings").await;
    hold.execute(lock, &[]).await.unwrap();
    let mut outing = announcement(in_hours(24), 2);
    outing["title"] = json!("Canary of who leaves");
    world.announce(&person, &outing).await.is(200);
    let id = world.given_erased(&person).await;
    let written = "select count(*) from vault where value = 'Canary of who leaves'";
    assert_eq!(world.count(written).await, 1, "the control: nobody knows whose it is");
    world.time_passes(TimeDelta::hours(3)).await;
    eventually("a round was held", async || !world.is_left_over(&id).await).await;
    hold.rollback().await.unwrap();
    world.until_projected("outings").await;
    world.time_passes(TimeDelta::minutes(2)).await;
    eventually("it is erased", async || world.count(written).await == 0).await;
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

/// An earlier version ended a round at the first failure.
#[tokio::test]
async fn who_can_not_be_erased_again_stands_in_nobodys_way_and_is_tried_again() {
    let world = World::with_test_clock().await;
    let (first, second) = (world.given_user("standard").await, world.given_user("standard").await);
    let (first, second) = (world.given_erased(&first).await, world.given_erased(&second).await);
    assert!(first < second, "they are erased in this order");
    let mut holder = world.sql().await;
    let hold = holder.transaction().await.unwrap();
    let lock = format!("select from accounts where id = '{first}' for update");
    hold.batch_execute(&lock).await.unwrap();
    world.time_passes(TimeDelta::minutes(1)).await;
    eventually("the other one is erased", async || !world.is_left_over(&second).await).await;
    assert!(world.is_left_over(&first).await, "the control: somebody could not be erased");
    world.time_passes(TimeDelta::hours(3)).await;
    hold.rollback().await.unwrap();
    eventually("they are tried again", async || !world.is_left_over(&first).await).await;
    world.system.stop().await.unwrap();
}

/// An earlier version withdrew only what was free again within an hour.
#[tokio::test]
async fn what_somebody_sold_who_left_is_withdrawn_when_it_is_given_back_however_late() {
    let world = World::with_test_clock().await;
    let (paid, payment) = world.given_paid_order().await;
    let id = world.given_erased(&paid.deal.seller).await;
    assert_eq!(world.ticket(&paid.deal.ticket).await["status"], "sold");
    world.time_passes(TimeDelta::minutes(61)).await;
    eventually("the last round was held", async || !world.is_left_over(&id).await).await;
    let admin = world.given_admin().await;
    world.refund(&admin, &payment, "").await.is(200);
    assert_eq!(world.ticket(&paid.deal.ticket).await["status"], "withdrawn");
    let other = world.given_user("standard").await;
    world.order_ticket(&other, &paid.deal.ticket).await.problem(404, "not_found");
    world.until_projected("market").await;
    world.verify().await.unwrap();
    world.system.stop().await.unwrap();
}

/// An earlier version kept a token that came more than an hour later for as long as its link.
#[tokio::test]
async fn the_token_of_a_link_that_is_issued_late_is_erased_however_late() {
    let mut world = World::with_test_clock().await;
    world.system.rules.stop().await.unwrap();
    let person = world.given_user("standard").await;
    let request = world.given_request(Some(&person)).await;
    let id = world.given_erased(&person).await;
    for _ in 0..2 {
        world.time_passes(TimeDelta::hours(3)).await;
        eventually("a round was held", async || !world.is_left_over(&id).await).await;
        world.given_leftover(&id).await;
    }
    world.system.rules.start().await.unwrap();
    let issued = async || world.events_of(request).await.iter().any(|event| event == "LinkIssued");
    eventually("the link is issued", issued).await;
    world.time_passes(TimeDelta::minutes(2)).await;
    let is_erased = async || world.token_in_vault(request).await.is_none();
    eventually("its token is erased", is_erased).await;
    world.system.stop().await.unwrap();
}

/// A process does not know what was not done while there was none.
#[tokio::test]
async fn a_process_begins_with_all_who_were_erased_in_the_last_month() {
    let mut world = World::with_test_clock().await;
    let id = world.given_erased(&world.given_user("standard").await).await;
    world.system.ticketing.stop().await.unwrap();
    let age = "update accounts set erased_at = erased_at - interval '29 days' \
               where erased_at is not null";
    world.sql().await.batch_execute(age).await.unwrap();
    assert!(world.is_left_over(&id).await);
    world.system.ticketing.start().await.unwrap();
    eventually("it is erased", async || !world.is_left_over(&id).await).await;
    world.system.stop().await.unwrap();
}
