//! The states that tests start from, each named for what is true in it.

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::eventually;
use crate::outings::given::in_hours;
use crate::peers::smtp::{Entry, MAIL_FROM, Mail, Sink};
use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::{User, new_email};

pub(super) const LIST: &str = "/app/v1/notifications";
pub(super) const SETTINGS: &str = "/app/v1/notifications/settings";

/// A system with a test clock that sends mail.
pub(super) struct WithMail {
    pub(super) world: World,
    pub(super) sink: Sink,
}

impl WithMail {
    pub(super) async fn start() -> Self {
        Self::through(Sink::start(Entry::default()).await, &[]).await
    }

    /// Through a server of its own, with further settings.
    pub(super) async fn through(sink: Sink, more: &[(&str, &str)]) -> Self {
        let mail = [("SMTP_URL", sink.url.as_str()), ("MAIL_FROM", MAIL_FROM), ("TEST_CLOCK", "1")];
        let world = World::start(&[&mail[..], more].concat()).await;
        Self { world, sink }
    }

    /// Waits until so many mails have come to somebody, and no more.
    pub(super) async fn until_mails(&self, to: &User, number: usize) -> Vec<Mail> {
        let there = async || self.sink.mails_to(&to.email).len() >= number;
        eventually(&format!("{number} mails for {}", to.email), there).await;
        self.until_idle().await;
        let mails = self.sink.mails_to(&to.email);
        assert_eq!(mails.len(), number, "{mails:?}");
        mails
    }

    /// Waits until everything that is due by now was sent, or was decided not to be.
    pub(super) async fn until_idle(&self) {
        let now = self.world.now().await;
        let undecided = format!(
            "select count(*) from {NOTICES} n where due_at <= '{now}' and withdrawn_at is null \
                 and due_at > '{now}'::timestamptz - interval '4 minutes' \
                 and due_at >= (select mailed_from from notices_begin) \
                 and not exists (select from deliveries d \
                     where d.notice = n.id and d.channel = 'email')"
        );
        // What was just decided is next a moment after `now`.
        let open = format!(
            "select count(*) from deliveries where state in ('claimed', 'sending') \
                 or state = 'waiting' and (attempts = 0 or next_at <= '{now}')"
        );
        self.world.until_all_projected().await;
        let idle =
            async || self.world.count(&undecided).await == 0 && self.world.count(&open).await == 0;
        eventually("all that is due was sent", idle).await;
    }

    pub(super) async fn time_passes(&self, time: TimeDelta) {
        self.world.time_passes(time).await;
    }

    /// The state of what was to be sent to somebody, oldest first, with its reason.
    pub(super) async fn deliveries(&self, to: &User) -> Vec<(String, Option<String>)> {
        let query = "select d.state, d.reason from deliveries d join accounts a on a.id = d.person \
                     where a.username = $1 and d.channel = 'email' order by d.next_at, d.notice";
        let rows = self.world.sql().await.query(query, &[&to.username]).await.unwrap();
        rows.iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    pub(super) async fn until_delivery_is(&self, to: &User, state: &str) {
        let is_so = async || self.deliveries(to).await.iter().any(|(found, _)| found == state);
        eventually(&format!("a mail is {state}"), is_so).await;
    }
}

/// Every notice, by the tables.
pub(super) const NOTICES: &str = "(select * from link_notices union all \
    select * from market_notices union all select * from venue_notices union all \
    select * from outing_notices)";

impl World {
    /// Waits until all that happened so far has become notices.
    pub(super) async fn until_all_projected(&self) {
        let behind = "select count(*) from (values ('link_notices', 'links'), \
                          ('market_notices', 'market'), ('venue_notices', 'venues'), \
                          ('outing_notices', 'outings')) p(name, log) \
                      where coalesce((select position from checkpoints c \
                              where c.projection = p.name), 0) \
                          < (select coalesce(max(position), 0) from events e where e.log = p.log)";
        eventually("all is projected", async || self.count(behind).await == 0).await;
    }

    /// Somebody whose address begins so.
    pub(super) async fn given_reader(&self, beginning: &str) -> User {
        self.given_user_at(&format!("{beginning}{}", new_email())).await
    }

