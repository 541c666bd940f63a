//! The operations on accounts: register, log in, and what administrators read. No rules and no SQL
//! here.

mod auth;
mod erasing;
mod limits;
mod profile_bodies;
mod profiles;
mod providers;
mod requests;
mod users;

use std::sync::Arc;

use chrono::DateTime;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::{Example, ToJSON};
use poem_openapi::{ApiResponse, Enum, Object, OpenApi, Tags};
use secrecy::SecretString;
use shared_events::account::{AccountId, Tier};
use uuid::Uuid;

use super::Accounts;
use super::caller::Role;
use super::find::{AccountRow, Filter};
use super::identity_provider::IdentityProvider;
use super::login::LoginError;
use super::password::HashError;
use super::register::{Register, RegisterError};
use crate::api::Context;
use crate::api::authentication::AdministratorCaller;
use crate::api::body::Body;
use crate::api::cookies::Cookies;
use crate::api::paging::Page;
use crate::api::rate_limits::{Limited, RateLimits};
use crate::api::text::Text;
use crate::api::tier_name::TierName;
use crate::api::timestamp::Timestamp;
use crate::api_error::{ApiError, Code, FieldError};
use crate::config::Settings;
use crate::platform::idempotency::{IdempotencyKey, StoredAnswer};
pub use auth::AuthApi;
pub use erasing::ErasingApi;
use limits::AccountLimits;
pub use profiles::ProfilesApi;
pub use providers::ProvidersApi;
use requests::{Credentials, Registration, SearchText};
pub use users::UsersApi;

/// Patterns of paths whose GET acts: a sign-in begins, and ends.
pub const ACTING_GETS: [&str; 4] = [
    "/api/users/google",
    "/api/users/google/redirect",
    "/api/users/facebook",
    "/api/users/facebook/redirect",
];
/// Paths that sign out.
pub const SIGN_OUTS: [&str; 2] = ["/api/users/signout", "/logout"];

const REGISTERED: &str = "Account created successfully";
const LOGGED_IN: &str = "Login Success";
const REGISTER: &str = "/register";
const ADMIN_ACCOUNTS: &str = "/admin/accounts";

#[derive(Tags)]
enum Tag {
    /// Registering and logging in.
    #[oai(rename = "accounts")]
    Accounts,
}

/// Says that something was done.
#[derive(Object)]
#[oai(example)]
struct Registered {
    /// `Account created successfully`
    message: String,
}

impl Example for Registered {
    fn example() -> Self {
        Self { message: REGISTERED.to_owned() }
    }
}

/// A login token.
#[derive(Object)]
#[oai(example)]
struct LoggedIn {
    /// `Login Success`
    message: String,
    /// The token, valid for one hour; to be sent as `Authorization: Bearer <token>`.
    access_token: String,
}

impl Example for LoggedIn {
    fn example() -> Self {
        let access_token = "eyJ0eXAiOiJsb2dpbitqd3QiLCJhbGciOiJFUzI1NiJ9.e30.c2ln".to_owned();
        Self { message: LOGGED_IN.to_owned(), access_token }
    }
}

/// An account as administrators see it.
#[derive(Object)]
#[oai(rename = "Account", example)]
struct Account {
    /// Which account.
    id: Uuid,
    /// The name to log in with.
    username: String,
    /// Where mail reaches the user, if that is known.
    #[oai(skip_serializing_if_is_none)]
    email: Option<String>,
    /// What it is entitled to: `premium`, `standard` or `default`.
    tier: String,
    /// What it may do beyond that: `admin`.
    roles: Vec<String>,
    /// When it was made.
    created_at: Timestamp,
    /// When tier or roles were last changed.
    #[oai(skip_serializing_if_is_none)]
    changed_at: Option<Timestamp>,
}

impl Example for Account {
    fn example() -> Self {
        Self {
            id: Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0001),
            username: "john".to_owned(),
            email: Some("john@gmail.com".to_owned()),
            tier: "premium".to_owned(),
            roles: Vec::new(),
            created_at: Timestamp(DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default()),
            changed_at: None,
        }
    }
}

