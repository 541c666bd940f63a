//! Who may do what: every documented route, asked by the owner of what it is about, by another
//! account, by nobody, and by an administrator.

use std::collections::BTreeSet;

use reqwest::Method;

use super::subjects::{About, Subject};
use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::{Answer, Ask};
use crate::world::people::User;

use About::{
    Account, Booking, Film, Held, Host, Link, Match, Nothing, Notice, Order, Outing, Payment,
    Purchase, Review, Seat, Seating, Session, ShortLink, Stadium, Tariff, Ticket, Wallet,
};

/// What the owner, another account, nobody and an administrator are answered; asked are those who
/// are refused first.
type Statuses = [u16; 4];

/// Open to all, whatever else it answers.
const ALL: Statuses = [0; 4];
/// For administrators.
const ADMIN: Statuses = [403, 403, 401, 200];
/// For administrators, who make something.
const MAKERS: Statuses = [403, 403, 401, 201];
/// For administrators, who remove something.
const REMOVERS: Statuses = [403, 403, 401, 204];
/// For everybody who is signed in.
const READERS: Statuses = [200, 200, 401, 200];

/// Every operation of the document. One that is missing here fails the test until somebody has said
/// who it is for.
const OPERATIONS: [(&str, &str, About, Statuses); 155] = [
    ("get", "/.well-known/jwks.json", Nothing, ALL),
    // Only for whoever asks, who is gone then: played in accounts/erasure.rs.
    ("delete", "/account", Nothing, ALL),
    ("get", "/admin/accounts", Account, ADMIN),
    ("get", "/admin/accounts/{id}", Account, ADMIN),
    ("get", "/admin/link_requests", Link, ADMIN),
    ("get", "/admin/link_requests/{id}", Link, ADMIN),
    ("get", "/admin/orders", Order, ADMIN),
    ("get", "/admin/orders/{id}", Order, ADMIN),
    ("get", "/admin/payments", Payment, ADMIN),
    ("get", "/admin/payments/{id}", Payment, ADMIN),
    ("get", "/api/orders", Order, [200, 200, 401, 200]),
    // The first who is let in has it; one's own nobody buys.
    ("post", "/api/orders", Ticket, [403, 201, 401, 409]),
    ("delete", "/api/orders/{id}", Order, [204, 404, 401, 404]),
    ("get", "/api/orders/{id}", Order, [200, 404, 401, 404]),
    ("patch", "/api/orders/{id}", Order, [200, 404, 401, 404]),
    ("post", "/api/payments", Order, [201, 404, 401, 404]),
    ("post", "/api/payments/charge", Order, [201, 404, 401, 404]),
    ("post", "/api/payments/{id}/refund", Payment, [200, 404, 401, 200]),
    ("get", "/api/tickets", Ticket, [200; 4]),
    ("post", "/api/tickets", Ticket, [201, 201, 401, 201]),
    ("post", "/api/tickets/create", Ticket, [201, 201, 401, 201]),
    ("put", "/api/tickets/update/{id}", Ticket, [200, 404, 401, 404]),
    ("delete", "/api/tickets/{id}", Ticket, [204, 404, 401, 404]),
    ("get", "/api/tickets/{id}", Ticket, [200; 4]),
    ("put", "/api/tickets/{id}", Ticket, [200, 404, 401, 404]),
    ("get", "/api/users/currentuser", Account, [200, 200, 401, 200]),
    ("get", "/api/users/facebook", Nothing, ALL),
    ("get", "/api/users/facebook/redirect", Nothing, ALL),
    ("get", "/api/users/google", Nothing, ALL),
    ("get", "/api/users/google/redirect", Nothing, ALL),
    ("post", "/api/users/signin", Nothing, ALL),
    ("post", "/api/users/signout", Session, [200, 200, 401, 200]),
    ("post", "/api/users/signup", Nothing, ALL),
    ("post", "/auth/jwt/create", Nothing, ALL),
    ("post", "/auth/jwt/refresh", Nothing, ALL),
    ("post", "/auth/jwt/verify", Nothing, ALL),
    ("post", "/auth/users", Nothing, ALL),
    ("get", "/auth/users/me", Account, [200, 200, 401, 200]),
    // There is none but one's own; without a body it is not set.
    ("post", "/auth/users/set_password", Account, [400, 400, 401, 400]),
    // It is not open yet, for anybody: no login makes a difference.
    ("get", "/buy_ticket/{token}", Link, [425; 4]),
    ("post", "/buy_ticket/{token}", Link, [425; 4]),
    ("get", "/check_ticketing_link", Link, [200, 404, 404, 404]),
    ("get", "/link_requests/{id}/events", Link, [200, 404, 404, 404]),
    ("get", "/livez", Nothing, ALL),
    ("post", "/login", Nothing, ALL),
    ("post", "/logout", Session, [200, 200, 401, 200]),
    ("get", "/problems/{code}", Nothing, ALL),
    ("get", "/readyz", Nothing, ALL),
    ("post", "/register", Nothing, ALL),
    ("get", "/request_for_ticketing_link", Nothing, ALL),
    ("post", "/request_for_ticketing_link", Nothing, ALL),
    ("post", "/token/refresh", Nothing, ALL),
    ("post", "/webhooks/stripe", Nothing, ALL),
    ("get", "/admin/purchases", Purchase, ADMIN),
    ("get", "/admin/purchases/{id}", Purchase, ADMIN),
    ("get", "/admin/wallets", Wallet, ADMIN),
    ("get", "/admin/wallets/{id}", Wallet, ADMIN),
    ("get", "/api", Match, READERS),
    ("get", "/api/match", Match, READERS),
    ("post", "/api/match", Match, [403, 403, 401, 409]),
    ("delete", "/api/match/{id}", Match, REMOVERS),
    ("get", "/api/match/{id}", Match, READERS),
    ("patch", "/api/match/{id}", Match, ADMIN),
    ("put", "/api/match/{id}", Match, ADMIN),
    ("post", "/api/match/{id}/reserve", Match, READERS),
    ("get", "/api/match/{id}/seats", Match, READERS),
    ("post", "/api/match/{id}/tickets", Match, MAKERS),
    ("get", "/api/price", Tariff, READERS),
    ("post", "/api/price", Tariff, MAKERS),
    ("delete", "/api/price/{id}", Tariff, REMOVERS),
    ("get", "/api/price/{id}", Tariff, READERS),
    ("patch", "/api/price/{id}", Tariff, ADMIN),
    ("put", "/api/price/{id}", Tariff, ADMIN),
    ("get", "/api/purchase/{id}", Purchase, [200, 404, 401, 200]),
    // Whoever is let in first gives it back; an administrator is, before the owner.
    ("post", "/api/purchase/{id}/refund", Purchase, [409, 404, 401, 200]),
    ("get", "/api/seat", Seat, READERS),
    ("post", "/api/seat", Seat, [403, 403, 401, 409]),
    ("delete", "/api/seat/{id}", Seat, REMOVERS),
    ("get", "/api/seat/{id}", Seat, READERS),
    ("patch", "/api/seat/{id}", Seat, ADMIN),
    ("put", "/api/seat/{id}", Seat, ADMIN),
    ("get", "/api/stadium", Stadium, READERS),
    ("post", "/api/stadium", Stadium, MAKERS),
    ("delete", "/api/stadium/{id}", Stadium, REMOVERS),
    ("get", "/api/stadium/{id}", Stadium, READERS),
    ("patch", "/api/stadium/{id}", Stadium, ADMIN),
    ("put", "/api/stadium/{id}", Stadium, ADMIN),
    ("post", "/api/stadium/{id}/seats", Stadium, MAKERS),
    ("get", "/api/ticket", Seating, READERS),
    ("post", "/api/ticket", Seating, MAKERS),
    ("delete", "/api/ticket/{id}", Seating, REMOVERS),
    ("get", "/api/ticket/{id}", Seating, READERS),
    ("patch", "/api/ticket/{id}", Seating, ADMIN),
    ("put", "/api/ticket/{id}", Seating, ADMIN),
    ("put", "/api/ticket/{id}/cancel", Held, [200, 409, 401, 409]),
    ("put", "/api/ticket/{id}/canceled", Held, [200, 409, 401, 409]),
    ("put", "/api/ticket/{id}/reserve", Held, [409, 409, 401, 409]),
    ("get", "/api/transactions", Wallet, ADMIN),
    ("get", "/api/wallet", Wallet, ADMIN),
    // With money in it.
    ("post", "/api/wallet", Wallet, [403, 403, 401, 201]),
    ("get", "/api/wallet/{id}", Wallet, [200, 404, 401, 200]),
    ("post", "/api/wallet/{id}/charge", Wallet, [200, 404, 401, 200]),
    // With one's own wallet, and only what one holds.
    ("post", "/api/wallet/{id}/purchase", Wallet, [409, 404, 401, 404]),
    ("get", "/api/wallet/{id}/transactions", Wallet, [200, 404, 401, 200]),
    ("get", "/auth/v1/profile", Account, READERS),
    // There is none but one's own; without a body it is not changed.
    ("patch", "/auth/v1/profile", Account, [400, 400, 401, 400]),
    ("post", "/auth/v1/register", Nothing, ALL),
    ("get", "/auth/v1/user_group/{group}", Account, ADMIN),
    ("post", "/auth/v1/user_group/{group}", Account, ADMIN),
    // What of it whom is told is tested where it is played.
    ("get", "/auth/v1/user_info/{id}", Account, READERS),
    ("post", "/auth/v1/user_info/{id}", Account, READERS),
    ("get", "/movie/v1/movie/{id}", Film, [200; 4]),
    ("post", "/movie/v1/movie/{id}", Film, [200; 4]),
    ("get", "/movie_api/v1/movie/{id}", Film, [200; 4]),
    ("post", "/movie_api/v1/movie/{id}", Film, [200; 4]),
    ("put", "/movie_api/v1/movie/{id}", Film, ADMIN),
    ("get", "/movie_api/v1/movies", Film, [200; 4]),
    // Nobody follows themselves.
    ("delete", "/ugc/v1/follow/{id}", Host, [204, 204, 401, 204]),
    ("put", "/ugc/v1/follow/{id}", Host, [403, 204, 401, 204]),
    ("post", "/ugc/v1/likes_count/{id}", Review, [200; 4]),
    ("delete", "/ugc/v1/movies/{id}/mark", Film, [204, 204, 401, 204]),
    ("put", "/ugc/v1/movies/{id}/mark", Film, [204, 204, 401, 204]),
    ("put", "/ugc/v1/movies/{id}/review", Film, READERS),
    ("get", "/ugc/v1/movies/{id}/reviews", Film, [200; 4]),
    ("post", "/ugc/v1/review_info/{movie}/{user}/{review}", Nothing, ALL),
    // An administrator is let in before the author.
    ("delete", "/ugc/v1/reviews/{id}", Review, [404, 403, 401, 204]),
    ("delete", "/ugc/v1/reviews/{id}/like", Review, READERS),
    ("put", "/ugc/v1/reviews/{id}/like", Review, READERS),
    ("post", "/ugc/v1/subscribers/{id}", Host, READERS),
    ("post", "/api/v1/shortener", ShortLink, [201, 201, 401, 201]),
    ("delete", "/api/v1/shortener/{code}", ShortLink, [204, 404, 401, 404]),
    ("get", "/api/v1/shortener/{code}", ShortLink, [200, 404, 401, 404]),
    ("get", "/app/v1/notifications", Notice, READERS),
    ("put", "/app/v1/notifications/read", Notice, [204, 204, 401, 204]),
    ("get", "/app/v1/notifications/settings", Notice, READERS),
    ("put", "/app/v1/notifications/settings", Notice, READERS),
    ("put", "/app/v1/notifications/{id}/read", Notice, [200, 404, 401, 404]),
    // For whoever has the link of a mail: played in notifications/unsubscribing.rs.
    ("get", "/app/v1/unsubscribe/{key}", Nothing, ALL),
    ("post", "/app/v1/unsubscribe/{key}", Nothing, ALL),
    ("get", "/s/{code}", ShortLink, [302; 4]),
    ("get", "/admin/announcements", Outing, ADMIN),
    ("get", "/admin/announcements/{id}", Outing, ADMIN),
    ("delete", "/app/v1/announcement/{id}", Outing, [200, 403, 401, 403]),
    ("get", "/app/v1/announcement/{id}", Outing, READERS),
    // Of an announcement there is no film.
    ("post", "/app/v1/announcement/{id}", Outing, [404, 404, 401, 404]),
    ("put", "/app/v1/announcement/{id}", Outing, [200, 403, 401, 403]),
    ("get", "/app/v1/announcements", Outing, READERS),
    ("get", "/app/v1/average_score/{id}", Account, READERS),
    ("delete", "/app/v1/booking/{id}", Booking, [200, 403, 401, 403]),
    ("get", "/app/v1/booking/{id}", Booking, [200, 403, 401, 200]),
    // One's own nobody books.
    ("post", "/app/v1/booking/{id}", Outing, [403, 200, 401, 200]),
    ("put", "/app/v1/booking/{id}", Booking, [200, 403, 401, 403]),
    ("get", "/app/v1/bookings", Booking, READERS),
    ("get", "/app/v1/reviews/{id}", Outing, READERS),
    // The host does not say of whom, the others were not there; nor is it over.
    ("post", "/app/v1/reviews/{id}", Outing, [409, 403, 401, 403]),
];

