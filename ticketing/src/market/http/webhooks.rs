//! What the payment provider tells by itself. It is only news that something happened: what, the
//! provider is asked, so a message that comes twice, late or out of order changes nothing that is
//! not so.

use poem_openapi::param::Header;
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi};
use shared_events::PaymentId;
use uuid::Uuid;

use super::super::paying::Paying;
use super::Tag;
use crate::api::body::Body;
use crate::api_error::{ApiError, Code};
use crate::platform::clock::Clock;
use crate::providers::stripe_signature::WebhookSecret;

/// What the routes need.
pub struct WebhooksApi {
    /// The process of paying.
    pub paying: Paying,
    /// What signs Stripe's webhooks; without it there are none.
    pub secret: Option<WebhookSecret>,
    /// The time.
    pub clock: Clock,
}

/// An event of Stripe's.
#[derive(Object)]
#[oai(rename = "StripeEvent", example)]
struct StripeEvent {
    /// What happened, such as `charge.succeeded`.
    #[oai(rename = "type")]
    kind: String,
    /// To what.
    data: StripeData,
}

/// What an event of Stripe's speaks of.
#[derive(Object)]
#[oai(rename = "StripeEventData")]
struct StripeData {
    /// The object after the event.
    object: StripeObject,
}

/// A charge.
#[derive(Object)]
#[oai(rename = "StripeEventObject")]
struct StripeObject {
    /// What we have noted on it.
    metadata: Option<StripeMetadata>,
}

/// What we note on a charge.
#[derive(Object)]
#[oai(rename = "StripeEventMetadata")]
struct StripeMetadata {
    /// Which payment it is for.
    payment: Option<String>,
}

impl Example for StripeEvent {
    fn example() -> Self {
        let payment = Some("0198c0de-0000-7000-8000-000000000005".to_owned());
        let metadata = Some(StripeMetadata { payment });
        let object = StripeObject { metadata };
        Self { kind: "charge.succeeded".to_owned(), data: StripeData { object } }
    }
}

/// That a webhook was received.
#[derive(Object)]
#[oai(rename = "WebhookReceived", example)]
struct Received {
    /// Always true.
    received: bool,
}

impl Example for Received {
    fn example() -> Self {
        Self { received: true }
    }
}

#[derive(ApiResponse)]
enum ReceivedAnswer {
    /// Received, and acted upon
    #[oai(status = 200)]
    Ok(Json<Received>),
}

#[OpenApi(tag = "Tag::Market")]
impl WebhooksApi {
    /// Hear from Stripe
    ///
    /// For Stripe alone, by its signature. Events of other kinds and of charges that are not ours
    /// are received and change nothing.
    ///
    /// Errors: `not_found`, `invalid_signature`, `unavailable`.
    #[oai(path = "/webhooks/stripe", method = "post", operation_id = "stripe_webhook")]
    async fn stripe(
        &self,
        /// `t=<unix time>,v1=<signature>`
        #[oai(name = "Stripe-Signature")]
        signature: Header<Option<String>>,
        body: Body<StripeEvent>,
    ) -> Result<ReceivedAnswer, ApiError> {
        let unset = || ApiError::new(Code::NotFound, "No webhook secret is set");
        let secret = self.secret.as_ref().ok_or_else(unset)?;
        let signature = signature.0.as_deref().unwrap_or_default();
        if !secret.has_signed(signature, &body.bytes, self.clock.now()) {
            let detail = "The signature is missing, wrong, or too old";
            return Err(ApiError::new(Code::InvalidSignature, detail));
        }
        let StripeEvent { kind, data } = body.value;
        let payment = data.object.metadata.and_then(|metadata| metadata.payment);
        let payment = payment.and_then(|payment| Uuid::parse_str(&payment).ok());
        if let (Some(payment), true) = (payment, kind.starts_with("charge.")) {
            self.paying.look(PaymentId(payment)).await?;
        }
        Ok(ReceivedAnswer::Ok(Json(Received { received: true })))
    }
}