impl From<AccountRow> for Account {
    fn from(row: AccountRow) -> Self {
        let AccountRow { id, username, email, tier, roles, created_at, changed_at } = row;
        let (created_at, changed_at) = (created_at.into(), changed_at.map(Timestamp));
        Self { id, username, email, tier, roles, created_at, changed_at }
    }
}

#[derive(ApiResponse)]
enum RegisterAnswer {
    /// The account was created
    #[oai(status = 201)]
    Created(Json<Registered>),
}

#[derive(ApiResponse)]
enum LoginAnswer {
    /// Logged in
    #[oai(status = 200)]
    Ok(Json<LoggedIn>),
}

#[derive(ApiResponse)]
enum AccountAnswer {
    /// The account
    #[oai(status = 200)]
    Ok(Json<Account>),
}

#[derive(ApiResponse)]
enum AccountsAnswer {
    /// A page of accounts
    #[oai(status = 200)]
    Ok(
        Json<Vec<Account>>,
        /// The next page, `rel="next"` (RFC 8288); absent on the last one.
        #[oai(header = "Link")]
        Option<String>,
    ),
}

/// A role.
#[derive(Clone, Copy, Enum)]
#[oai(rename = "Role", rename_all = "snake_case")]
enum RoleName {
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Admin => Self::Admin,
        }
    }
}

/// All operations on accounts.
pub type AccountsRoutes = (AccountsApi, UsersApi, AuthApi, ProfilesApi, ProvidersApi, ErasingApi);

/// The operations on accounts.
pub struct AccountsApi {
    accounts: Arc<Accounts>,
    limits: AccountLimits,
}

#[OpenApi(tag = "Tag::Accounts")]
impl AccountsApi {
    /// Register an account
    ///
    /// `role` is the tier asked for. Whether it is granted is the policy of the installation; by
    /// default it is.
    ///
    /// Errors: `invalid_role`, `account_exists`, `unavailable`.
    #[oai(path = "/register", method = "post", operation_id = "register")]
    async fn register(
        &self,
        context: Context,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
        body: Body<Registration>,
    ) -> Result<Limited<RegisterAnswer>, ApiError> {
        let rate = self.limits.registration(context.client)?;
        rate.on(self.create(body.value, idempotency_key.0).await)
    }

    /// Log in
    ///
    /// The token is valid for one hour.
    ///
    /// Errors: `wrong_credentials`, `unavailable`.
    #[oai(path = "/login", method = "post", operation_id = "login")]
    async fn login(
        &self,
        context: Context,
        body: Body<Credentials>,
    ) -> Result<Limited<LoginAnswer>, ApiError> {
        let Credentials { username, password } = body.value;
        let username = username.0;
        let rate = self.limits.login(&username, context.client)?;
        let token = self.accounts.login(&username, SecretString::from(password.0)).await;
        rate.on(token.map_err(ApiError::from).map(|access_token| {
            LoginAnswer::Ok(Json(LoggedIn { message: LOGGED_IN.to_owned(), access_token }))
        }))
    }

    /// List accounts
    ///
    /// Oldest first. For administrators.
    ///
    /// Errors: `forbidden`, `invalid_cursor`, `unavailable`.
    #[oai(path = "/admin/accounts", method = "get", operation_id = "list_accounts")]
    async fn list(
        &self,
        _caller: AdministratorCaller,
        /// Only accounts of this tier.
        tier: Query<Option<TierName>>,
        /// Only accounts with this role.
        role: Query<Option<RoleName>>,
        /// Only accounts with this text in their username or address, whatever its case.
        q: Query<Option<Text<SearchText>>>,
        /// Accounts of a page, 1 to 200; 50 if nothing is said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<AccountsAnswer, ApiError> {
        let text = q.0.map(|q| q.0);
        if text.as_ref().is_some_and(|text| text.contains('\0')) {
            let detail = "q holds a NUL character, which no account has";
            return Err(ApiError::new(Code::MalformedParameter, detail));
        }
        let filter = Filter { tier: tier.0.map(Tier::from), role: role.0.map(Role::from), text };
        let filters = [
            ("tier", filter.tier.map(Tier::as_str)),
            ("role", filter.role.map(Role::as_str)),
            ("q", filter.text.as_deref()),
        ];
        let page = Page::read(ADMIN_ACCOUNTS, limit.0, after.0.as_deref(), &filters)?;
        let after = page.after_uuid()?;
        let mut rows = self.accounts.list(&filter, after, page.fetch()).await?;
        let next = page.cut(&mut rows, |row| row.id.to_string());
        Ok(AccountsAnswer::Ok(Json(rows.into_iter().map(Account::from).collect()), next))
    }

