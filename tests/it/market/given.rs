//! The states that tests start from, each named for what is true in it.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::User;

/// A seller, a buyer, and a ticket between them.
pub(crate) struct Deal {
    pub(crate) seller: User,
    pub(crate) buyer: User,
    /// The listing's id.
    pub(crate) ticket: String,
}

/// An order for the ticket of a deal.
pub(crate) struct Ordered {
    pub(crate) deal: Deal,
    /// The order's id.
    pub(crate) order: String,
    pub(crate) expires_at: DateTime<Utc>,
}

impl World {
    /// A request of this user.
    pub(crate) fn by(&self, user: &User, method: Method, path: &str) -> RequestBuilder {
        self.request(method, path).bearer_auth(&user.token)
    }

    pub(crate) async fn list_ticket(&self, seller: &User, title: &str, price: f64) -> Answer {
        let body = json!({ "title": title, "price": price });
        self.by(seller, Method::POST, "/api/tickets/create").json(&body).ask().await
    }

    pub(crate) async fn ticket(&self, id: &str) -> Value {
        self.get(&format!("/api/tickets/{id}")).ask().await.is(200).json
    }

    pub(crate) async fn order_ticket(&self, buyer: &User, ticket: &str) -> Answer {
        let body = json!({ "ticketId": ticket });
        self.by(buyer, Method::POST, "/api/orders").json(&body).ask().await
    }

    pub(crate) async fn order(&self, buyer: &User, id: &str) -> Value {
        let path = format!("/api/orders/{id}");
        self.by(buyer, Method::GET, &path).ask().await.is(200).json
    }

    pub(crate) async fn pay(&self, buyer: &User, order: &str, token: &str) -> Answer {
        let body = json!({ "token": token, "orderId": order });
        self.by(buyer, Method::POST, "/api/payments/charge").json(&body).ask().await
    }

    pub(crate) async fn cancel_order(&self, buyer: &User, id: &str) -> Answer {
        self.by(buyer, Method::PATCH, &format!("/api/orders/{id}")).ask().await
    }

    pub(crate) async fn refund(&self, by: &User, payment: &str, query: &str) -> Answer {
        let path = format!("/api/payments/{payment}/refund{query}");
        self.by(by, Method::POST, &path).ask().await
    }

    /// A free ticket for 19.99.
    pub(crate) async fn given_ticket(&self) -> Deal {
        let (seller, buyer) =
            (self.given_user("standard").await, self.given_user("standard").await);
        let listed = self.list_ticket(&seller, "Concert, row 7", 19.99).await.is(201);
        Deal { seller, buyer, ticket: listed.member("id") }
    }

    /// An order that holds its ticket.
    pub(crate) async fn given_order(&self) -> Ordered {
        let deal = self.given_ticket().await;
        self.given_order_of(deal).await
    }

    /// An order that holds this ticket.
    pub(crate) async fn given_order_of(&self, deal: Deal) -> Ordered {
        let placed = self.order_ticket(&deal.buyer, &deal.ticket).await.is(201);
        let expires_at = placed.member("expiresAt").parse().expect("a time");
        Ordered { order: placed.member("id"), expires_at, deal }
    }

    /// Waits until an order has this status.
    pub(crate) async fn until_order(&self, ordered: &Ordered, status: &str) {
        let (buyer, id) = (&ordered.deal.buyer, &ordered.order);
        let is_so = async || self.order(buyer, id).await["status"] == status;
        eventually(&format!("the order is {status}"), is_so).await;
    }

    /// How many payments of an order were started, by history: what is projected may be behind.
    pub(crate) async fn payments_started(&self, order: &str) -> i64 {
        let started = format!(
            "select count(*) from events where event_type = 'Started' \
             and payload->>'order_id' = '{order}'"
        );
        self.count(&started).await
    }

    /// An order that is paid, with its payment's id.
    pub(crate) async fn given_paid_order(&self) -> (Ordered, String) {
        let ordered = self.given_order().await;
        let paid = self.pay(&ordered.deal.buyer, &ordered.order, "tok_visa").await.is(201);
        assert_eq!(paid.json["success"], true);
        (ordered, paid.member("id"))
    }

    /// An order whose payment was started and is not decided until its hold has run out.
    pub(crate) async fn given_slow_payment(&self) -> (Ordered, String) {
        let ordered = self.given_order().await;
        let started = self.pay(&ordered.deal.buyer, &ordered.order, "tok_slow").await.is(202);
        assert_eq!(started.json["success"], false);
        (ordered, started.member("id"))
    }
}

/// The time of this machine, which is that of a service without a test clock.
#[expect(clippy::disallowed_methods, reason = "a test has no clock of the service's")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Shortly before: no longer than a test takes to look what is so then, also on a slow machine.
pub(crate) fn just_before(time: DateTime<Utc>) -> DateTime<Utc> {
    time - TimeDelta::seconds(30)
}
