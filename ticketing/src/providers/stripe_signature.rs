//! The signature of Stripe's webhooks: an HMAC-SHA256 over time and body, in the header
//! `Stripe-Signature: t=<unix time>,v1=<hex>` (Stripe's documentation, "Verify webhook signatures
//! manually"). Old ones are refused, so that nobody can send again what they have overheard.

use aws_lc_rs::hmac;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};

/// How far the time of a signature may be from ours.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// What signs webhooks.
pub struct WebhookSecret(hmac::Key);

impl WebhookSecret {
    /// This secret.
    pub fn new(secret: &SecretString) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes()))
    }

    /// Whether the header signs this body, not longer ago than five minutes.
    pub fn has_signed(&self, header: &str, body: &[u8], now: DateTime<Utc>) -> bool {
        let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
        let Some((_, time)) = parts().find(|(name, _)| *name == "t") else { return false };
        let signed_at = time.parse().ok().and_then(|time| DateTime::from_timestamp(time, 0));
        if signed_at.is_none_or(|signed_at| (now - signed_at).abs() > TOLERANCE) {
            return false;
        }
        let signed = [time.as_bytes(), b".", body].concat();
        // There are several while the secret is changed.
        let mut signatures = parts().filter(|(name, _)| *name == "v1");
        signatures.any(|(_, signature)| {
            read_hex(signature).is_some_and(|tag| hmac::verify(&self.0, &signed, &tag).is_ok())
        })
    }
}

fn read_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<_>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits?;
    let pairs = digits.chunks_exact(2);
    let whole = pairs.remainder().is_empty();
    let bytes =
        pairs.map(|pair| u8::try_from(pair.iter().fold(0, |byte, digit| byte * 16 + digit)));
    bytes.collect::<Result<_, _>>().ok().filter(|_| whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = br#"{"id":"evt_1"}"#;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_795_262_400, 0).unwrap()
    }

    fn header(secret: &str, time: DateTime<Utc>) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let signed = [time.timestamp().to_string().as_bytes(), b".", BODY].concat();
        let tag: String =
            hmac::sign(&key, &signed).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("t={},v1={tag},v0=ff", time.timestamp())
    }

    fn is_accepted(header: &str, body: &[u8]) -> bool {
        WebhookSecret::new(&"whsec_1".into()).has_signed(header, body, now())
    }

    #[test]
    fn what_was_signed_lately_with_the_secret_is_accepted() {
        for age in [TimeDelta::zero(), TOLERANCE, -TOLERANCE] {
            assert!(is_accepted(&header("whsec_1", now() - age), BODY));
        }
        let while_changing = format!("v1=00,{}", header("whsec_1", now()));
        assert!(is_accepted(&while_changing, BODY));
    }

    #[test]
    fn anything_else_is_not() {
        assert!(!is_accepted(&header("whsec_2", now()), BODY), "another secret");
        assert!(!is_accepted(&header("whsec_1", now()), b"{}"), "another body");
        let old = header("whsec_1", now() - TOLERANCE - TimeDelta::seconds(1));
        assert!(!is_accepted(&old, BODY), "too old");
        for garbage in ["", "t=1", "v1=00", "t=x,v1=00", "t=1795262400,v1=", "t=1795262400,v1=zz"] {
            assert!(!is_accepted(garbage, BODY), "{garbage}");
        }
    }
}
