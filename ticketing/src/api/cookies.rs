//! The cookies of a session: the login token for every path, the refresh token for the one path
//! that takes it. Scripts can not read them, and other sites' forms do not send them (`SameSite`).
//! Not here: whose requests with cookies are refused (`cross_origin.rs`).

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use poem::{IntoResponse, Request, RequestBody, Response};
use poem_openapi::registry::{MetaHeader, MetaParamIn, MetaResponses, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions};
use secrecy::{ExposeSecret, SecretString};

/// Holds a login token.
pub const AUTHENTICATION: &str = "Authentication";
/// Holds a refresh token.
pub const REFRESH: &str = "Refresh";
/// Holds what a sign-in that was sent to a provider comes back with.
pub const SIGN_IN: &str = "SignIn";

/// The beginning of time, in which every cookie has expired.
const EXPIRED: &str = "Expires=Thu, 01 Jan 1970 00:00:00 GMT";

/// Writes cookies.
#[derive(Clone, Copy, Debug)]
pub struct Cookies {
    secure: bool,
}

impl Cookies {
    /// For a service that is reached at this address: under https cookies are sent by https only.
    pub fn new(public_url: &str) -> Self {
        Self { secure: public_url.starts_with("https://") }
    }

    /// Hands out a session.
    pub fn session(self, login: &SecretString, refresh: &SecretString) -> Vec<HeaderValue> {
        let cookies = [
            self.cookie(AUTHENTICATION, login.expose_secret(), "/"),
            self.cookie(REFRESH, refresh.expose_secret(), "/token"),
        ];
        cookies.into_iter().flatten().collect()
    }

    /// Takes a session back.
    pub fn ended() -> Vec<HeaderValue> {
        let ended = [(AUTHENTICATION, "/"), (REFRESH, "/token")];
        ended.into_iter().filter_map(|(name, path)| Self::expired(name, path)).collect()
    }

    /// Takes the cookie of this path back.
    pub fn expired(name: &str, path: &str) -> Option<HeaderValue> {
        format!("{name}=; Path={path}; {EXPIRED}").parse().ok()
    }

    /// A cookie for this path and those below it; none if the value can not stand in one.
    pub fn cookie(self, name: &str, value: &str, path: &str) -> Option<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let text = format!("{name}={value}; HttpOnly; Path={path}; SameSite=Lax{secure}");
        let mut value: HeaderValue = text.parse().ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// The value of a cookie that was sent. An empty one was deleted.
pub fn find<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line: &HeaderValue| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(found, _)| found.trim() == name)?;
    let value = value.trim().trim_matches('"');
    (!value.is_empty()).then_some(value)
}

/// A cookie that may be sent; its name is that of the parameter. Found in whichever line of the
/// header it stands: HTTP/2 sends several (RFC 9113, section 8.2.3).
#[derive(Clone, Debug)]
pub struct SentCookie(pub Option<String>);

impl<'a> ApiExtractor<'a> for SentCookie {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::Parameter];
    type ParamType = Option<String>;
    type ParamRawType = String;

    fn param_in() -> Option<MetaParamIn> {
        Some(MetaParamIn::Cookie)
    }

    fn param_schema_ref() -> Option<MetaSchemaRef> {
        Some(String::schema_ref())
    }

    async fn from_request(
        request: &'a Request,
        _: &mut RequestBody,
        options: ExtractParamOptions<Option<String>>,
    ) -> poem::Result<Self> {
        Ok(Self(find(request.headers(), options.name).map(str::to_owned)))
    }
}

/// An answer that sets cookies.
#[derive(Debug)]
pub struct WithCookies<T> {
    /// The answer.
    pub answer: T,
    /// Values of `Set-Cookie`.
    pub cookies: Vec<HeaderValue>,
}

impl<T: IntoResponse> IntoResponse for WithCookies<T> {
    fn into_response(self) -> Response {
        let mut response = self.answer.into_response();
        for cookie in self.cookies {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }
}

impl<T: ApiResponse> ApiResponse for WithCookies<T> {
    fn meta() -> MetaResponses {
        let mut meta = T::meta();
        for response in &mut meta.responses {
            response.headers.push(MetaHeader {
                name: "Set-Cookie".to_owned(),
                description: Some("`Authentication`, the login token, and `Refresh`".to_owned()),
                required: false,
                deprecated: false,
                schema: String::schema_ref(),
            });
        }
        meta
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_two_cookies_that_scripts_can_not_read() {
        let written = |url| {
            let cookies = Cookies::new(url).session(&"a.b.c".into(), &"7.x".into());
            cookies.iter().map(|cookie| cookie.to_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(
            written("http://localhost:5000"),
            [
                "Authentication=a.b.c; HttpOnly; Path=/; SameSite=Lax",
                "Refresh=7.x; HttpOnly; Path=/token; SameSite=Lax"
            ]
        );
        assert!(written("https://tickets.example").iter().all(|c| c.ends_with("; Secure")));
    }

    #[test]
    fn an_ended_session_has_expired_cookies() {
        let ended = "Authentication=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
        assert_eq!(Cookies::ended()[0], ended);
    }
}
