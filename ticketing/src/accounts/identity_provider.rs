//! Who vouches for people: sign-in providers. Google speaks OpenID Connect, found by discovery;
//! Facebook plain OAuth 2. Both by the authorization code flow with PKCE (RFC 9700, section 2.1.1).
//! Not here: whose account somebody is (`sign_in_with.rs`).

mod metadata;

use std::time::Duration;

use chrono::{DateTime, Utc};
use oauth2::basic::BasicClient;
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest, HttpResponse,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, TokenResponse as _,
    TokenUrl,
};
use openidconnect::core::{CoreAuthenticationFlow, CoreClient};
use openidconnect::{Nonce, TokenResponse as _};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::config::SignInSettings;
use metadata::Metadata;

/// The longest that a provider may take for an answer.
const CALL_LIMIT: Duration = Duration::from_secs(5);

/// How a service is known to a provider.
pub struct Registration {
    /// The client id.
    pub client_id: String,
    /// The client secret.
    pub client_secret: SecretString,
    /// Where people come back to.
    pub redirect_url: String,
}

/// A provider and how to reach it.
pub struct IdentityProvider {
    name: &'static str,
    registration: Registration,
    protocol: Protocol,
    http: reqwest::Client,
    metadata: Metadata,
}

/// What a provider speaks.
pub enum Protocol {
    /// OpenID Connect: everything else is discovered.
    OpenId {
        /// Its issuer.
        issuer: String,
    },
    /// OAuth 2, and an address that tells who somebody is.
    OAuth {
        /// Where people are sent to.
        authorize_url: String,
        /// Where a code becomes a token.
        token_url: String,
        /// Where a token becomes a person.
        user_url: String,
    },
}

/// Somebody who is being sent to a provider.
pub struct Begun {
    /// Where to.
    pub url: String,
    /// What they come back with.
    pub state: String,
    /// What the provider signs together with who they are.
    pub nonce: String,
    /// What proves that it is us who began this.
    pub verifier: String,
}

/// What somebody comes back with, and what was kept of their setting out.
pub struct Proof {
    /// What the provider vouches with.
    pub code: String,
    /// Who says that it is the provider (RFC 9207).
    pub issuer: Option<String>,
    /// What the provider has to sign together with who they are.
    pub nonce: String,
    /// What proves that it is us who began this.
    pub verifier: String,
}

/// Somebody a provider vouches for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Who this is to the provider: a string, whatever it looks like.
    pub subject: String,
    /// The address, if it was told.
    pub email: Option<String>,
    /// Whether the provider knows that the address is theirs.
    pub email_verified: bool,
    /// The first name, if it was told.
    pub first_name: Option<String>,
    /// The last name, if it was told.
    pub last_name: Option<String>,
}

