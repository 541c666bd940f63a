//! Signing in with a provider: there and back.

use std::sync::Arc;

use http::header::SET_COOKIE;
use poem_openapi::param::Query;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};

use super::super::Accounts;
use super::super::identity_provider::{IdentityProvider, ProviderError};
use super::super::sign_in_with::{Returned, SignInWithError};
use super::Tag;
use super::limits::AccountLimits;
use super::users::SignedIn;
use crate::api::Context;
use crate::api::cookies::{self, Cookies, SentCookie, WithCookies};
use crate::api::rate_limits::Limited;
use crate::api_error::{ApiError, Code};

/// Where the cookie of a sign-in is sent back to.
const PATH: &str = "/api/users";

/// The routes to and from sign-in providers.
pub struct ProvidersApi {
    /// The accounts.
    pub accounts: Arc<Accounts>,
    /// Who may how often.
    pub(super) limits: AccountLimits,
    /// Writes cookies.
    pub cookies: Cookies,
    /// Google, if it is set up.
    pub google: Option<IdentityProvider>,
    /// Facebook, if it is set up.
    pub facebook: Option<IdentityProvider>,
}

#[derive(ApiResponse)]
enum There {
    /// To the provider
    #[oai(status = 302)]
    Found(
        /// The provider's address.
        #[oai(header = "Location")]
        String,
    ),
}

#[OpenApi(tag = "Tag::Accounts")]
impl ProvidersApi {
    /// Sign in with Google
    ///
    /// To be opened by a browser, which comes back to `/api/users/google/redirect`.
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/api/users/google", method = "get", operation_id = "sign_in_with_google")]
    async fn google(&self, context: Context) -> Result<Limited<WithCookies<There>>, ApiError> {
        let rate = self.limits.registration(context.client)?;
        rate.on(self.begin(self.google.as_ref()).await)
    }

    /// Come back from Google
    ///
    /// Where Google sends the browser back to. The first time makes the account, or links it to the
    /// one with the same address.
    ///
    /// Errors: `not_found`, `sign_in_refused`, `email_registered`, `unavailable`.
    #[oai(path = "/api/users/google/redirect", method = "get", operation_id = "return_from_google")]
    async fn google_redirect(
        &self,
        context: Context,
        /// What the provider vouches with.
        code: Query<Option<String>>,
        /// Which sign-in it is.
        state: Query<Option<String>>,
        /// Why it does not vouch: `access_denied` if that was not agreed to.
        error: Query<Option<String>>,
        /// Who says that it is the provider (RFC 9207).
        iss: Query<Option<String>>,
        /// Which sign-in the browser has begun.
        #[oai(name = "SignIn")]
        begun: SentCookie,
    ) -> Result<Limited<WithCookies<SignedIn>>, ApiError> {
        let rate = self.limits.registration(context.client)?;
        let (code, error, issuer) = (code.0, error.0, iss.0);
        let returned = Returned { code, error, issuer, state: state.0, begun: begun.0 };
        rate.on(self.finish(self.google.as_ref(), returned).await)
    }

    /// Sign in with Facebook
    ///
    /// To be opened by a browser, which comes back to `/api/users/facebook/redirect`.
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/api/users/facebook", method = "get", operation_id = "sign_in_with_facebook")]
    async fn facebook(&self, context: Context) -> Result<Limited<WithCookies<There>>, ApiError> {
        let rate = self.limits.registration(context.client)?;
        rate.on(self.begin(self.facebook.as_ref()).await)
    }

    /// Come back from Facebook
    ///
    /// Where Facebook sends the browser back to. The first time makes the account.
    ///
    /// Errors: `not_found`, `sign_in_refused`, `email_registered`, `unavailable`.
    #[oai(
        path = "/api/users/facebook/redirect",
        method = "get",
        operation_id = "return_from_facebook"
    )]
    async fn facebook_redirect(
        &self,
        context: Context,
        /// What the provider vouches with.
        code: Query<Option<String>>,
        /// Which sign-in it is.
        state: Query<Option<String>>,
        /// Why it does not vouch: `access_denied` if that was not agreed to.
        error: Query<Option<String>>,
        /// Who says that it is the provider (RFC 9207).
        iss: Query<Option<String>>,
        /// Which sign-in the browser has begun.
        #[oai(name = "SignIn")]
        begun: SentCookie,
    ) -> Result<Limited<WithCookies<SignedIn>>, ApiError> {
        let rate = self.limits.registration(context.client)?;
        let (code, error, issuer) = (code.0, error.0, iss.0);
        let returned = Returned { code, error, issuer, state: state.0, begun: begun.0 };
        rate.on(self.finish(self.facebook.as_ref(), returned).await)
    }
}

impl ProvidersApi {
    async fn begin(
        &self,
        provider: Option<&IdentityProvider>,
    ) -> Result<WithCookies<There>, ApiError> {
        let begun = self.accounts.begin_sign_in(provider.ok_or_else(off)?).await?;
        let cookie = self.cookies.cookie(cookies::SIGN_IN, &begun.state, PATH);
        Ok(WithCookies { answer: There::Found(begun.url), cookies: cookie.into_iter().collect() })
    }

    async fn finish(
        &self,
        provider: Option<&IdentityProvider>,
        returned: Returned,
    ) -> Result<WithCookies<SignedIn>, ApiError> {
        let provider = provider.ok_or_else(off)?;
        // A sign-in of the browser's own is used up whatever comes of it. One that somebody else
        // led it to leaves its own as it is.
        let own = returned.own_state().is_some();
        let used_up = Cookies::expired(cookies::SIGN_IN, PATH).filter(|_| own);
        match self.accounts.finish_sign_in(provider, returned).await {
            Ok((person, tokens)) => {
                let mut cookies = self.cookies.session(&tokens.login, &tokens.refresh);
                cookies.extend(used_up);
                Ok(WithCookies { answer: SignedIn::Ok(Json(person.into())), cookies })
            }
            Err(error) => {
                let error = ApiError::from(error);
                Err(match used_up {
                    Some(used_up) => error.header(SET_COOKIE, used_up),
                    None => error,
                })
            }
        }
    }
}

fn off() -> ApiError {
    ApiError::new(Code::NotFound, "Signing in with this provider is not set up")
}

impl From<SignInWithError> for ApiError {
    fn from(error: SignInWithError) -> Self {
        match error {
            SignInWithError::NotBegun => {
                Self::new(Code::SignInRefused, "This sign-in was not begun here: please try again")
            }
            SignInWithError::Cancelled => {
                let detail = "You did not agree to it at the provider: nobody was signed in";
                Self::new(Code::SignInRefused, detail)
            }
            SignInWithError::Provider(ProviderError::Refused(_)) => {
                Self::new(Code::SignInRefused, "The provider does not vouch for you")
            }
            SignInWithError::Provider(error @ ProviderError::Away(_)) => Self::unavailable(&error),
            SignInWithError::Provider(error @ ProviderError::Settings(_)) => Self::internal(&error),
            SignInWithError::Taken => {
                Self::new(Code::EmailRegistered, "Email already registered: sign in with it")
            }
            SignInWithError::Session(error) => error.into(),
            SignInWithError::Database(error) => error.into(),
        }
    }
}
