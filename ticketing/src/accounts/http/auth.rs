//! The doors under `/auth`: users and their tokens, with the names and statuses that clients of
//! Django's djoser know. They lead to the same accounts, sessions and limits as all others.

use std::sync::Arc;

use poem_openapi::param::Header;
use poem_openapi::payload::Json;
use poem_openapi::types::{Example, ToJSON};
use poem_openapi::{ApiResponse, Object, OpenApi};
use secrecy::{ExposeSecret, SecretString};
use shared_events::account::Tier;
use uuid::Uuid;

use super::super::Accounts;
use super::super::login::LoginError;
use super::super::register::Register;
use super::super::sessions::{RefreshError, Tokens};
use super::super::set_password::{SetPassword, SetPasswordError};
use super::Tag;
use super::limits::AccountLimits;
use super::requests::{Address, Credentials, Name, NewPassword, Password, Username};
use super::users::Nothing;
use crate::api::Context;
use crate::api::authentication::RequiredCaller;
use crate::api::body::Body;
use crate::api::cookies::{Cookies, WithCookies};
use crate::api::rate_limits::Limited;
use crate::api::text::{Any, Text};
use crate::api_error::{ApiError, Code, FieldError};
use crate::platform::idempotency::{IdempotencyKey, StoredAnswer};

const USERS: &str = "/auth/users";
/// What a token that is not accepted is answered with, of whichever kind it is.
const INVALID_TOKEN: &str = "Token is invalid or expired";

/// Somebody who wants an account.
#[derive(Object)]
#[oai(example)]
struct UserCreate {
    /// 3 to 64 letters (a-z), digits, dots, underscores or hyphens; unique whatever its case.
    username: Text<Username>,
    /// Where mail reaches the user; unique whatever its case.
    email: Text<Address>,
    /// 8 to 128 characters, and none of the most common passwords.
    password: Text<NewPassword>,
    /// The first name, at most 100 characters.
    first_name: Option<Text<Name>>,
    /// The last name, at most 100 characters.
    last_name: Option<Text<Name>>,
}

impl Example for UserCreate {
    fn example() -> Self {
        Self {
            username: Text::new("john"),
            email: Text::new("john@gmail.com"),
            password: Text::new("1q2W3E4r"),
            first_name: Some(Text::new("John")),
            last_name: Some(Text::new("Doe")),
        }
    }
}

impl UserCreate {
    fn into_register(self) -> Register {
        let Self { username, email, password, first_name, last_name } = self;
        let told = |name: Option<Text<Name>>| name.map(|n| n.0).filter(|name| !name.is_empty());
        Register {
            email: email.0,
            username: username.0,
            password: SecretString::from(password.0),
            // As everybody who asks for none.
            tier: Tier::Standard,
            first_name: told(first_name),
            last_name: told(last_name),
        }
    }
}

/// An account as its owner sees it. What is not known is an empty text.
#[derive(Object)]
#[oai(example)]
struct UserDetails {
    /// Which account.
    id: Uuid,
    /// The name to log in with.
    username: String,
    /// Where mail reaches the user.
    email: String,
    /// The first name.
    first_name: String,
    /// The last name.
    last_name: String,
}

impl Example for UserDetails {
    fn example() -> Self {
        Self {
            id: Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0001),
            username: "john".to_owned(),
            email: "john@gmail.com".to_owned(),
            first_name: "John".to_owned(),
            last_name: "Doe".to_owned(),
        }
    }
}

/// A login token, and what it is renewed with.
#[derive(Object)]
#[oai(example)]
struct TokenPair {
    /// The login token, valid for one hour; to be sent as `Authorization: JWT <token>` or as
    /// `Bearer`.
    access: String,
    /// The refresh token, valid for 30 days and once.
    refresh: String,
}

impl From<Tokens> for TokenPair {
    fn from(tokens: Tokens) -> Self {
        let text = |secret: &SecretString| secret.expose_secret().to_owned();
        Self { access: text(&tokens.login), refresh: text(&tokens.refresh) }
    }
}

impl Example for TokenPair {
    fn example() -> Self {
        Self {
            access: "eyJ0eXAiOiJsb2dpbitqd3QiLCJhbGciOiJFUzI1NiJ9.e30.c2ln".to_owned(),
            refresh: EXAMPLE_OF_REFRESH.to_owned(),
        }
    }
}

