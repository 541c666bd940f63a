//! The states that tests start from, each named for what is true in it.

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};

use crate::catalogue::METROPOLIS;
use crate::market::given::now;
use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::User;

/// An announcement and whose it is.
pub(crate) struct Outing {
    pub(crate) host: User,
    /// The announcement's id.
    pub(crate) id: String,
    pub(crate) start: DateTime<Utc>,
}

/// A time in so many hours.
pub(crate) fn in_hours(hours: i64) -> DateTime<Utc> {
    now().trunc_subsecs(0) + TimeDelta::hours(hours)
}

/// An open announcement for so many guests, for two hours.
pub(crate) fn announcement(start: DateTime<Utc>, places: u32) -> Value {
    json!({ "status": "Alive", "title": "On a big screen", "description": "We meet at the box",
            "sub_only": false, "is_free": true, "tickets_count": places, "event_time": start,
            "event_location": "Cinema Mir, hall 2", "duration": 120 })
}

impl Outing {
    pub(crate) fn of(host: &User, id: &str, start: DateTime<Utc>) -> Self {
        Self { host: host.clone(), id: id.to_owned(), start }
    }

    /// When it is over, if it is a short one.
    pub(crate) fn short_end(&self) -> DateTime<Utc> {
        self.start + TimeDelta::minutes(10)
    }
}

impl World {
    pub(crate) async fn announce(&self, host: &User, body: &Value) -> Answer {
        self.post_as(host, &format!("/app/v1/announcement/{METROPOLIS}"), body).await
    }

    pub(crate) async fn announcement(&self, by: &User, id: &str) -> Answer {
        self.get_as(by, &format!("/app/v1/announcement/{id}")).await
    }

    pub(crate) async fn change(&self, by: &User, id: &str, change: &Value) -> Answer {
        let path = format!("/app/v1/announcement/{id}");
        self.by(by, Method::PUT, &path).json(change).ask().await
    }

    pub(crate) async fn call_off(&self, by: &User, id: &str) -> Answer {
        self.by(by, Method::DELETE, &format!("/app/v1/announcement/{id}")).ask().await
    }

    pub(crate) async fn book(&self, guest: &User, announcement: &str) -> Answer {
        self.by(guest, Method::POST, &format!("/app/v1/booking/{announcement}")).ask().await
    }

    pub(crate) async fn say(&self, by: &User, booking: &str, yes: bool) -> Answer {
        let path = format!("/app/v1/booking/{booking}");
        self.by(by, Method::PUT, &path).json(&json!({ "my_status": yes })).ask().await
    }

    pub(crate) async fn booking(&self, by: &User, booking: &str) -> Answer {
        self.get_as(by, &format!("/app/v1/booking/{booking}")).await
    }

    pub(crate) async fn rate(&self, by: &User, announcement: &str, review: &Value) -> Answer {
        self.post_as(by, &format!("/app/v1/reviews/{announcement}"), review).await
    }

    /// An open announcement of a new host.
    pub(crate) async fn given_outing(&self, places: u32, start: DateTime<Utc>) -> Outing {
        let host = self.given_user("standard").await;
        self.given_outing_by(host, places, start).await
    }

    /// An open announcement of this host.
    pub(crate) async fn given_outing_by(
        &self,
        host: User,
        places: u32,
        start: DateTime<Utc>,
    ) -> Outing {
        let made = self.announce(&host, &announcement(start, places)).await.is(200);
        Outing { host, id: made.member("id"), start }
    }

    /// An open announcement of a new host for two guests, in so long of the test clock.
    pub(crate) async fn given_outing_in(&self, time: TimeDelta) -> Outing {
        let start = self.now().await + time;
        self.given_outing(2, start).await
    }

    /// The same for ten minutes, in ten minutes of the test clock: login tokens live an hour.
    pub(crate) async fn given_short_outing(&self, places: u32) -> Outing {
        let start = self.now().await.trunc_subsecs(0) + TimeDelta::minutes(10);
        let outing = self.given_outing(places, start).await;
        self.change(&outing.host, &outing.id, &json!({ "duration": 10 })).await.is(200);
        outing
    }

    /// A booking of this guest that the host has not answered.
    pub(crate) async fn given_booking(&self, guest: &User, outing: &Outing) -> String {
        self.book(guest, &outing.id).await.is(200).member("id")
    }

    /// A new guest with a booking that the host has not answered.
    pub(crate) async fn given_applicant(&self, outing: &Outing) -> (User, String) {
        let guest = self.given_user("standard").await;
        let booking = self.given_booking(&guest, outing).await;
        (guest, booking)
    }

    /// A new guest who is accepted.
    pub(crate) async fn given_guest(&self, outing: &Outing) -> (User, String) {
        let (guest, booking) = self.given_applicant(outing).await;
        self.say(&outing.host, &booking, true).await.is(200);
        (guest, booking)
    }
}
