//! Link tokens: the JWT a ticket link carries, signed with ES256 (RFC 7518 §3.4) by this service
//! alone; `ticketing` holds only the public key. Not here: making and storing keys (`keys.rs`), and
//! when a link opens (`evaluate.rs`).

use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use shared_events::verdict::{
    LINK_TOKEN_AUDIENCE, LINK_TOKEN_ISSUER, LINK_TOKEN_TYPE, LinkTokenClaims,
};
use shared_events::{RequestId, TokenId};

/// How long after the link closes its token expires. Only an outer bound: a verdict that is
/// recorded late keeps its full opening time, and the request's stream says until when.
const OUTER_BOUND: TimeDelta = TimeDelta::hours(24);

/// A key that is not a P-256 private key, or a failure of the signature itself.
#[derive(Debug, thiserror::Error)]
#[error("expected a P-256 private key as PKCS#8 PEM")]
pub struct KeyError(#[from] jsonwebtoken::errors::Error);

/// Signs link tokens with one private key.
pub struct LinkSigner {
    key: EncodingKey,
    header: Header,
    public: Jwk,
}

impl LinkSigner {
    /// Reads the private key, a PKCS#8 PEM on curve P-256, and signs once to know that it works.
    ///
    /// # Errors
    /// [`KeyError`] if it is something else.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let key = EncodingKey::from_ec_pem(pem)?;
        let mut public = Jwk::from_encoding_key(&key, Algorithm::ES256)?;
        let kid = public.thumbprint(ThumbprintHash::SHA256)?;
        public.common.key_id = Some(kid.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        let mut header = Header::new(Algorithm::ES256);
        header.typ = Some(LINK_TOKEN_TYPE.to_owned());
        header.kid = Some(kid);
        jsonwebtoken::encode(&header, &(), &key)?;
        Ok(Self { key, header, public })
    }

    /// The public key as a JWK (RFC 7517); its `kid` is its thumbprint (RFC 7638).
    pub fn public(&self) -> &Jwk {
        &self.public
    }

    /// The token of a link that opens at `opens_at` and closes at `closes_at`, both cut to the
    /// second.
    ///
    /// # Errors
    /// [`KeyError`] if signing fails.
    pub fn sign(
        &self,
        request: RequestId,
        token: TokenId,
        opens_at: DateTime<Utc>,
        closes_at: DateTime<Utc>,
    ) -> Result<String, KeyError> {
        let claims = LinkTokenClaims {
            iss: LINK_TOKEN_ISSUER.to_owned(),
            aud: LINK_TOKEN_AUDIENCE.to_owned(),
            sub: request,
            jti: token,
            nbf: opens_at.timestamp(),
            exp: closes_at.timestamp().saturating_add(OUTER_BOUND.num_seconds()),
        };
        Ok(jsonwebtoken::encode(&self.header, &claims, &self.key)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::new_private_key;
    use jsonwebtoken::{DecodingKey, Validation};
    use uuid::Uuid;

    fn signer() -> LinkSigner {
        LinkSigner::from_pem(new_private_key().expect("a key").as_bytes()).expect("a signer")
    }

    fn token_of(signer: &LinkSigner) -> String {
        let (request, token) = (RequestId(Uuid::from_u128(1)), TokenId(Uuid::from_u128(2)));
        let opens_at = DateTime::UNIX_EPOCH + TimeDelta::milliseconds(5_900);
        signer.sign(request, token, opens_at, opens_at + TimeDelta::hours(1)).expect("signed")
    }

    fn read(
        token: &str,
        signer: &LinkSigner,
    ) -> Result<LinkTokenClaims, jsonwebtoken::errors::Error> {
        let mut validation = Validation::new(Algorithm::ES256);
        validation.validate_exp = false;
        validation.set_audience(&[LINK_TOKEN_AUDIENCE]);
        validation.set_issuer(&[LINK_TOKEN_ISSUER]);
        let key = DecodingKey::from_jwk(signer.public())?;
        jsonwebtoken::decode(token, &key, &validation).map(|read| read.claims)
    }

    #[test]
    fn a_token_says_whose_it_is_and_when_it_works() {
        let signer = signer();
        let token = token_of(&signer);
        let header = jsonwebtoken::decode_header(&token).expect("a header");
        assert_eq!(header.typ.as_deref(), Some("link+jwt"));
        assert_eq!(header.alg, Algorithm::ES256);
        assert_eq!(header.kid, signer.public().common.key_id);
        let claims = read(&token, &signer).expect("verifies");
        assert_eq!(
            claims,
            LinkTokenClaims {
                iss: "rules".into(),
                aud: "buy_ticket".into(),
                sub: RequestId(Uuid::from_u128(1)),
                jti: TokenId(Uuid::from_u128(2)),
                nbf: 5,
                exp: 5 + 25 * 60 * 60,
            }
        );
    }

    #[test]
    fn another_key_does_not_verify_it() {
        let token = token_of(&signer());
        assert!(read(&token, &signer()).is_err());
    }

    #[test]
    fn what_is_not_a_p256_key_is_refused() {
        let p384 = {
            use aws_lc_rs::signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair};
            let random = aws_lc_rs::rand::SystemRandom::new();
            let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, &random);
            pem::encode(&pem::Pem::new("PRIVATE KEY", der.expect("a key").as_ref()))
        };
        for text in ["", "not a key", p384.as_str()] {
            assert!(LinkSigner::from_pem(text.as_bytes()).is_err(), "{text}");
        }
    }
}
