//! Calling the API as a client that notes everything in the journal, and that asks again with the
//! same key until it knows what has become of a call.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail};
use reqwest::{Client, Method, Response, redirect};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::chaos::journal::{Action, Intent, Journal, Outcome, Reply};

/// A client hangs up after this long; the service itself gives up after 10 s.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause before a call is made again.
const AGAIN: Duration = Duration::from_millis(50);
/// No fault lasts so long that a call is undecided for longer.
const DECIDED_WITHIN: Duration = Duration::from_secs(180);

/// Members of an answer that name what was made, in this order.
const MADE: [&str; 4] = ["request_id", "purchase_id", "hold_id", "id"];

/// What to call.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What is wanted.
    pub action: Action,
    /// How.
    pub method: Method,
    /// Path and query. It may hold a link's token, so it is not noted.
    pub path: String,
    /// As whom; nobody is a guest.
    pub token: Option<String>,
    /// The `Idempotency-Key`.
    pub key: Option<Uuid>,
    /// The body.
    pub body: Option<Value>,
    /// What is in question: a link request, ticket, order, payment, match, wallet, purchase,
    /// announcement or booking.
    pub about: Option<Uuid>,
}

impl Ask {
    /// A GET.
    pub fn get(action: Action, path: impl Into<String>) -> Self {
        let (path, method) = (path.into(), Method::GET);
        Self { action, method, path, token: None, key: None, body: None, about: None }
    }

    /// The same as this account.
    pub fn by(self, token: Option<String>) -> Self {
        Self { token, ..self }
    }

    /// The same with a key that nobody has used.
    pub fn keyed(self) -> Self {
        Self { key: Some(Uuid::new_v4()), ..self }
    }

    /// The same about this.
    pub fn about(self, about: Uuid) -> Self {
        Self { about: Some(about), ..self }
    }

    /// The same as a POST with this body, or with none.
    pub fn posted(self, body: Option<Value>) -> Self {
        Self { method: Method::POST, body, ..self }
    }

    /// The same as a PUT.
    pub fn put(self) -> Self {
        Self { method: Method::PUT, ..self }
    }

    /// The same as a DELETE.
    pub fn delete(self) -> Self {
        Self { method: Method::DELETE, ..self }
    }
}

/// An answer as the journal notes it, and its body.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What is noted.
    pub reply: Reply,
    /// All of it; null if it is not JSON.
    pub body: Value,
}

impl Answer {
    /// A member of the body that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }
}

/// The replicas' API.
#[derive(Clone, Debug)]
pub struct Api {
    http: Client,
    urls: Arc<[String]>,
    /// Where everything is noted.
    pub journal: Arc<Journal>,
}

impl Api {
    /// The API at these addresses.
    ///
    /// # Errors
    /// If there can be no HTTP client.
    pub fn new(urls: Vec<String>, journal: Arc<Journal>) -> Result<Self> {
        let http =
            Client::builder().redirect(redirect::Policy::none()).timeout(PATIENCE).build()?;
        Ok(Self { http, urls: urls.into(), journal })
    }

    /// How many replicas there are.
    pub fn replicas(&self) -> usize {
        self.urls.len()
    }

    /// The address of a replica.
    pub fn url(&self, replica: usize) -> &str {
        self.urls.get(replica).map_or("", String::as_str)
    }

    /// Makes a call once, as `client`. `None` if it was not answered.
    ///
    /// # Errors
    /// If the journal can not be written.
    pub async fn once(&self, client: usize, replica: usize, ask: &Ask) -> Result<Option<Answer>> {
        let Ask { action, key, about, .. } = *ask;
        let number = self.journal.begins(Intent { client, replica, action, key, about })?;
        let answered = async { read(self.request(replica, ask).send().await?).await };
        let (outcome, answer) = match answered.await {
            Ok(answer) => (Outcome::Answered(answer.reply.clone()), Some(answer)),
            // Its address may hold a token.
            Err(error) => (Outcome::Lost(format!("{:#}", error.without_url())), None),
        };
        self.journal.ended(number, outcome)?;
        Ok(answer)
    }

    /// Makes a call again and again with the same key, at each replica in turn, until its answer
    /// tells what has become of it.
    ///
    /// # Errors
    /// If that takes longer than any fault lasts.
    pub async fn decided(&self, client: usize, first: usize, ask: &Ask) -> Result<Answer> {
        let begun = Instant::now();
        let mut replica = first;
        loop {
            let answer = self.once(client, replica % self.replicas().max(1), ask).await?;
            if let Some(answer) = answer.filter(|answer| answer.reply.is_definite()) {
                return Ok(answer);
            }
            if begun.elapsed() > DECIDED_WITHIN {
                bail!("{:?} is undecided after {} s", ask.action, DECIDED_WITHIN.as_secs());
            }
            sleep(AGAIN).await;
            replica += 1;
        }
    }

    fn request(&self, replica: usize, ask: &Ask) -> reqwest::RequestBuilder {
        let url = format!("{}{}", self.url(replica), ask.path);
        let mut request = self.http.request(ask.method.clone(), url);
        if let Some(token) = &ask.token {
            request = request.bearer_auth(token);
        }
        if let Some(key) = ask.key {
            request = request.header("idempotency-key", key.to_string());
        }
        match &ask.body {
            Some(body) => request.json(body),
            None => request,
        }
    }
}

async fn read(response: Response) -> reqwest::Result<Answer> {
    let status = response.status().as_u16();
    let retry_after = response.headers().contains_key("retry-after");
    let bytes = response.bytes().await?;
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let reply = Reply {
        status,
        code: text("code").map(Into::into),
        retry_after,
        made: MADE.iter().find_map(|name| text(name)).and_then(|id| id.parse().ok()),
        until: text("expires_at").and_then(|time| time.parse().ok()),
        tickets: tickets(&body),
        link: text("link").is_some(),
    };
    Ok(Answer { reply, body })
}

/// The tickets of an answer: their ids, or they themselves.
fn tickets(body: &Value) -> Vec<Uuid> {
    let tickets = body.get("tickets").and_then(Value::as_array).into_iter().flatten();
    let id = |ticket: &Value| ticket.get("id").unwrap_or(ticket).as_str()?.parse().ok();
    tickets.filter_map(id).collect()
}
