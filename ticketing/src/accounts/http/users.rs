//! The doors of web pages: sign up, sign in and out with cookies, who am I, and new tokens for old.

use std::sync::Arc;

use poem_openapi::param::Header;
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi};
use secrecy::SecretString;
use uuid::Uuid;

use super::super::Accounts;
use super::super::people::{Person, SignError, SignUp};
use super::super::sessions::{RefreshError, Tokens};
use super::Tag;
use super::limits::AccountLimits;
use super::requests::{Address, Name, NewPassword, Password};
use crate::api::Context;
use crate::api::authentication::RequiredCaller;
use crate::api::body::Body;
use crate::api::cookies::{Cookies, SentCookie, WithCookies};
use crate::api::rate_limits::Limited;
use crate::api::text::{Any, Text};
use crate::api_error::{ApiError, Code, FieldError};
use crate::platform::idempotency::IdempotencyKey;

const SIGN_UP: &str = "/api/users/signup";

/// Somebody who signs up.
#[derive(Object)]
#[oai(example, rename_all = "camelCase")]
struct NewUser {
    /// The first name, at most 100 characters.
    first_name: Option<Text<Name>>,
    /// The last name, at most 100 characters.
    last_name: Option<Text<Name>>,
    /// Where mail reaches the user; unique whatever its case.
    email: Text<Address>,
    /// 8 to 128 characters, and none of the most common passwords.
    password: Text<NewPassword>,
}

impl Example for NewUser {
    fn example() -> Self {
        Self {
            first_name: Some(Text::new("John")),
            last_name: Some(Text::new("Doe")),
            email: Text::new("john@gmail.com"),
            password: Text::new("1q2W3E4r"),
        }
    }
}

/// An address and its password.
#[derive(Object)]
#[oai(example)]
struct SignIn {
    /// The address, whatever its case.
    email: Text<Any>,
    /// The password.
    password: Text<Password>,
}

impl Example for SignIn {
    fn example() -> Self {
        Self { email: Text::new("john@gmail.com"), password: Text::new("1q2W3E4r") }
    }
}

/// Somebody with an account.
#[derive(Object)]
#[oai(example, rename_all = "camelCase")]
pub(super) struct User {
    /// Which account.
    id: Uuid,
    /// Where mail reaches the user, if that is known.
    #[oai(skip_serializing_if_is_none)]
    email: Option<String>,
    /// The first name, if it was told.
    #[oai(skip_serializing_if_is_none)]
    first_name: Option<String>,
    /// The last name, if it was told.
    #[oai(skip_serializing_if_is_none)]
    last_name: Option<String>,
}

impl From<Person> for User {
    fn from(person: Person) -> Self {
        let Person { id, email, first_name, last_name } = person;
        Self { id: id.0, email, first_name, last_name }
    }
}

impl Example for User {
    fn example() -> Self {
        Self {
            id: Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0001),
            email: Some("john@gmail.com".to_owned()),
            first_name: Some("John".to_owned()),
            last_name: Some("Doe".to_owned()),
        }
    }
}

/// Who is signed in.
#[derive(Object)]
#[oai(example, rename_all = "camelCase")]
struct CurrentUser {
    /// The account.
    current_user: User,
}

impl Example for CurrentUser {
    fn example() -> Self {
        Self { current_user: User::example() }
    }
}

/// Nothing to say.
#[derive(Object)]
pub(super) struct Nothing {}

/// A new login token.
#[derive(Object)]
#[oai(example)]
struct Refreshed {
    /// The login token, also in the cookie.
    access_token: String,
}

impl Example for Refreshed {
    fn example() -> Self {
        let access_token = "eyJ0eXAiOiJsb2dpbitqd3QiLCJhbGciOiJFUzI1NiJ9.e30.c2ln".to_owned();
        Self { access_token }
    }
}

#[derive(ApiResponse)]
enum SignedUp {
    /// The account was created and is signed in
    #[oai(status = 201)]
    Created(Json<User>),
}

#[derive(ApiResponse)]
pub(super) enum SignedIn {
    /// Signed in
    #[oai(status = 200)]
    Ok(Json<User>),
}

#[derive(ApiResponse)]
enum SignedOut {
    /// Signed out: login token and refresh token are refused from now on
    #[oai(status = 200)]
    Ok(Json<Nothing>),
}

#[derive(ApiResponse)]
enum CurrentUserAnswer {
    /// Who is signed in
    #[oai(status = 200)]
    Ok(Json<CurrentUser>),
}

#[derive(ApiResponse)]
enum RefreshAnswer {
    /// New tokens
    #[oai(status = 200)]
    Ok(Json<Refreshed>),
}

/// The doors of web pages.
pub struct UsersApi {
    /// The accounts.
    pub accounts: Arc<Accounts>,
    /// Who may how often.
    pub(super) limits: AccountLimits,
    /// Writes cookies.
    pub cookies: Cookies,
}

#[OpenApi(tag = "Tag::Accounts")]
impl UsersApi {
    /// Sign up
    ///
    /// Makes an account and signs it in: the cookie `Authentication` holds a login token for one
    /// hour, `Refresh` what `POST /token/refresh` takes. A repeat gets cookies of its own.
    ///
    /// Errors: `invalid_fields`, `email_registered`, `unavailable`.
    #[oai(path = "/api/users/signup", method = "post", operation_id = "sign_up")]
    async fn sign_up(
        &self,
        context: Context,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
        body: Body<NewUser>,
    ) -> Result<Limited<WithCookies<SignedUp>>, ApiError> {
        let rate = self.limits.registration(context.client)?;
        rate.on(self.create(body.value, idempotency_key.0).await)
    }

