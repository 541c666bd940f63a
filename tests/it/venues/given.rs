//! The states that tests start from, each named for what is true in it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use shared_events::{FixtureId, Place, SeatId, StadiumId, TicketId};
use uuid::Uuid;

use crate::harness::eventually;
use crate::market::given::now;
use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::User;

/// A match with seats on sale.
pub(crate) struct Sale {
    pub(crate) admin: User,
    pub(crate) stadium: String,
    /// The named price: 20.00.
    pub(crate) price: String,
    /// The match.
    pub(crate) id: String,
    pub(crate) start: DateTime<Utc>,
}

impl Sale {
    /// The stadium's seat at a place of a planned section.
    pub(crate) fn seat(&self, section: &str, row: u32, number: u32) -> String {
        let place = Place { section: section.to_owned(), row, number };
        let stadium = StadiumId(self.stadium.parse().expect("an id"));
        SeatId::of(stadium, &place).to_string()
    }

    /// The ticket for it.
    pub(crate) fn ticket(&self, section: &str, row: u32, number: u32) -> String {
        let seat = SeatId(self.seat(section, row, number).parse().expect("an id"));
        TicketId::of(FixtureId(self.id.parse().expect("an id")), seat).to_string()
    }

    /// When the match takes place.
    pub(crate) fn time(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        (self.start, self.start + TimeDelta::hours(2))
    }
}

impl World {
    /// Somebody who may do everything: one in each system, because it takes a while.
    pub(crate) async fn given_admin(&self) -> User {
        static ADMINS: Mutex<BTreeMap<String, User>> = Mutex::new(BTreeMap::new());
        let known = ADMINS.lock().expect("no panic").get(&self.system.place).cloned();
        if let Some(admin) = known {
            return admin;
        }
        let admin = self.new_admin().await;
        ADMINS.lock().expect("no panic").insert(self.system.place.clone(), admin.clone());
        admin
    }

    async fn new_admin(&self) -> User {
        let admin = self.given_user("standard").await;
        self.run(&["grant", &admin.username, "admin"]).await.expect("granted");
        let let_in = async || {
            self.by(&admin, Method::GET, "/admin/accounts?limit=1").ask().await.status == 200
        };
        eventually("the administrator is let in", let_in).await;
        admin
    }

    pub(crate) async fn post_as(&self, user: &User, path: &str, body: &Value) -> Answer {
        self.by(user, Method::POST, path).json(body).ask().await
    }

    pub(crate) async fn get_as(&self, user: &User, path: &str) -> Answer {
        self.by(user, Method::GET, path).ask().await
    }

    /// A stadium with these sections: name, rows, seats of a row.
    pub(crate) async fn given_stadium(
        &self,
        admin: &User,
        sections: &[(&str, u32, u32)],
    ) -> String {
        let body = json!({ "name": "Arena", "description": "A hall" });
        let id = self.post_as(admin, "/api/stadium/", &body).await.is(201).member("id");
        if !sections.is_empty() {
            let section = |(name, rows, seats): &(&str, u32, u32)| json!({ "name": name, "rows": rows, "seats_per_row": seats });
            let sections: Vec<_> = sections.iter().map(section).collect();
            let plan = json!({ "sections": sections });
            self.post_as(admin, &format!("/api/stadium/{id}/seats"), &plan).await.is(201);
        }
        id
    }

    /// A match in a stadium that begins at this time and takes two hours.
    pub(crate) async fn schedule(
        &self,
        admin: &User,
        stadium: &str,
        start: DateTime<Utc>,
    ) -> Answer {
        let body = json!({ "stadium": stadium, "title": "Final", "start_time": start,
                           "end_time": start + TimeDelta::hours(2) });
        self.post_as(admin, "/api/match/", &body).await
    }

    /// A named price of 20.00.
    pub(crate) async fn given_price(&self, admin: &User) -> String {
        let body = json!({ "name": "Adults", "unit_price": 20 });
        self.post_as(admin, "/api/price/", &body).await.is(201).member("id")
    }

    /// A match in 30 days, all seats on sale for 20.00. The sections are of its own stadium.
    pub(crate) async fn given_sale(&self, sections: &[(&str, u32, u32)]) -> Sale {
        let admin = self.given_admin().await;
        let start = now() + TimeDelta::days(30);
        self.given_sale_at(admin, sections, start).await
    }

    /// The same at a time of its own.
    pub(crate) async fn given_sale_at(
        &self,
        admin: User,
        sections: &[(&str, u32, u32)],
        start: DateTime<Utc>,
    ) -> Sale {
        let stadium = self.given_stadium(&admin, sections).await;
        let price = self.given_price(&admin).await;
        let id = self.schedule(&admin, &stadium, start).await.is(201).member("id");
        let offer = json!({ "price": price });
        self.post_as(&admin, &format!("/api/match/{id}/tickets"), &offer).await.is(201);
        Sale { admin, stadium, price, id, start }
    }

