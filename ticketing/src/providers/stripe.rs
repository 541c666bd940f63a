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
use shared_events::{PaymentId, Price};

use super::{Capture, Outcome, PaymentProvider, ProviderError, Taken};

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
    amount: i64,
    status: Option<String>,
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

impl Refund {
    /// Whether the money has gone back or is on its way.
    fn stands(&self) -> bool {
        !matches!(self.status.as_deref(), Some("failed" | "canceled"))
    }
}

/// The latest of these refunds if together they are all of the price: some of it may have been
/// given back by hand.
fn whole(refunds: &[Refund], price: Price) -> Option<String> {
    let standing = || refunds.iter().filter(|refund| refund.stands());
    let back: i64 = standing().map(|refund| refund.amount).sum();
    let latest = standing().next()?;
    (back >= price.price_minor).then(|| latest.id.clone())
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

    /// The refunds of a charge, latest first.
    async fn refunds(&self, charge: &str) -> Result<Vec<Refund>, ProviderError> {
        let query = [("charge", charge), ("limit", PAGE)];
        let refunds = send(self.request(Method::GET, "refunds").query(&query)).await?;
        Ok(read::<Refunds>(refunds).await?.data)
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
        // The card's answer, or a request that Stripe will never take: nothing was charged. What
        // anybody else on the way may have answered says nothing of the sort.
        let refused = ["card_error", "invalid_request_error"].contains(&problem.kind.as_str());
        if status.is_client_error() && refused {
            let reason = problem.decline_code.or(problem.code);
            return Ok(Outcome::Declined {
                reason: reason.unwrap_or_else(|| "invalid_source".into()),
            });
        }
        Err(unexpected(status, problem))
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

    async fn find_refund(&self, taken: &Taken) -> Result<Option<String>, ProviderError> {
        Ok(whole(&self.refunds(&taken.charge).await?, taken.price))
    }

    async fn refund(&self, taken: &Taken) -> Result<String, ProviderError> {
        let Taken { payment, price, charge } = taken;
        let known = self.refunds(charge).await?;
        if let Some(refund) = whole(&known, *price) {
            return Ok(refund);
        }
        // A key that was used for a refund that failed is told of that one again.
        let failed = known.iter().filter(|refund| !refund.stands()).count();
        let request = self
            .request(Method::POST, "refunds")
            .header("Idempotency-Key", format!("{payment} refund {failed}"))
            .form(&[("charge", charge.as_str()), (PAYMENT, payment.to_string().as_str())]);
        let refund: Refund = read(send(request).await?).await?;
        if !refund.stands() {
            let code = refund.status.unwrap_or_default();
            return Err(ProviderError::Unexpected { status: StatusCode::OK.as_u16(), code });
        }
        Ok(refund.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared_events::Currency;

    fn refund(id: &str, amount: i64, status: &str) -> Refund {
        Refund { id: id.to_owned(), amount, status: Some(status.to_owned()) }
    }

    #[test]
    fn only_all_of_the_money_is_a_refund() {
        let price = Price { price_minor: 1_999, currency: Currency::Usd };
        let part = || refund("re_1", 500, "succeeded");
        for (refunds, known) in [
            (vec![], None),
            (vec![part()], None),
            (vec![refund("re_2", 1_999, "failed"), part()], None),
            (vec![refund("re_2", 1_999, "canceled")], None),
            (vec![refund("re_2", 1_499, "succeeded"), part()], Some("re_2")),
            (vec![refund("re_3", 1_999, "pending"), refund("re_2", 9, "failed")], Some("re_3")),
        ] {
            assert_eq!(whole(&refunds, price).as_deref(), known);
        }
    }
}