const EXAMPLE_OF_REFRESH: &str = "5f0c2c6ad5a94f5ab3f3d3a1f9f6a0c7.c2VjcmV0";

/// A refresh token.
#[derive(Object)]
#[oai(example)]
struct TokenRefresh {
    /// The token.
    refresh: Text<Any>,
}

impl Example for TokenRefresh {
    fn example() -> Self {
        Self { refresh: Text::new(EXAMPLE_OF_REFRESH) }
    }
}

/// A token of either kind.
#[derive(Object)]
#[oai(example)]
struct TokenVerify {
    /// The token.
    token: Text<Any>,
}

impl Example for TokenVerify {
    fn example() -> Self {
        Self { token: Text::new(TokenPair::example().access) }
    }
}

/// The present password and the next.
#[derive(Object)]
#[oai(example)]
struct PasswordChange {
    /// The present password.
    current_password: Text<Password>,
    /// 8 to 128 characters, and none of the most common passwords.
    new_password: Text<NewPassword>,
}

impl Example for PasswordChange {
    fn example() -> Self {
        Self { current_password: Text::new("1q2W3E4r"), new_password: Text::new("5t6Z7U8i") }
    }
}

#[derive(ApiResponse)]
enum UserCreated {
    /// The account was created
    #[oai(status = 201)]
    Created(Json<UserDetails>),
}

#[derive(ApiResponse)]
enum UserAnswer {
    /// The account
    #[oai(status = 200)]
    Ok(Json<UserDetails>),
}

#[derive(ApiResponse)]
enum TokensAnswer {
    /// New tokens
    #[oai(status = 200)]
    Ok(Json<TokenPair>),
}

#[derive(ApiResponse)]
enum Accepted {
    /// The token would be accepted
    #[oai(status = 200)]
    Ok(Json<Nothing>),
}

#[derive(ApiResponse)]
enum PasswordSet {
    /// The password was set, and all tokens of the account were revoked
    #[oai(status = 204)]
    Done,
}

/// The doors under `/auth`.
pub struct AuthApi {
    /// The accounts.
    pub accounts: Arc<Accounts>,
    /// Who may how often.
    pub(super) limits: AccountLimits,
}

#[OpenApi(tag = "Tag::Accounts")]
impl AuthApi {
    /// Create a user
    ///
    /// Makes an account of the tier `standard`, which every other door opens too.
    ///
    /// Errors: `account_exists`, `unavailable`.
    #[oai(path = "/auth/users", method = "post", operation_id = "create_user")]
    async fn create_user(
        &self,
        context: Context,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
        body: Body<UserCreate>,
    ) -> Result<Limited<UserCreated>, ApiError> {
        let rate = self.limits.registration(context.client)?;
        rate.on(self.create(body.value.into_register(), idempotency_key.0).await)
    }

    /// Who am I, by username
    ///
    /// Errors: `unavailable`.
    #[oai(path = "/auth/users/me", method = "get", operation_id = "read_me")]
    async fn me(&self, caller: RequiredCaller) -> Result<UserAnswer, ApiError> {
        let person = self.accounts.find_person(caller.0.account).await?;
        let gone = || ApiError::new(Code::Unauthenticated, "The account is no more");
        let person = person.ok_or_else(gone)?;
        Ok(UserAnswer::Ok(Json(UserDetails {
            id: person.id.0,
            username: caller.0.username.as_ref().to_owned(),
            email: person.email.unwrap_or_default(),
            first_name: person.first_name.unwrap_or_default(),
            last_name: person.last_name.unwrap_or_default(),
        })))
    }

    /// Set another password
    ///
    /// Revokes all tokens of the account, those of this call too: log in again. They are refused on
    /// every replica within a second. An account that only signs in with a provider has no password
    /// and can not set one. Attempts count as logins.
    ///
    /// Errors: `wrong_password`, `no_password`, `unavailable`.
    #[oai(path = "/auth/users/set_password", method = "post", operation_id = "set_password")]
    async fn set_password(
        &self,
        caller: RequiredCaller,
        context: Context,
        body: Body<PasswordChange>,
    ) -> Result<Limited<WithCookies<PasswordSet>>, ApiError> {
        let rate = self.limits.login(&caller.0.username, context.client)?;
        let PasswordChange { current_password, new_password } = body.value;
        let set = SetPassword {
            current: SecretString::from(current_password.0),
            new: SecretString::from(new_password.0),
        };
        let outcome = self.accounts.set_password(&caller.0, set).await;
        let answer = WithCookies { answer: PasswordSet::Done, cookies: Cookies::ended() };
        rate.on(outcome.map(|()| answer).map_err(ApiError::from))
    }