#[tokio::test]
async fn it_is_said_of_every_documented_route_who_it_is_for() {
    let document = World::shared().get("/openapi.json").ask().await.is(200).json;
    let paths = document["paths"].as_object().unwrap().iter();
    let documented: BTreeSet<(String, String)> = paths
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap().keys();
            methods.map(|method| (method.clone(), path.clone())).collect::<Vec<_>>()
        })
        .collect();
    let said = OPERATIONS.iter();
    let said = said.map(|(method, path, ..)| ((*method).to_owned(), (*path).to_owned()));
    assert_eq!(documented, said.collect());
    for (method, path, about, _) in OPERATIONS {
        let names_something = path.contains("{id}") || path.contains("{token}");
        assert!(!names_something || about != Nothing, "{method} {path} is tested with nothing");
    }
}

impl World {
    async fn ask_as(
        &self,
        user: Option<&User>,
        method: &str,
        path: &str,
        subject: &Subject,
    ) -> Answer {
        let mut path = path.replace("{token}", &subject.token).replace("{group}", "premium");
        for name in ["{id}", "{code}"] {
            path = path.replace(name, &subject.id);
        }
        if path == "/check_ticketing_link" {
            path.push_str(&format!("?request_id={}", subject.id));
        }
        let method: Method = method.to_uppercase().parse().expect("a method");
        let mut request = self.request(method, &path);
        if !subject.body.is_null() {
            request = request.json(&subject.body);
        }
        match user {
            Some(user) => request.bearer_auth(&user.token).ask().await,
            None => request.ask().await,
        }
    }
}

