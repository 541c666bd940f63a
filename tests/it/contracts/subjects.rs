//! What routes are about: something new of each kind, to be asked for by those whom it belongs to
//! and by those whom it does not.

use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::catalogue::METROPOLIS;
use crate::harness::eventually;
use crate::outings::given::{announcement, in_hours};
use crate::world::World;
use crate::world::answer::Ask;
use crate::world::people::User;

/// What a route is about. Each time it is asked, that is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// Nothing that belongs to anybody, or only the caller; tested where it is played.
    Nothing,
    /// An account.
    Account,
    /// A session, each time that of whoever asks; it is over afterwards.
    Session,
    /// A link that is not open yet, with a token that anybody may hold.
    Link,
    /// A ticket for sale.
    Ticket,
    /// An order that is not paid; its owner is the buyer.
    Order,
    /// A payment; its owner is the seller, who may give it back.
    Payment,
    /// A stadium; like everything that is sold, it belongs to no account.
    Stadium,
    /// A seat of a stadium.
    Seat,
    /// A named price.
    Tariff,
    /// A match with seats on sale.
    Match,
    /// A ticket of a match that anybody can have.
    Seating,
    /// A ticket of a match that its owner holds.
    Held,
    /// A wallet with nothing reserved to buy with it.
    Wallet,
    /// A purchase of tickets.
    Purchase,
    /// A host whom nobody follows.
    Host,
    /// A film; like everything that is shown, it belongs to no account.
    Film,
    /// A review of a film.
    Review,
    /// A short link.
    ShortLink,
    /// An announcement that is open; its owner is the host.
    Outing,
    /// A booking; its owner is the guest.
    Booking,
    /// What somebody is told.
    Notice,
}
use About::{
    Account, Booking, Film, Held, Host, Link, Match, Nothing, Notice, Order, Outing, Payment,
    Purchase, Review, Seat, Seating, Session, ShortLink, Stadium, Tariff, Ticket, Wallet,
};

/// Something a route is about, and whose it is.
pub(super) struct Subject {
    pub(super) owner: User,
    pub(super) id: String,
    /// Of a link only.
    pub(super) token: String,
    pub(super) body: Value,
}

impl World {
    /// What such a route is about, made anew.
    pub(super) async fn given(&self, about: About) -> Subject {
        let title = json!({ "title": "Concert", "price": 7 });
        let no_token = String::new();
        match about {
            Nothing | Account | Session => {
                let owner = self.given_user("standard").await;
                let me = self.get("/api/users/currentuser").bearer_auth(&owner.token);
                let id = me.ask().await.is(200).json["currentUser"]["id"].clone();
                let id = id.as_str().expect("an id").to_owned();
                Subject { owner, id, token: no_token, body: Value::Null }
            }
            Link => {
                let link = self.given_issued_link("standard").await;
                let (owner, id) = (link.owner.expect("an owner"), link.id.to_string());
                Subject { owner, id, token: link.token, body: Value::Null }
            }
            Ticket => {
                let deal = self.given_ticket().await;
                let mut body = title;
                body["ticketId"] = deal.ticket.clone().into();
                Subject { owner: deal.seller, id: deal.ticket, token: no_token, body }
            }
            Order => {
                let ordered = self.given_order().await;
                let body = json!({ "token": "tok_visa", "orderId": ordered.order });
                Subject { owner: ordered.deal.buyer, id: ordered.order, token: no_token, body }
            }
            Payment => {
                let (paid, payment) = self.given_paid_order().await;
                let body = Value::Null;
                Subject { owner: paid.deal.seller, id: payment, token: no_token, body }
            }
            Stadium | Seat | Tariff | Match | Seating | Held | Wallet | Purchase => {
                self.given_at_venues(about).await
            }
            Host | Film | Review | ShortLink => self.given_to_talk_of(about).await,
            Notice => self.given_notice().await,
            Outing | Booking => self.given_outing_of(about).await,
        }
    }

