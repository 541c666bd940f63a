//! Who is asking: read from the headers before routing, so that a bad credential is 401 on every
//! route that takes one and never silently a guest; and the security schemes by which operations
//! say what they need. These only read what was found before. As the first parameter of an
//! operation they also refuse before the body is looked at.

use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::context::Context;
use super::cookies::{self, AUTHENTICATION};
use crate::accounts::Caller;
use crate::accounts::tokens::{LoginTokens, TokenRefused};
use crate::api_error::{ApiError, Code};
use crate::platform::clock::Clock;

/// The schemes of `Authorization` that carry a login token.
const SCHEMES: [&str; 2] = ["Bearer", "JWT"];

/// Finds out who is asking.
#[derive(Clone)]
pub struct Authenticator {
    tokens: Arc<LoginTokens>,
    clock: Clock,
}

impl Authenticator {
    /// Verifies with these tokens at the time of this clock.
    pub fn new(tokens: Arc<LoginTokens>, clock: Clock) -> Self {
        Self { tokens, clock }
    }

    /// Who is asking; nobody if there is no credential.
    ///
    /// # Errors
    /// 401 if there is one and it is not valid.
    pub fn authenticate(&self, headers: &HeaderMap) -> Result<Option<Caller>, ApiError> {
        let Some(token) = credential(headers).map_err(refused)? else { return Ok(None) };
        self.tokens.verify(token, self.clock.now()).map(Some).map_err(refused)
    }
}

fn refused(reason: TokenRefused) -> ApiError {
    let detail = match reason {
        TokenRefused::Expired => "Your login has expired, please log in again",
        TokenRefused::Revoked => "Your login was revoked, please log in again",
        TokenRefused::NotYetValid => "Your login token is not valid yet",
        TokenRefused::NotOurs => "Your login token is not valid",
    };
    ApiError::new(Code::InvalidToken, detail)
}

/// The token of a request. `Authorization` goes before the cookie, and what it holds has to be a
/// token.
fn credential(headers: &HeaderMap) -> Result<Option<&str>, TokenRefused> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let Some(line) = lines.next() else { return Ok(cookies::find(headers, AUTHENTICATION)) };
    let text = line.to_str().map_err(|_| TokenRefused::NotOurs)?.trim();
    let (scheme, token) = text.split_once(' ').ok_or(TokenRefused::NotOurs)?;
    let known = SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(scheme));
    if !known || lines.next().is_some() {
        return Err(TokenRefused::NotOurs);
    }
    Ok(Some(token.trim_start()))
}

fn caller(request: &Request) -> Option<Caller> {
    request.extensions().get::<Context>().and_then(|context| context.caller.clone())
}

fn required(request: &Request) -> Result<Caller, ApiError> {
    caller(request).ok_or_else(|| ApiError::new(Code::Unauthenticated, "Please log in first"))
}

/// The caller, or nobody: the operation also serves guests.
#[derive(Clone, Debug)]
pub struct OptionalCaller(pub Option<Caller>);

/// The caller; without a credential the operation is refused with 401.
#[derive(Clone, Debug)]
pub struct RequiredCaller(pub Caller);

/// A caller who administrates the service; any other is refused with 403.
#[derive(Clone, Debug)]
pub struct AdministratorCaller(pub Caller);

const BEARER: &str = "bearer";
const COOKIE_SCHEME: &str = "cookie";

fn register_schemes(registry: &mut Registry) {
    let scheme = MetaSecurityScheme {
        ty: "http",
        description: Some(
            "A login token from `POST /login` or `POST /auth/jwt/create`, as \
             `Authorization: Bearer <token>`; the scheme `JWT` is read alike.",
        ),
        name: None,
        key_in: None,
        scheme: Some("bearer"),
        bearer_format: Some("JWT"),
        flows: None,
        openid_connect_url: None,
    };
    registry.create_security_scheme(BEARER, scheme);
    let scheme = MetaSecurityScheme {
        ty: "apiKey",
        description: Some("The same token in a cookie."),
        name: Some(AUTHENTICATION),
        key_in: Some("cookie"),
        scheme: None,
        bearer_format: None,
        flows: None,
        openid_connect_url: None,
    };
    registry.create_security_scheme(COOKIE_SCHEME, scheme);
}

macro_rules! security_scheme {
    ($name:ident, $serves_guests:literal, $find:expr) => {
        impl<'a> ApiExtractor<'a> for $name {
            const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];
            type ParamType = ();
            type ParamRawType = ();

            fn register(registry: &mut Registry) {
                register_schemes(registry);
            }

            fn security_schemes() -> Vec<&'static str> {
                vec![BEARER, COOKIE_SCHEME]
            }

            fn has_security_fallback() -> bool {
                $serves_guests
            }

            async fn from_request(
                request: &'a Request,
                _: &mut RequestBody,
                _: ExtractParamOptions<()>,
            ) -> poem::Result<Self> {
                let find: fn(&Request) -> Result<Self, ApiError> = $find;
                Ok(find(request)?)
            }
        }
    };
}

security_scheme!(OptionalCaller, true, |request| Ok(Self(caller(request))));
security_scheme!(RequiredCaller, false, |request| required(request).map(Self));
security_scheme!(AdministratorCaller, false, |request| {
    let caller = required(request)?;
    if !caller.is_administrator() {
        return Err(ApiError::new(Code::Forbidden, "Only an administrator may do this"));
    }
    Ok(Self(caller))
});

#[cfg(test)]
mod tests {
    use super::*;

    fn found(lines: &[(&'static str, &str)]) -> Result<Option<String>, TokenRefused> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        credential(&headers).map(|token| token.map(str::to_owned))
    }

    #[test]
    fn a_token_is_found_under_both_schemes_and_in_the_cookie() {
        let token = Ok(Some("a.b.c".to_owned()));
        assert_eq!(found(&[("authorization", "Bearer a.b.c")]), token);
        assert_eq!(found(&[("authorization", "bearer   a.b.c")]), token);
        assert_eq!(found(&[("authorization", "JWT a.b.c")]), token);
        assert_eq!(found(&[("cookie", "theme=dark; Authentication=a.b.c; x=y")]), token);
        assert_eq!(found(&[("cookie", "theme=dark"), ("cookie", "Authentication=a.b.c")]), token);
        let both = [("authorization", "Bearer a.b.c"), ("cookie", "Authentication=d.e.f")];
        assert_eq!(found(&both), token);
    }

    #[test]
    fn no_credential_is_a_guest_and_a_garbled_one_is_not() {
        assert_eq!(found(&[]), Ok(None));
        assert_eq!(found(&[("cookie", "theme=dark; Authentication=")]), Ok(None));
        for garbled in ["", "Bearer", "Bearer ", "Basic am9objpx", "a.b.c"] {
            let result = found(&[("authorization", garbled), ("cookie", "Authentication=a.b.c")]);
            assert_eq!(result, Err(TokenRefused::NotOurs), "{garbled:?}");
        }
        let twice = [("authorization", "Bearer a.b.c"), ("authorization", "Bearer d.e.f")];
        assert_eq!(found(&twice), Err(TokenRefused::NotOurs));
    }
}