/// Why a provider vouches for nobody.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// It can not be reached, or does not answer as it should.
    #[error("the sign-in provider does not answer")]
    Away(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It refuses, or what it signed is not for us, not for now, or not for this sign-in.
    #[error("the sign-in provider does not vouch for anybody")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The settings are no addresses.
    #[error("the settings of the sign-in provider can not be used")]
    Settings(#[source] Box<dyn std::error::Error + Send + Sync>),
}

fn away(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ProviderError {
    ProviderError::Away(error.into())
}

fn refused(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ProviderError {
    ProviderError::Refused(error.into())
}

fn settings(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ProviderError {
    ProviderError::Settings(error.into())
}

/// Why there are no tokens for a code: refused only if the provider itself says so.
fn not_exchanged<R, T>(error: RequestTokenError<R, T>) -> ProviderError
where
    R: std::error::Error + Send + Sync + 'static,
    T: oauth2::ErrorResponse + Send + Sync + 'static,
{
    let says_so = match &error {
        RequestTokenError::ServerResponse(_) => true,
        // Facebook's are not those of OAuth 2 (RFC 6749, section 5.2): `error` is an object.
        RequestTokenError::Parse(_, body) => {
            let answer = serde_json::from_slice::<serde_json::Value>(body);
            answer.is_ok_and(|answer| answer.get("error").is_some())
        }
        RequestTokenError::Request(_) | RequestTokenError::Other(_) => false,
    };
    if says_so { refused(error) } else { away(error) }
}

/// What an OAuth provider says of somebody; Facebook's `id` is others' `sub`.
#[derive(Deserialize)]
struct OAuthUser {
    #[serde(alias = "sub", deserialize_with = "text")]
    id: String,
    email: Option<String>,
    #[serde(alias = "given_name")]
    first_name: Option<String>,
    #[serde(alias = "family_name")]
    last_name: Option<String>,
}

/// An id that may be written as a number: kept digit by digit, never as a float.
fn text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let raw = Box::<serde_json::value::RawValue>::deserialize(deserializer)?;
    match serde_json::from_str::<String>(raw.get()) {
        Ok(text) => Ok(text),
        Err(_) => Ok(raw.get().to_owned()),
    }
}

impl IdentityProvider {
    /// A provider of this name; connects to nothing yet.
    ///
    /// # Errors
    /// If no TLS can be had.
    pub fn new(
        name: &'static str,
        registration: Registration,
        protocol: Protocol,
    ) -> Result<Self, reqwest::Error> {
        // No redirects: a provider that sends us elsewhere could have us ask anybody.
        let none = reqwest::redirect::Policy::none();
        let http = reqwest::Client::builder().timeout(CALL_LIMIT).redirect(none).build()?;
        Ok(Self { name, registration, protocol, http, metadata: Metadata::default() })
    }

    /// Google, if the settings say how it knows us.
    ///
    /// # Errors
    /// If no TLS can be had.
    pub fn google(
        settings: &SignInSettings,
        public_url: &str,
    ) -> Result<Option<Self>, reqwest::Error> {
        let (id, secret) = (&settings.google_client_id, &settings.google_client_secret);
        let protocol = Protocol::OpenId { issuer: settings.google_issuer.clone() };
        Self::known("google", (id, secret), public_url, protocol)
    }

    /// Facebook, if the settings say how it knows us.
    ///
    /// # Errors
    /// If no TLS can be had.
    pub fn facebook(
        settings: &SignInSettings,
        public_url: &str,
    ) -> Result<Option<Self>, reqwest::Error> {
        let (id, secret) = (&settings.facebook_client_id, &settings.facebook_client_secret);
        let protocol = Protocol::OAuth {
            authorize_url: settings.facebook_authorize_url.clone(),
            token_url: settings.facebook_token_url.clone(),
            user_url: settings.facebook_user_url.clone(),
        };
        Self::known("facebook", (id, secret), public_url, protocol)
    }

    fn known(
        name: &'static str,
        client: (&Option<String>, &Option<String>),
        public_url: &str,
        protocol: Protocol,
    ) -> Result<Option<Self>, reqwest::Error> {
        let (Some(client_id), Some(client_secret)) = client else { return Ok(None) };
        let registration = Registration {
            client_id: client_id.clone(),
            client_secret: client_secret.clone().into(),
            redirect_url: format!("{public_url}/api/users/{name}/redirect"),
        };
        Self::new(name, registration, protocol).map(Some)
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Sends somebody there.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub async fn begin(&self) -> Result<Begun, ProviderError> {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let verifier = verifier.into_secret();
        match &self.protocol {
            Protocol::OpenId { issuer } => {
                let client = CoreClient::from_provider_metadata(
                    self.metadata.read(issuer, &self.http).await?,
                    self.client_id(),
                    Some(self.client_secret()),
                )
                .set_redirect_uri(self.redirect_url()?);
                let flow = CoreAuthenticationFlow::AuthorizationCode;
                let (url, state, nonce) = client
                    .authorize_url(flow, CsrfToken::new_random, Nonce::new_random)
                    .add_scopes(["email", "profile"].map(|scope| Scope::new(scope.to_owned())))
                    .set_pkce_challenge(challenge)
                    .url();
                let (state, nonce) = (state.into_secret(), nonce.secret().clone());
                Ok(Begun { url: url.into(), state, nonce, verifier })
            }
            Protocol::OAuth { authorize_url, token_url, .. } => {
                let client = self.oauth(authorize_url, token_url)?;
                let (url, state) = client
                    .authorize_url(CsrfToken::new_random)
                    .add_scopes(["email", "public_profile"].map(|s| Scope::new(s.to_owned())))
                    .set_pkce_challenge(challenge)
                    .url();
                let state = state.into_secret();
                Ok(Begun { url: url.into(), state, nonce: String::new(), verifier })
            }
        }
    }

    /// Who came back with this.
    ///
    /// # Errors
    /// [`ProviderError::Refused`] if the code, the signature, the issuer, the audience, the time or
    /// the nonce is not right.
    pub async fn finish(
        &self,
        proof: Proof,
        now: DateTime<Utc>,
    ) -> Result<Identity, ProviderError> {
        let Proof { code, issuer: from, nonce, verifier } = proof;
        let (code, verifier) = (AuthorizationCode::new(code), PkceCodeVerifier::new(verifier));
        let http = |request| call(self.http.clone(), request);
        match &self.protocol {
            Protocol::OpenId { issuer } => {
                if from.is_some_and(|from| from != *issuer) {
                    return Err(refused("the answer is another provider's"));
                }
                let client = CoreClient::from_provider_metadata(
                    self.metadata.read(issuer, &self.http).await?,
                    self.client_id(),
                    Some(self.client_secret()),
                )
                .set_redirect_uri(self.redirect_url()?);
                let exchange = client.exchange_code(code).map_err(settings)?;
                let tokens = exchange.set_pkce_verifier(verifier).request_async(&http).await;
                let tokens = tokens.map_err(not_exchanged)?;
                let id_token = tokens.id_token().ok_or_else(|| refused("no id token"))?;
                let by_clock = client.id_token_verifier().set_time_fn(move || now);
                let claims = id_token.claims(&by_clock, &Nonce::new(nonce));
                let claims = claims.map_err(refused)?;
                Ok(Identity {
                    subject: claims.subject().to_string(),
                    email: claims.email().map(|email| email.to_string()),
                    email_verified: claims.email_verified() == Some(true),
                    first_name: claims
                        .given_name()
                        .and_then(|name| name.get(None))
                        .map(|name| name.to_string()),
                    last_name: claims
                        .family_name()
                        .and_then(|name| name.get(None))
                        .map(|name| name.to_string()),
                })
            }
            Protocol::OAuth { authorize_url, token_url, user_url } => {
                let client = self.oauth(authorize_url, token_url)?;
                let exchange = client.exchange_code(code).set_pkce_verifier(verifier);
                let tokens = exchange.request_async(&http).await.map_err(not_exchanged)?;
                let request = self.http.get(user_url).bearer_auth(tokens.access_token().secret());
                let answer = request.send().await.and_then(reqwest::Response::error_for_status);
                let user: OAuthUser = answer.map_err(away)?.json().await.map_err(away)?;
                let OAuthUser { id, email, first_name, last_name } = user;
                // Nothing in OAuth says whose an address is.
                let email_verified = false;
                Ok(Identity { subject: id, email, email_verified, first_name, last_name })
            }
        }
    }

    fn client_id(&self) -> ClientId {
        ClientId::new(self.registration.client_id.clone())
    }

    fn client_secret(&self) -> ClientSecret {
        ClientSecret::new(self.registration.client_secret.expose_secret().to_owned())
    }

    fn redirect_url(&self) -> Result<RedirectUrl, ProviderError> {
        RedirectUrl::new(self.registration.redirect_url.clone()).map_err(settings)
    }

    fn oauth(
        &self,
        authorize_url: &str,
        token_url: &str,
    ) -> Result<
        BasicClient<
            oauth2::EndpointSet,
            oauth2::EndpointNotSet,
            oauth2::EndpointNotSet,
            oauth2::EndpointNotSet,
            oauth2::EndpointSet,
        >,
        ProviderError,
    > {
        Ok(BasicClient::new(self.client_id())
            .set_client_secret(self.client_secret())
            .set_auth_uri(AuthUrl::new(authorize_url.to_owned()).map_err(settings)?)
            .set_token_uri(TokenUrl::new(token_url.to_owned()).map_err(settings)?)
            .set_redirect_uri(self.redirect_url()?))
    }
}

/// One call of the libraries through our client.
async fn call(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, CallError> {
    let request = reqwest::Request::try_from(request)?;
    let response = client.execute(request).await.map_err(reqwest::Error::without_url)?;
    let status = response.status();
    if status.is_server_error() || status == reqwest::StatusCode::TOO_MANY_REQUESTS {
        return Err(CallError::Busy(status));
    }
    let mut answer = http::Response::builder().status(status);
    if let Some(headers) = answer.headers_mut() {
        headers.extend(response.headers().clone());
    }
    let body = response.bytes().await?.to_vec();
    Ok(answer.body(body)?)
}

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("the provider can not be reached")]
    Reqwest(#[from] reqwest::Error),
    #[error("the provider can not do this now: {0}")]
    Busy(reqwest::StatusCode),
    #[error("the provider's answer is no answer")]
    Http(#[from] http::Error),
}

#[cfg(test)]
mod tests;