#[tokio::test]
async fn every_route_lets_in_only_those_it_is_for() {
    let world = World::shared();
    let (other, admin) = (world.given_user("premium").await, world.given_user("standard").await);
    world.run(&["grant", &admin.username, "admin"]).await.unwrap();
    let accounts = || world.get("/admin/accounts").bearer_auth(&admin.token);
    let is_in = async || accounts().ask().await.status == 200;
    eventually("the administrator is let in", is_in).await;
    for (method, path, about, [owner, another, nobody, administrator]) in OPERATIONS {
        if about == Nothing {
            continue;
        }
        let subject = world.given(about).await;
        for (who, user, status) in [
            ("nobody", None, nobody),
            ("another", Some(&other), another),
            ("an administrator", Some(&admin), administrator),
            ("the owner", Some(&subject.owner), owner),
        ] {
            let fresh = match user {
                Some(user) if about == Session => Some(world.logged_in_again(user).await),
                _ => None,
            };
            let user = fresh.as_ref().or(user);
            let answer = world.ask_as(user, method, path, &subject).await;
            assert_eq!(answer.status, status, "{method} {path} as {who}: {}", answer.text);
            if let Some(user) = fresh {
                let me = world.get("/api/users/currentuser").bearer_auth(&user.token);
                me.ask().await.problem(401, "invalid_token");
            }
        }
    }
}