    pub(super) async fn set_profile(&self, of: &User, change: &Value) {
        self.by(of, Method::PATCH, "/auth/v1/profile").json(change).ask().await.is(200);
    }

    /// What somebody is told, newest first.
    pub(super) async fn told(&self, user: &User) -> Vec<Value> {
        let path = format!("{LIST}?limit=200&sort=-created");
        let mut list = self.get_as(user, &path).await;
        if list.status == 401 {
            list = self.get_as(&self.logged_in_again(user).await, &path).await;
        }
        list.is(200).json.as_array().expect("a list").clone()
    }

    /// Where a notice leads to, by way of its short link.
    pub(super) async fn leads_to(&self, notice: &Value) -> String {
        let link = notice["link"].as_str().expect("a link");
        assert!(link.contains("/s/"), "{notice}");
        self.http().get(link).ask().await.is(302).header("location").to_owned()
    }

    /// The kinds of what somebody is told, oldest first.
    pub(super) async fn kinds_told(&self, user: &User) -> Vec<String> {
        let told = self.told(user).await;
        let kind = |notice: &Value| notice["kind"].as_str().expect("a kind").to_owned();
        told.iter().rev().map(kind).collect()
    }

    /// Waits until somebody is told exactly this, oldest first.
    pub(super) async fn until_told(&self, user: &User, kinds: &[&str]) {
        let told = async || {
            let found = self.kinds_told(user).await;
            assert!(found.len() <= kinds.len(), "{found:?} instead of {kinds:?}");
            found == kinds
        };
        eventually(&format!("{} is told {kinds:?}", user.username), told).await;
    }

    pub(super) async fn switch(&self, user: &User, kind: &str, channel: &str, on: bool) -> Answer {
        let mut setting = json!({ "kind": kind });
        setting[channel] = on.into();
        let body = json!({ "settings": [setting] });
        self.by(user, Method::PUT, SETTINGS).json(&body).ask().await
    }

    /// Something of each log that is told at once: to whom, and what.
    pub(super) async fn given_news(&self) -> [(User, &'static [&'static str]); 5] {
        let link = self.given_open_link().await;
        let (paid, payment) = self.given_paid_order().await;
        self.refund(&paid.deal.seller, &payment, "").await.is(200);
        let sale = self.given_sale(&[("A", 1, 2)]).await;
        let holder = self.given_purchase(&sale, 1).await;
        let former = self.given_purchase(&sale, 2).await;
        self.give_back(&former).await.is(200);
        let (start, end) = (sale.start + TimeDelta::hours(3), sale.start + TimeDelta::hours(5));
        let time = json!({ "start_time": start, "end_time": end });
        let path = format!("/api/match/{}", sale.id);
        self.by(&sale.admin, Method::PATCH, &path).json(&time).ask().await.is(200);
        let outing = self.given_outing(2, in_hours(30)).await;
        let (guest, _) = self.given_guest(&outing).await;
        [
            (link.owner.expect("an account's link"), &["link_ready"]),
            (paid.deal.buyer, &["order_refunded"]),
            (holder.buyer, &["match_moved"]),
            (former.buyer, &["purchase_refunded"]),
            (guest, &["booking_applied", "booking_accepted"]),
        ]
    }

    /// An order that soon no longer holds its ticket: its buyer is told.
    pub(super) async fn given_expiring_order(&self, buyer: &User) -> Expiring {
        let seller = self.given_user("standard").await;
        let listed = self.list_ticket(&seller, "Concert, row 7", 19.99).await.is(201);
        let placed = self.order_ticket(buyer, &listed.member("id")).await.is(201);
        let expires_at: DateTime<Utc> = placed.member("expiresAt").parse().expect("a time");
        Expiring { id: placed.member("id"), seller, told_at: expires_at - TimeDelta::minutes(5) }
    }
}

/// An order about which its buyer will be told.
pub(super) struct Expiring {
    pub(super) id: String,
    pub(super) seller: User,
    pub(super) told_at: DateTime<Utc>,
}
