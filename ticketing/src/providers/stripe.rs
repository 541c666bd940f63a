//! Stripe: the charges API with source tokens, as older clients send them. Amounts are in minor
//! units. The payment's id is the idempotency key and stands in the metadata, by which a charge is
//! found again: among those made since the payment was started, because Stripe's search lags.
//!
//! Sources: Stripe's API reference, charges, refunds and idempotent requests.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use shared_events::PaymentId;

use super::{Capture, Outcome, PaymentProvider, ProviderError};

/// The longest that a call may take; shorter than what a caller of ours waits.
const CALL_LIMIT: Duration = Duration::from_secs(6);
/// The metadata that holds the payment's id.
const PAYMENT: &str = "metadata[payment]";
/// Charges of a page, the most that Stripe gives.
const PAGE: &str = "100";
/// How far Stripe's clock may be behind ours.
const SKEW: TimeDelta = TimeDelta::minutes(5);

/// The adapter to Stripe.
pub struct Stripe {
    http: Client,
    url: String,
    secret_key: SecretString,
}

#[derive(Deserialize)]
struct Charge {
    id: String,
    status: String,
    failure_code: Option<String>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    payment: Option<String>,
}

#[derive(Deserialize)]
struct Charges {
    data: Vec<Charge>,
    has_more: bool,
}

#[derive(Deserialize)]
struct Refund {
    id: String,
}

#[derive(Deserialize)]
struct Refunds {
    data: Vec<Refund>,
}

#[derive(Deserialize)]
struct Problem {
    error: ProblemDetail,
}

#[derive(Default, Deserialize)]
struct ProblemDetail {
    #[serde(rename = "type", default)]
    kind: String,
    code: Option<String>,
    decline_code: Option<String>,
}

impl Charge {
    fn outcome(self) -> Outcome {
        match self.status.as_str() {
            "succeeded" => Outcome::Captured { charge: self.id },
            "failed" => {
                let reason = self.failure_code.unwrap_or_else(|| "declined".to_owned());
                Outcome::Declined { reason }
            }
            _ => Outcome::Pending,
        }
    }
}

impl Stripe {
    /// Reaches Stripe at `url` with a secret key.
    ///
    /// # Errors
    /// If no TLS can be had.
    pub fn new(url: &str, secret_key: SecretString) -> Result<Self, reqwest::Error> {
        let http = Client::builder().timeout(CALL_LIMIT).build()?;
        Ok(Self { http, url: url.trim_end_matches('/').to_owned(), secret_key })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("{}/v1/{path}", self.url);
        self.http.request(method, url).bearer_auth(self.secret_key.expose_secret())
    }
}

async fn send(request: RequestBuilder) -> Result<Response, ProviderError> {
    request.send().await.map_err(away)
}

fn away(error: reqwest::Error) -> ProviderError {
    // The address holds ids that belong in no log.
    ProviderError::Away(error.without_url().into())
}

async fn read<T: serde::de::DeserializeOwned>(response: Response) -> Result<T, ProviderError> {
    let status = response.status();
    if !status.is_success() {
        return Err(unexpected(status, problem(response).await));
    }
    response.json().await.map_err(away)
}

async fn problem(response: Response) -> ProblemDetail {
    response.json::<Problem>().await.map(|problem| problem.error).unwrap_or_default()
}

fn unexpected(status: StatusCode, problem: ProblemDetail) -> ProviderError {
    let code = problem.code.unwrap_or(problem.kind);
    ProviderError::Unexpected { status: status.as_u16(), code }
}

#[async_trait]
impl PaymentProvider for Stripe {
    fn name(&self) -> &'static str {
        "stripe"
    }

    async fn capture(&self, capture: &Capture) -> Result<Outcome, ProviderError> {
        let Capture { payment, price, source } = capture;
        let request = self
            .request(Method::POST, "charges")
            .header("Idempotency-Key", payment.to_string())
            .form(&[
                ("amount", price.price_minor.to_string().as_str()),
                ("currency", price.currency.as_str()),
                ("source", source.expose_secret()),
                (PAYMENT, payment.to_string().as_str()),
            ]);
        let response = send(request).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(read::<Charge>(response).await?.outcome());
        }
        let problem = problem(response).await;
        match status {
            // The card's answer, or a request that Stripe will never take: nothing was charged.
            StatusCode::PAYMENT_REQUIRED | StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND => {
                let reason = problem.decline_code.or(problem.code);
                Ok(Outcome::Declined { reason: reason.unwrap_or_else(|| "invalid_source".into()) })
            }
            status => Err(unexpected(status, problem)),
        }
    }

    async fn find(
        &self,
        payment: PaymentId,
        since: DateTime<Utc>,
    ) -> Result<Option<Outcome>, ProviderError> {
        let (id, since) = (payment.to_string(), (since - SKEW).timestamp().to_string());
        let mut after: Option<String> = None;
        loop {
            let mut query = vec![("limit", PAGE), ("created[gt]", since.as_str())];
            query.extend(after.as_deref().map(|after| ("starting_after", after)));
            let page: Charges =
                read(send(self.request(Method::GET, "charges").query(&query)).await?).await?;
            after = page.data.last().map(|charge| charge.id.clone());
            let mut charges = page.data.into_iter();
            let ours = charges.find(|charge| charge.metadata.payment.as_deref() == Some(&id));
            if let Some(charge) = ours {
                return Ok(Some(charge.outcome()));
            }
            if !page.has_more || after.is_none() {
                return Ok(None);
            }
        }
    }

    async fn find_refund(
        &self,
        _: PaymentId,
        charge: &str,
    ) -> Result<Option<String>, ProviderError> {
        let request = self.request(Method::GET, "refunds").query(&[("charge", charge)]);
        let refunds: Refunds = read(send(request).await?).await?;
        Ok(refunds.data.into_iter().next().map(|refund| refund.id))
    }

    async fn refund(&self, payment: PaymentId, charge: &str) -> Result<String, ProviderError> {
        let request = self
            .request(Method::POST, "refunds")
            .header("Idempotency-Key", format!("{payment} refund"))
            .form(&[("charge", charge), (PAYMENT, payment.to_string().as_str())]);
        Ok(read::<Refund>(send(request).await?).await?.id)
    }
}
