//! A server that speaks like Stripe, its books, and a way there on which a call can be stopped
//! before it arrives or before its answer comes back.

use std::sync::Arc;

use poem::http::{Method, StatusCode};
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::web::Data;
use poem::{Body, EndpointExt, Request, Response, Server, handler};
use reqwest::Client;
use serde_json::Value;
use tokio::sync::watch;
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
}

impl Stripe {
    pub(crate) async fn start() -> Self {
        let (folder, port) = (python_packages(), free_port());
        let text = port.to_string();
        let module = ["env", "PYTHONPATH=.", "python3", "-m", "localstripe"];
        let command = [&module[..], &["--from-scratch", "--port", &text]].concat();
        let peer = Peer::start(folder, port, &command).await;
        let http = Client::builder().pool_max_idle_per_host(0).build().expect("a client");
        let way = Arc::new(Way {
            to: peer.url.clone(),
            http: http.clone(),
            stop: watch::Sender::new(Stop::Nowhere),
            stopped: watch::Sender::new(false),
        });
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.expect("a port");
        let address = acceptor.local_addr()[0].as_socket_addr().copied().expect("an address");
        let server = Server::new_with_acceptor(acceptor).run(cross.data(Arc::clone(&way)));
        let crossing = tokio::spawn(async { server.await.expect("serving") });
        let url = format!("http://{address}");
        Self { peer, http, way, url, _crossing: AbortOnDropHandle::new(crossing) }
    }

    /// From now on calls that move money are stopped there. Those that wait go on.
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

    /// The charges for a payment.
    pub(crate) async fn charges(&self, payment: &str) -> Vec<Value> {
        let all = self.list("charges?limit=100").await;
        all.into_iter().filter(|charge| charge["metadata"]["payment"] == payment).collect()
    }

    /// The refunds of a charge.
    pub(crate) async fn refunds(&self, charge: &str) -> Vec<Value> {
        self.list(&format!("refunds?charge={charge}")).await
    }

    async fn list(&self, path: &str) -> Vec<Value> {
        let request = self.http.get(format!("{}/v1/{path}", self.peer.url));
        let page = request.bearer_auth(SECRET_KEY).ask().await.is(200);
        page.json["data"].as_array().cloned().expect("a list")
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
    async fn wait_at(&self, here: Stop) {
        let mut stop = self.stop.subscribe();
        if *stop.borrow() == here {
            self.stopped.send_replace(true);
            let _ = stop.wait_for(|stop| *stop != here).await;
        }
    }
}

#[handler]
async fn cross(request: &Request, body: Body, way: Data<&Arc<Way>>) -> Response {
    let moves_money = request.method() == Method::POST;
    if moves_money {
        way.wait_at(Stop::BeforeCall).await;
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
    }
    let status = StatusCode::from_u16(answer.status).expect("a status");
    Response::builder().status(status).content_type("application/json").body(answer.text)
}