    /// Cancels a match of which tickets are sold, as when one is sold in the same moment: otherwise
    /// that is refused. Nobody can see to it that it happens, so it is written into history. For a
    /// system of its own, whose venues are at rest.
    pub(crate) async fn cancel_behind_the_api(&self, sale: &Sale) {
        let cancel = "insert into events select log, \
                          (select max(position) + 1 from events where log = e.log), \
                          gen_random_uuid(), aggregate, aggregate_id, sequence + 1, 'Cancelled', \
                          event_version, now(), correlation, causation, traceparent, \
                          '{\"type\": \"Cancelled\"}' \
                      from events e where aggregate_id = $1 order by sequence desc limit 1";
        let id: Uuid = sale.id.parse().expect("an id");
        let cancelled = self.sql().await.execute(cancel, &[&id]).await.expect("written");
        assert_eq!(cancelled, 1);
    }

    pub(crate) async fn reserve(&self, user: &User, ticket: &str) -> Answer {
        self.by(user, Method::PUT, &format!("/api/ticket/{ticket}/reserve/")).ask().await
    }

    pub(crate) async fn cancel(&self, user: &User, ticket: &str) -> Answer {
        self.by(user, Method::PUT, &format!("/api/ticket/{ticket}/cancel/")).ask().await
    }

    pub(crate) async fn reserve_many(&self, user: &User, id: &str, body: &Value) -> Answer {
        self.post_as(user, &format!("/api/match/{id}/reserve"), body).await
    }

    pub(crate) async fn purchase(&self, user: &User, wallet: &str) -> Answer {
        self.by(user, Method::POST, &format!("/api/wallet/{wallet}/purchase/")).ask().await
    }

    pub(crate) async fn charge(&self, user: &User, wallet: &str, money: f64) -> Answer {
        let body = json!({ "money": money });
        self.post_as(user, &format!("/api/wallet/{wallet}/charge/"), &body).await
    }

    /// An empty wallet of this user.
    pub(crate) async fn given_wallet(&self, user: &User) -> String {
        self.by(user, Method::POST, "/api/wallet/").ask().await.is(201).member("id")
    }

    /// A wallet of this user with so much in it.
    pub(crate) async fn given_money(&self, user: &User, money: u32) -> String {
        let wallet = self.given_wallet(user).await;
        self.charge(user, &wallet, money.into()).await.is(200);
        wallet
    }

    pub(crate) async fn balance(&self, user: &User, wallet: &str) -> Value {
        let path = format!("/api/wallet/{wallet}");
        self.get_as(user, &path).await.is(200).json["money"].clone()
    }

    /// The state of a ticket: number and word.
    pub(crate) async fn ticket_status(&self, user: &User, ticket: &str) -> (u64, String) {
        let seen = self.get_as(user, &format!("/api/ticket/{ticket}/")).await.is(200);
        (seen.json["status"].as_u64().expect("a number"), seen.member("status_name"))
    }

    /// A purchase of a ticket for 20.00 by a new spectator: who, wallet, purchase, ticket.
    pub(crate) async fn given_purchase(&self, sale: &Sale, number: u32) -> Bought {
        let buyer = self.given_user("standard").await;
        let wallet = self.given_money(&buyer, 50).await;
        let ticket = sale.ticket("A", 1, number);
        self.reserve(&buyer, &ticket).await.is(200);
        let bought = self.purchase(&buyer, &wallet).await.is(200);
        Bought { buyer, wallet, purchase: bought.member("purchase_id"), ticket }
    }

    /// Gives back the tickets of a purchase.
    pub(crate) async fn give_back(&self, bought: &Bought) -> Answer {
        let path = format!("/api/purchase/{}/refund", bought.purchase);
        self.by(&bought.buyer, Method::POST, &path).ask().await
    }
}

/// A ticket that was bought, by somebody who has 30.00 left.
pub(crate) struct Bought {
    pub(crate) buyer: User,
    pub(crate) wallet: String,
    pub(crate) purchase: String,
    pub(crate) ticket: String,
}

/// A time that no other test of this run has, so that matches in one stadium do not meet.
pub(crate) fn some_day() -> DateTime<Utc> {
    static DAY: AtomicI64 = AtomicI64::new(100);
    now() + TimeDelta::days(DAY.fetch_add(1, Ordering::Relaxed))
}

/// An id that nothing has.
pub(crate) fn nothing() -> String {
    Uuid::new_v4().to_string()
}