    /// Sign in
    ///
    /// With the same cookies as after signing up.
    ///
    /// Errors: `invalid_credentials`, `unavailable`.
    #[oai(path = "/api/users/signin", method = "post", operation_id = "sign_in")]
    async fn sign_in(
        &self,
        context: Context,
        body: Body<SignIn>,
    ) -> Result<Limited<WithCookies<SignedIn>>, ApiError> {
        let SignIn { email, password } = body.value;
        let rate = self.limits.login(&email.0, context.client)?;
        let signed = self.accounts.sign_in(&email.0, SecretString::from(password.0)).await;
        rate.on(signed
            .map_err(ApiError::from)
            .map(|(person, tokens)| self.with_session(SignedIn::Ok(Json(person.into())), &tokens)))
    }

    /// Sign out
    ///
    /// The session's tokens are refused from now on, on every replica within a second. The cookies
    /// end also with a login token that is not accepted any more.
    ///
    /// Errors: `unavailable`.
    #[oai(path = "/api/users/signout", method = "post", operation_id = "sign_out")]
    async fn sign_out(&self, caller: RequiredCaller) -> Result<WithCookies<SignedOut>, ApiError> {
        self.accounts.sign_out(&caller.0).await?;
        Ok(WithCookies { answer: SignedOut::Ok(Json(Nothing {})), cookies: Cookies::ended() })
    }

    /// Log out
    ///
    /// The same as `POST /api/users/signout`.
    ///
    /// Errors: `unavailable`.
    #[oai(path = "/logout", method = "post", operation_id = "logout")]
    async fn log_out(&self, caller: RequiredCaller) -> Result<WithCookies<SignedOut>, ApiError> {
        self.sign_out(caller).await
    }

    /// Who am I
    ///
    /// Errors: `unavailable`.
    #[oai(path = "/api/users/currentuser", method = "get", operation_id = "current_user")]
    async fn current_user(&self, caller: RequiredCaller) -> Result<CurrentUserAnswer, ApiError> {
        let person = self.accounts.find_person(caller.0.account).await?;
        let gone = || ApiError::new(Code::Unauthenticated, "The account is no more");
        let current_user = person.ok_or_else(gone)?.into();
        Ok(CurrentUserAnswer::Ok(Json(CurrentUser { current_user })))
    }

    /// Refresh a session
    ///
    /// New tokens for the cookie `Refresh`, which is used up: one that comes a second time ends the
    /// session.
    ///
    /// Errors: `invalid_refresh_token`, `unavailable`.
    #[oai(path = "/token/refresh", method = "post", operation_id = "refresh_token")]
    async fn refresh(
        &self,
        /// The refresh token.
        #[oai(name = "Refresh")]
        token: SentCookie,
    ) -> Result<WithCookies<RefreshAnswer>, ApiError> {
        let token = token.0.ok_or(RefreshError::Refused)?;
        let tokens = self.accounts.refresh(SecretString::from(token)).await?;
        let access_token = secrecy::ExposeSecret::expose_secret(&tokens.login).to_owned();
        let answer = RefreshAnswer::Ok(Json(Refreshed { access_token }));
        Ok(self.with_session(answer, &tokens))
    }
}

impl UsersApi {
    async fn create(
        &self,
        user: NewUser,
        key: Option<String>,
    ) -> Result<WithCookies<SignedUp>, ApiError> {
        let NewUser { first_name, last_name, email, password } = user;
        let sign_up = SignUp {
            first_name: first_name.map(|name| name.0),
            last_name: last_name.map(|name| name.0),
            email: email.0,
            password: SecretString::from(password.0),
        };
        let body = sign_up.fingerprint();
        let key = IdempotencyKey::read(key.as_deref(), None, "POST", SIGN_UP, &body)?;
        let (person, tokens) = self.accounts.sign_up(sign_up, key).await?;
        Ok(self.with_session(SignedUp::Created(Json(person.into())), &tokens))
    }

    fn with_session<T>(&self, answer: T, tokens: &Tokens) -> WithCookies<T> {
        WithCookies { answer, cookies: self.cookies.session(&tokens.login, &tokens.refresh) }
    }
}

impl From<SignError> for ApiError {
    fn from(error: SignError) -> Self {
        match error {
            SignError::Invalid(fields) => Self::invalid_fields(
                fields.into_iter().map(|(name, rule)| FieldError::new(name, rule)).collect(),
            ),
            SignError::Taken => Self::new(Code::EmailRegistered, "Email already registered"),
            SignError::WrongCredentials => {
                Self::new(Code::InvalidCredentials, "Invalid Credentials")
            }
            SignError::KeyReused => Self::idempotency_key_reused(),
            SignError::InFlight => Self::request_in_flight(),
            SignError::Hash(error) => error.into(),
            SignError::Session(error) => error.into(),
            SignError::Database(error) => error.into(),
        }
    }
}

impl From<RefreshError> for ApiError {
    fn from(error: RefreshError) -> Self {
        match error {
            RefreshError::Refused => {
                let detail = "Your session has ended, please sign in again";
                Self::new(Code::InvalidRefreshToken, detail)
            }
            RefreshError::Sign(error) => Self::unavailable(&error),
            RefreshError::Database(error) => error.into(),
        }
    }
}