    /// Create tokens
    ///
    /// Logs in, and starts a session that can be refreshed.
    ///
    /// Errors: `wrong_credentials`, `unavailable`.
    #[oai(path = "/auth/jwt/create", method = "post", operation_id = "create_tokens")]
    async fn create_tokens(
        &self,
        context: Context,
        body: Body<Credentials>,
    ) -> Result<Limited<TokensAnswer>, ApiError> {
        let Credentials { username, password } = body.value;
        let rate = self.limits.login(&username.0, context.client)?;
        let tokens = self.accounts.open_session(&username.0, SecretString::from(password.0)).await;
        let answer = |tokens: Tokens| TokensAnswer::Ok(Json(tokens.into()));
        rate.on(tokens.map(answer).map_err(no_account))
    }

    /// Refresh tokens
    ///
    /// New tokens for a refresh token, which is used up: one that comes a second time ends the
    /// session.
    ///
    /// Errors: `invalid_refresh_token`, `unavailable`.
    #[oai(path = "/auth/jwt/refresh", method = "post", operation_id = "refresh_tokens")]
    async fn refresh_tokens(&self, body: Body<TokenRefresh>) -> Result<TokensAnswer, ApiError> {
        let token = SecretString::from(body.value.refresh.0);
        let tokens = self.accounts.refresh(token).await.map_err(not_refreshed)?;
        Ok(TokensAnswer::Ok(Json(tokens.into())))
    }

    /// Verify a token
    ///
    /// Whether a login token or a refresh token would be accepted now. A refresh token is not used
    /// up by it.
    ///
    /// Errors: `invalid_token`, `unavailable`.
    #[oai(path = "/auth/jwt/verify", method = "post", operation_id = "verify_token")]
    async fn verify_token(&self, body: Body<TokenVerify>) -> Result<Accepted, ApiError> {
        let token = SecretString::from(body.value.token.0);
        if self.accounts.is_accepted(token).await? {
            return Ok(Accepted::Ok(Json(Nothing {})));
        }
        Err(ApiError::new(Code::InvalidToken, INVALID_TOKEN))
    }
}

impl AuthApi {
    async fn create(
        &self,
        register: Register,
        key: Option<String>,
    ) -> Result<UserCreated, ApiError> {
        let body = register.fingerprint();
        let key = IdempotencyKey::read(key.as_deref(), None, "POST", USERS, &body)?;
        // A repeat is answered from what it says itself: keys are kept without personal data.
        let answer = StoredAnswer { status: 201, body: Nothing {}.to_json_string() };
        let text = |name: &Option<String>| name.clone().unwrap_or_default();
        let mut details = UserDetails {
            id: Uuid::nil(),
            username: register.username.clone(),
            email: register.email.clone(),
            first_name: text(&register.first_name),
            last_name: text(&register.last_name),
        };
        details.id = self.accounts.register(register, key.map(|key| (key, answer))).await?.0;
        Ok(UserCreated::Created(Json(details)))
    }
}

fn no_account(error: LoginError) -> ApiError {
    match error {
        LoginError::WrongCredentials => {
            let detail = "No active account found with the given credentials";
            ApiError::new(Code::WrongCredentials, detail)
        }
        error => error.into(),
    }
}

fn not_refreshed(error: RefreshError) -> ApiError {
    match error {
        RefreshError::Refused => ApiError::new(Code::InvalidRefreshToken, INVALID_TOKEN),
        error => error.into(),
    }
}

impl From<SetPasswordError> for ApiError {
    fn from(error: SetPasswordError) -> Self {
        match error {
            SetPasswordError::Unfit(unfit) => {
                Self::invalid_fields(vec![FieldError::new("new_password", unfit.to_string())])
            }
            SetPasswordError::WrongPassword => {
                Self::new(Code::WrongPassword, "The current password is another one")
            }
            SetPasswordError::NoPassword => {
                let detail = "This account has no password: it signs in with its provider";
                Self::new(Code::NoPassword, detail)
            }
            SetPasswordError::Hash(error) => error.into(),
            SetPasswordError::Database(error) => error.into(),
        }
    }
}