    /// Something of the venues. Its owner is a spectator.
    async fn given_at_venues(&self, about: About) -> Subject {
        let owner = self.given_user("standard").await;
        let sale = self.given_sale(&[("A", 4, 10)]).await;
        let ticket = sale.ticket("A", 1, 1);
        let subject = |id: &str, body: Value| {
            let (owner, token) = (owner.clone(), String::new());
            Subject { owner, id: id.to_owned(), token, body }
        };
        let seat = sale.seat("A", 1, 1);
        match about {
            Stadium => {
                let sections = json!([{ "name": "B", "rows": 1, "seats_per_row": 1 }]);
                let stadium = self.given_stadium(&sale.admin, &[]).await;
                subject(
                    &stadium,
                    json!({ "name": "Arena", "description": "", "sections": sections }),
                )
            }
            Seat => {
                let body =
                    json!({ "stadium": sale.stadium, "section": "A", "row": 1, "number": 1 });
                subject(&seat, body)
            }
            Tariff => subject(&sale.price, json!({ "name": "Adults", "unit_price": 20 })),
            Seating => {
                let body = json!({ "match": sale.id, "seat": seat, "price": sale.price });
                subject(&ticket, body)
            }
            Held => {
                self.reserve(&owner, &ticket).await.is(200);
                subject(&ticket, Value::Null)
            }
            Wallet => {
                let wallet = self.given_wallet(&owner).await;
                subject(&wallet, json!({ "money": 5 }))
            }
            Purchase => {
                let wallet = self.given_money(&owner, 100).await;
                self.reserve(&owner, &ticket).await.is(200);
                let bought = self.purchase(&owner, &wallet).await.is(200);
                subject(&bought.member("purchase_id"), Value::Null)
            }
            _ => {
                let (start, end) = sale.time();
                let body = json!({ "stadium": sale.stadium, "start_time": start, "end_time": end,
                                   "price": sale.price, "quantity": 1 });
                subject(&sale.id, body)
            }
        }
    }

    /// An announcement, or a booking of one.
    async fn given_outing_of(&self, about: About) -> Subject {
        let outing = self.given_outing(9, in_hours(30)).await;
        let mut body = announcement(outing.start, 9);
        body["score"] = json!(5);
        body["my_status"] = json!(true);
        let (owner, id) = match about {
            Booking => self.given_applicant(&outing).await,
            _ => (outing.host, outing.id),
        };
        Subject { owner, id, token: String::new(), body }
    }

    /// What a buyer is told whose money went back.
    async fn given_notice(&self) -> Subject {
        let (paid, payment) = self.given_paid_order().await;
        self.refund(&paid.deal.seller, &payment, "").await.is(200);
        let owner = paid.deal.buyer;
        let list = async || self.get_as(&owner, "/app/v1/notifications").await.is(200).json;
        eventually("it is told", async || list().await[0]["id"].is_string()).await;
        let id = list().await[0]["id"].as_str().expect("an id").to_owned();
        Subject { owner, id, token: String::new(), body: json!({ "settings": [] }) }
    }

    /// Something of the catalogue, or a short link to it.
    async fn given_to_talk_of(&self, about: About) -> Subject {
        let owner = self.given_user("standard").await;
        let subject = |id: String, body: Value| Subject {
            owner: owner.clone(),
            id,
            token: String::new(),
            body,
        };
        let review = json!({ "text": "Good", "score": 7 });
        match about {
            Film => {
                // What describes it and what reviews it in one.
                let body = json!({ "title": "Metropolis", "duration": 153, "in_cinemas": true,
                                   "text": "Good", "score": 7 });
                // One of its own: others ask what is told of the samples.
                let (admin, film) = (self.given_admin().await, Uuid::new_v4().to_string());
                let path = format!("/movie_api/v1/movie/{film}");
                self.by(&admin, Method::PUT, &path).json(&body).ask().await.is(201);
                subject(film, body)
            }
            Review => {
                let path = format!("/ugc/v1/movies/{METROPOLIS}/review");
                let made = self.by(&owner, Method::PUT, &path).json(&review).ask().await.is(200);
                subject(made.member("id"), Value::Null)
            }
            ShortLink => {
                let body = json!({ "url": "http://localhost/" });
                let made = self.post_as(&owner, "/api/v1/shortener", &body).await.is(201);
                let url = made.member("url");
                let (_, code) = url.rsplit_once('/').expect("a short address");
                subject(code.to_owned(), body)
            }
            _ => subject(self.id_of(&owner).await, Value::Null),
        }
    }
}
