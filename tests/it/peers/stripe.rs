//! A server that speaks like Stripe, its books, and a way there on which a call can be stopped
//! before it arrives or before its answer comes back.

use std::collections::HashMap;
use std::sync::Arc;

use poem::http::{Method, StatusCode};
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::web::Data;
use poem::{Body, EndpointExt, Request, Response, Server, handler};
use reqwest::Client;
use serde_json::Value;
use tests::local;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::{Peer, free_port, python_packages};
use crate::world::answer::Ask;

/// Cards that its tests know.
pub(crate) const CARD: &str = "pm_card_visa";
/// A card that is declined.
pub(crate) const DECLINED_CARD: &str = "pm_card_chargeCustomerFail";
/// What it takes for a secret key.
pub(crate) const SECRET_KEY: &str = "sk_test_canary0123456789";

/// Where a call that moves money is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Nowhere.
    Nowhere,
    /// It does not reach Stripe.
    BeforeCall,
    /// Stripe has done it; its answer does not come back.
    AfterCall,
    /// Stripe has done it; the answer to a charge comes back when [`Stripe::answer_at`] says.
    Until,
}

/// A running server that speaks like Stripe.
pub(crate) struct Stripe {
    peer: Peer,
    http: Client,
    way: Arc<Way>,
    /// Where the service reaches it.
    pub(crate) url: String,
    _crossing: AbortOnDropHandle<()>,
}

struct Way {
    to: String,
    http: Client,
    stop: watch::Sender<Stop>,
    stopped: watch::Sender<bool>,
    /// When the charge for a payment is answered.
    answers: watch::Sender<HashMap<String, Instant>>,
}

impl Stripe {
    pub(crate) async fn start() -> Self {
        let (folder, port) = (python_packages(), free_port());
        let text = port.to_string();
        let module = ["env", "PYTHONPATH=.", "python3", "-m", "localstripe"];
        let command = [&module[..], &["--from-scratch", "--port", &text]].concat();
        let peer = Peer::start(folder, port, &command).await;
        let http = local::client();
        let way = Arc::new(Way {
            to: peer.url.clone(),
            http: http.clone(),
            stop: watch::Sender::new(Stop::Nowhere),
            stopped: watch::Sender::new(false),
            answers: watch::Sender::default(),
        });
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.expect("a port");
        let address = acceptor.local_addr()[0].as_socket_addr().copied().expect("an address");
        let server = Server::new_with_acceptor(acceptor).run(cross.data(Arc::clone(&way)));
        let crossing = tokio::spawn(async { server.await.expect("serving") });
        let url = format!("http://{address}");
        Self { peer, http, way, url, _crossing: AbortOnDropHandle::new(crossing) }
    }

    /// From now on calls that move money are stopped there. Those that wait go on; what has not
    /// reached Stripe never does.
    pub(crate) fn stop_calls(&self, stop: Stop) {
        self.way.stopped.send_replace(false);
        self.way.stop.send_replace(stop);
    }

    /// Waits until a call is stopped.
    pub(crate) async fn stopped(&self) {
        let mut stopped = self.way.stopped.subscribe();
        let seen = stopped.wait_for(|stopped| *stopped);
        let seen = tokio::time::timeout(crate::harness::PATIENCE, seen).await;
        seen.expect("a call is stopped").expect("open");
    }

    /// When the charge for a payment is answered, if calls are stopped until then.
    pub(crate) fn answer_at(&self, payment: &str, time: Instant) {
        self.way.answers.send_modify(|answers| {
            answers.insert(payment.to_owned(), time);
        });
    }

    /// The charges for a payment.
    pub(crate) async fn charges(&self, payment: &str) -> Vec<Value> {
        let all = self.list("charges", "").await;
        all.into_iter().filter(|charge| charge["metadata"]["payment"] == payment).collect()
    }

    /// The refunds of a charge.
    pub(crate) async fn refunds(&self, charge: &str) -> Vec<Value> {
        self.list("refunds", &format!("&charge={charge}")).await
    }

    /// How often it has moved money, there or back.
    pub(crate) async fn moves(&self) -> usize {
        self.list("charges", "").await.len() + self.list("refunds", "").await.len()
    }

    /// For each payment how often it was charged, and how often that was given back.
    pub(crate) async fn books(&self) -> HashMap<String, (usize, usize)> {
        let mut books: HashMap<String, (usize, usize)> = HashMap::new();
        let payment = |one: &Value| one["metadata"]["payment"].as_str().expect("an id").to_owned();
        for charge in self.list("charges", "").await {
            books.entry(payment(&charge)).or_default().0 += 1;
        }
        for refund in self.list("refunds", "").await {
            books.entry(payment(&refund)).or_default().1 += 1;
        }
        books
    }

    /// All pages of a list.
    async fn list(&self, of: &str, query: &str) -> Vec<Value> {
        let (mut all, mut after) = (Vec::new(), String::new());
        loop {
            let url = format!("{}/v1/{of}?limit=100{query}{after}", self.peer.url);
            let page = self.http.get(url).bearer_auth(SECRET_KEY).ask().await.is(200).json;
            all.extend(page["data"].as_array().expect("a list").iter().cloned());
            match all.last() {
                Some(last) if page["has_more"] == true => {
                    after = format!("&starting_after={}", last["id"].as_str().expect("an id"));
                }
                _ => return all,
            }
        }
    }

    /// Gives a charge back in Stripe's own dashboard.
    pub(crate) async fn refund_by_hand(&self, charge: &str) {
        let request = self.http.post(format!("{}/v1/refunds", self.peer.url));
        let form = "application/x-www-form-urlencoded";
        let request = request.header("content-type", form).body(format!("charge={charge}"));
        request.bearer_auth(SECRET_KEY).ask().await.is(200);
    }
}

impl Way {
    /// Waits while calls are stopped here; whether they were.
    async fn wait_at(&self, here: Stop) -> bool {
        let mut stop = self.stop.subscribe();
        let is_stopped = *stop.borrow() == here;
        if is_stopped {
            self.stopped.send_replace(true);
            let _ = stop.wait_for(|stop| *stop != here).await;
        }
        is_stopped
    }

    /// Waits for the moment at which this is answered, if there is to be one.
    async fn wait_until(&self, answer: &Value) {
        let payment = answer["metadata"]["payment"].as_str().unwrap_or_default();
        if *self.stop.borrow() != Stop::Until || answer["object"] != "charge" {
            return;
        }
        let mut answers = self.answers.subscribe();
        let said = answers.wait_for(|answers| answers.contains_key(payment));
        let said = tokio::time::timeout(crate::harness::PATIENCE, said).await;
        let time = said.expect("said when").expect("open")[payment];
        tokio::time::sleep_until(time).await;
    }
}

#[handler]
async fn cross(request: &Request, body: Body, way: Data<&Arc<Way>>) -> Response {
    let moves_money = request.method() == Method::POST;
    if moves_money && way.wait_at(Stop::BeforeCall).await {
        return StatusCode::BAD_GATEWAY.into();
    }
    let to = format!("{}{}", way.to, request.original_uri());
    let body = body.into_bytes().await.expect("a body");
    let mut there = way.http.request(request.method().clone(), to).body(body);
    for name in ["authorization", "content-type", "idempotency-key"] {
        if let Some(value) = request.headers().get(name) {
            there = there.header(name, value);
        }
    }
    let answer = there.ask().await;
    if moves_money {
        way.wait_at(Stop::AfterCall).await;
        way.wait_until(&answer.json).await;
    }
    let status = StatusCode::from_u16(answer.status).expect("a status");
    Response::builder().status(status).content_type("application/json").body(answer.text)
}
