//! The doors of the film site, under `/auth/v1`: registering, what is known of somebody, one's own
//! profile, and who is in a group. They lead to the same accounts and limits as all others. Who
//! asks for somebody else learns neither address nor phone number.

use std::sync::Arc;

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::ToJSON;
use poem_openapi::{ApiResponse, OpenApi};
use shared_events::account::{AccountId, Tier};
use uuid::Uuid;

use super::super::Accounts;
use super::super::caller::{Caller, Role};
use super::super::find::Filter;
use super::super::profile::{Profile, ProfileError};
use super::super::register::RegisterError;
use super::Tag;
use super::limits::AccountLimits;
use super::profile_bodies::{Change, NewPerson, OwnProfile, UserInfo};
use super::users::Nothing;
use crate::api::Context;
use crate::api::authentication::{AdministratorCaller, RequiredCaller};
use crate::api::body::Body;
use crate::api::if_match;
use crate::api::paging::Page;
use crate::api::rate_limits::Limited;
use crate::api_error::{ApiError, Code, FieldError};
use crate::platform::idempotency::{IdempotencyKey, StoredAnswer};

const REGISTER: &str = "/auth/v1/register";

#[derive(ApiResponse)]
enum PersonMade {
    /// The account was created
    #[oai(status = 201)]
    Made(
        Json<UserInfo>,
        /// How often its owner has changed it, quoted.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
enum InfoAnswer {
    /// What is known
    #[oai(status = 200)]
    Known(
        Json<UserInfo>,
        /// How often its owner has changed it, quoted; for `If-Match` when that is oneself.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
enum ProfileAnswer {
    /// The profile
    #[oai(status = 200)]
    Profile(
        Json<OwnProfile>,
        /// How often one has changed it, quoted; for `If-Match`.
        #[oai(header = "ETag")]
        String,
    ),
}

#[derive(ApiResponse)]
enum GroupAnswer {
    /// A page of ids
    #[oai(status = 200)]
    Page(
        Json<Vec<Uuid>>,
        /// The next page, `rel="next"` (RFC 8288); absent on the last one.
        #[oai(header = "Link")]
        Option<String>,
    ),
}

/// The doors of the film site.
pub struct ProfilesApi {
    /// The accounts.
    pub accounts: Arc<Accounts>,
    /// Who may how often.
    pub(super) limits: AccountLimits,
}

#[OpenApi(tag = "Tag::Accounts")]
impl ProfilesApi {
    /// Register at the film site
    ///
    /// Makes an account of the tier `standard`, which every other door opens too.
    ///
    /// Errors: `account_exists`, `unavailable`.
    #[oai(path = "/auth/v1/register", method = "post", operation_id = "register_person")]
    async fn register(
        &self,
        context: Context,
        #[oai(name = "Idempotency-Key")] idempotency_key: Header<Option<String>>,
        body: Body<NewPerson>,
    ) -> Result<Limited<PersonMade>, ApiError> {
        let rate = self.limits.registration(context.client)?;
        rate.on(self.make(body.value, idempotency_key.0).await)
    }

    /// What is known of somebody
    ///
    /// Address and phone number only of oneself, or for administrators.
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/auth/v1/user_info/:id", method = "get", operation_id = "read_user_info")]
    async fn user_info(
        &self,
        caller: RequiredCaller,
        /// Which account.
        id: Path<Uuid>,
    ) -> Result<InfoAnswer, ApiError> {
        self.info(&caller.0, AccountId(id.0)).await
    }

    /// What is known of somebody, asked for by POST
    ///
    /// Address and phone number only of oneself, or for administrators.
    ///
    /// Errors: `not_found`, `unavailable`.
    #[oai(path = "/auth/v1/user_info/:id", method = "post", operation_id = "ask_for_user_info")]
    async fn ask_user_info(
        &self,
        caller: RequiredCaller,
        /// Which account.
        id: Path<Uuid>,
    ) -> Result<InfoAnswer, ApiError> {
        self.info(&caller.0, AccountId(id.0)).await
    }

    /// Read one's own profile
    ///
    /// Errors: `unavailable`.
    #[oai(path = "/auth/v1/profile", method = "get", operation_id = "read_profile")]
    async fn profile(&self, caller: RequiredCaller) -> Result<ProfileAnswer, ApiError> {
        let profile = self.accounts.profile(caller.0.account).await?.ok_or_else(gone)?;
        Ok(own(profile))
    }

    /// Change one's own profile
    ///
    /// Errors: `invalid_fields`, `precondition_failed`, `unavailable`.
    #[oai(path = "/auth/v1/profile", method = "patch", operation_id = "change_profile")]
    async fn change_profile(
        &self,
        caller: RequiredCaller,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<Change>,
    ) -> Result<Limited<ProfileAnswer>, ApiError> {
        let me = caller.0.account;
        let rate = self.limits.profile(me)?;
        let changed = async {
            let expected = if_match::sequence(if_match.0.as_deref())?;
            Ok(own(self.accounts.change_profile(me, body.value.into(), expected).await?))
        };
        rate.on(changed.await)
    }

    /// List a group
    ///
    /// The ids of accounts with this tier or role, oldest first. For administrators.
    ///
    /// Errors: `not_found`, `forbidden`, `invalid_cursor`, `unavailable`.
    #[oai(path = "/auth/v1/user_group/:group", method = "get", operation_id = "list_user_group")]
    async fn user_group(
        &self,
        _caller: AdministratorCaller,
        /// `premium`, `standard`, `default` or `admin`.
        group: Path<String>,
        /// Ids of a page, 1 to 200; 50 if nothing is said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<GroupAnswer, ApiError> {
        self.group(&group.0, limit.0, after.0.as_deref()).await
    }

    /// List a group, asked for by POST
    ///
    /// The ids of accounts with this tier or role, oldest first. For administrators.
    ///
    /// Errors: `not_found`, `forbidden`, `invalid_cursor`, `unavailable`.
    #[oai(
        path = "/auth/v1/user_group/:group",
        method = "post",
        operation_id = "ask_for_user_group"
    )]
    async fn ask_user_group(
        &self,
        _caller: AdministratorCaller,
        /// `premium`, `standard`, `default` or `admin`.
        group: Path<String>,
        /// Ids of a page, 1 to 200; 50 if nothing is said.
        limit: Query<Option<u32>>,
        /// Where the page before ended: from its `Link`.
        after: Query<Option<String>>,
    ) -> Result<GroupAnswer, ApiError> {
        self.group(&group.0, limit.0, after.0.as_deref()).await
    }
}

impl ProfilesApi {
    async fn make(&self, new: NewPerson, key: Option<String>) -> Result<PersonMade, ApiError> {
        let register = new.into_register();
        let body = register.fingerprint();
        let key = IdempotencyKey::read(key.as_deref(), None, "POST", REGISTER, &body)?;
        // A repeat is answered from the account: keys are kept without personal data.
        let answer = StoredAnswer { status: 201, body: Nothing {}.to_json_string() };
        let made = self.accounts.register(register, key.map(|key| (key, answer))).await;
        let profile = self.accounts.profile(made.map_err(not_registered)?).await?;
        let profile = profile.ok_or_else(gone)?;
        let etag = if_match::etag(profile.sequence);
        Ok(PersonMade::Made(Json(UserInfo::of(profile, true)), etag))
    }

    async fn info(&self, caller: &Caller, id: AccountId) -> Result<InfoAnswer, ApiError> {
        let unknown = || ApiError::new(Code::NotFound, "There is no such account");
        let profile = self.accounts.profile(id).await?.ok_or_else(unknown)?;
        let reachable = caller.account == id || caller.is_administrator();
        let etag = if_match::etag(profile.sequence);
        Ok(InfoAnswer::Known(Json(UserInfo::of(profile, reachable)), etag))
    }

    async fn group(
        &self,
        group: &str,
        limit: Option<u32>,
        after: Option<&str>,
    ) -> Result<GroupAnswer, ApiError> {
        let tier: Option<Tier> = group.parse().ok();
        let role = Role::ALL.into_iter().find(|role| role.as_str() == group);
        if tier.is_none() && role.is_none() {
            return Err(ApiError::new(Code::NotFound, "There is no such group"));
        }
        let page = Page::read(&format!("/auth/v1/user_group/{group}"), limit, after, &[])?;
        let filter = Filter { tier, role, text: None };
        let mut rows = self.accounts.list(&filter, page.after_uuid()?, page.fetch()).await?;
        let next = page.cut(&mut rows, |row| row.id.to_string());
        Ok(GroupAnswer::Page(Json(rows.into_iter().map(|row| row.id).collect()), next))
    }
}

fn own(profile: Profile) -> ProfileAnswer {
    let etag = if_match::etag(profile.sequence);
    ProfileAnswer::Profile(Json(OwnProfile::of(profile)), etag)
}

fn gone() -> ApiError {
    ApiError::new(Code::Unauthenticated, "The account is no more")
}

/// These doors call the first name by another name than the others.
fn not_registered(error: RegisterError) -> ApiError {
    match error {
        RegisterError::Invalid(fields) => {
            let field = |(name, rule)| match name {
                "first_name" => FieldError::new("name", rule),
                name => FieldError::new(name, rule),
            };
            ApiError::invalid_fields(fields.into_iter().map(field).collect())
        }
        error => error.into(),
    }
}

impl From<ProfileError> for ApiError {
    fn from(error: ProfileError) -> Self {
        match error {
            ProfileError::Invalid(fields) => Self::invalid_fields(
                fields.into_iter().map(|(name, rule)| FieldError::new(name, rule)).collect(),
            ),
            ProfileError::Changed => if_match::changed(),
            ProfileError::Gone => gone(),
            ProfileError::Database(error) => error.into(),
        }
    }
}