    /// Read an account
    ///
    /// For administrators.
    ///
    /// Errors: `forbidden`, `not_found`, `unavailable`.
    #[oai(path = "/admin/accounts/:id", method = "get", operation_id = "read_account")]
    async fn read(
        &self,
        _caller: AdministratorCaller,
        /// Which account.
        id: Path<Uuid>,
    ) -> Result<AccountAnswer, ApiError> {
        let unknown = || ApiError::new(Code::NotFound, "There is no such account");
        let row = self.accounts.find(AccountId(id.0)).await?.ok_or_else(unknown)?;
        Ok(AccountAnswer::Ok(Json(row.into())))
    }
}

/// The operations on these accounts, limited as the settings say.
///
/// # Errors
/// If a sign-in provider is set up and can not be used.
pub fn routes(
    accounts: &Arc<Accounts>,
    limits: &RateLimits,
    settings: &Settings,
) -> anyhow::Result<AccountsRoutes> {
    let (accounts, public_url) = (Arc::clone(accounts), settings.http.public_url());
    let (limits, cookies) =
        (AccountLimits::declare(limits, &settings.limits), Cookies::new(&public_url));
    let users = UsersApi { accounts: Arc::clone(&accounts), limits: limits.clone(), cookies };
    let auth = AuthApi { accounts: Arc::clone(&accounts), limits: limits.clone() };
    let profiles = ProfilesApi { accounts: Arc::clone(&accounts), limits: limits.clone() };
    let providers = ProvidersApi {
        accounts: Arc::clone(&accounts),
        limits: limits.clone(),
        cookies,
        google: IdentityProvider::google(&settings.sign_in, &public_url)?,
        facebook: IdentityProvider::facebook(&settings.sign_in, &public_url)?,
    };
    let erasing = ErasingApi { accounts: Arc::clone(&accounts) };
    Ok((AccountsApi { accounts, limits }, users, auth, profiles, providers, erasing))
}

impl AccountsApi {
    async fn create(
        &self,
        registration: Registration,
        key: Option<String>,
    ) -> Result<RegisterAnswer, ApiError> {
        let Registration { email, username, password, role } = registration;
        let tier = role.0.parse().map_err(|_| ApiError::new(Code::InvalidRole, "invalid role"))?;
        let password = SecretString::from(password.0);
        let (email, username) = (email.0, username.0);
        let (first_name, last_name) = (None, None);
        let register = Register { email, username, password, tier, first_name, last_name };
        let body = register.fingerprint();
        let key = IdempotencyKey::read(key.as_deref(), None, "POST", REGISTER, &body)?;
        let registered = Registered { message: REGISTERED.to_owned() };
        let answer = StoredAnswer { status: 201, body: registered.to_json_string() };
        self.accounts.register(register, key.map(|key| (key, answer))).await?;
        Ok(RegisterAnswer::Created(Json(registered)))
    }
}

impl From<RegisterError> for ApiError {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Invalid(fields) => Self::invalid_fields(
                fields.into_iter().map(|(name, rule)| FieldError::new(name, rule)).collect(),
            ),
            RegisterError::Taken => {
                Self::new(Code::AccountExists, "User already exists, Please login")
            }
            RegisterError::KeyReused => Self::idempotency_key_reused(),
            RegisterError::InFlight => Self::request_in_flight(),
            RegisterError::Hash(error) => error.into(),
            RegisterError::Database(error) => error.into(),
        }
    }
}

impl From<LoginError> for ApiError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::WrongCredentials => {
                Self::new(Code::WrongCredentials, "Invalid username or password Please try again")
            }
            LoginError::Hash(error) => error.into(),
            LoginError::Sign(error) => Self::unavailable(&error),
            LoginError::Database(error) => error.into(),
        }
    }
}

impl From<HashError> for ApiError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Overloaded => Self::overloaded(),
            HashError::Failed => Self::internal(&error),
        }
    }
}
