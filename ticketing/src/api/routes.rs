//! What is known of the routes before routing: patterns, methods, and which operations take
//! credentials. Made from the same description as the document, so the edge and the router can not
//! disagree. Not here: the handlers.

use std::collections::HashMap;

use http::header::SET_COOKIE;
use http::{HeaderValue, Method};
use poem_openapi::OpenApi;
use poem_openapi::registry::MetaResponses;

use super::http_metrics::RouteMetrics;

/// The routes by path.
pub(super) struct Routes {
    fixed: HashMap<String, Route>,
    /// Those with parameters, by their number of segments.
    patterns: Vec<Route>,
}

/// What the description of the operations does not say of their paths: patterns of those that are
/// special in a way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Marks<'a> {
    /// Their GETs act.
    pub(super) acting: &'a [&'static str],
    /// They sign out.
    pub(super) sign_outs: &'a [&'static str],
    /// They are served under overload too.
    pub(super) always: &'a [&'static str],
}

/// One path and its methods.
pub(super) struct Route {
    /// As in the document: `/buy_ticket/{token}`. Safe to log, unlike the path itself.
    pub(super) pattern: String,
    operations: Vec<Operation>,
    /// For `Allow`.
    pub(super) allow: HeaderValue,
    /// A GET on it acts: it must not be done ahead.
    pub(super) acting: bool,
    /// It takes the cookies of a session back, even of one that has ended.
    pub(super) signs_out: bool,
    /// It is served even if there is too much to do.
    pub(super) always: bool,
    pub(super) metrics: RouteMetrics,
}

/// One method of a path.
pub(super) struct Operation {
    method: Method,
    pub(super) takes_credentials: bool,
    /// It may hand out or take back what a browser keeps.
    pub(super) sets_cookies: bool,
}

impl Routes {
    /// The routes of `A`, and more that are only read with GET.
    pub(super) fn of<A: OpenApi>(pages: &[&str], marks: Marks<'_>) -> Self {
        let mut operations: HashMap<String, Vec<Operation>> = HashMap::new();
        for path in A::meta().into_iter().flat_map(|api| api.paths) {
            let all = operations.entry(path.path).or_default();
            all.extend(path.operations.into_iter().map(|operation| Operation {
                method: operation.method,
                takes_credentials: !operation.security.is_empty(),
                sets_cookies: sets_cookies(&operation.responses),
            }));
        }
        for page in pages {
            let get =
                Operation { method: Method::GET, takes_credentials: false, sets_cookies: false };
            operations.entry((*page).to_owned()).or_default().push(get);
        }
        let mut routes = Self { fixed: HashMap::new(), patterns: Vec::new() };
        for (pattern, operations) in operations {
            let route = Route {
                allow: allow(&operations),
                acting: marks.acting.contains(&pattern.as_str()),
                signs_out: marks.sign_outs.contains(&pattern.as_str()),
                always: marks.always.contains(&pattern.as_str()),
                metrics: RouteMetrics::default(),
                operations,
                pattern,
            };
            if route.pattern.contains('{') {
                routes.patterns.push(route);
            } else {
                routes.fixed.insert(route.pattern.clone(), route);
            }
        }
        // A fixed segment goes before a parameter, as in the router.
        routes.patterns.sort_by_key(|route| route.pattern.replace('{', "\u{10ffff}"));
        routes
    }

    pub(super) fn find(&self, path: &str) -> Option<&Route> {
        let by_pattern = || self.patterns.iter().find(|route| matches(&route.pattern, path));
        self.fixed.get(path).or_else(by_pattern)
    }
}

impl Route {
    pub(super) fn operation(&self, method: &Method) -> Option<&Operation> {
        self.operations.iter().find(|operation| operation.method == *method)
    }
}

fn sets_cookies(responses: &MetaResponses) -> bool {
    let mut headers = responses.responses.iter().flat_map(|response| &response.headers);
    headers.any(|header| header.name.eq_ignore_ascii_case(SET_COOKIE.as_str()))
}

fn matches(pattern: &str, path: &str) -> bool {
    let mut segments = path.split('/');
    let fits = pattern.split('/').all(|wanted| {
        segments.next().is_some_and(|segment| {
            if wanted.starts_with('{') { !segment.is_empty() } else { wanted == segment }
        })
    });
    fits && segments.next().is_none()
}

/// What a path can do: its methods, HEAD if it has GET (answered by the edge), and OPTIONS.
fn allow(operations: &[Operation]) -> HeaderValue {
    let mut methods: Vec<&str> = operations.iter().map(|o| o.method.as_str()).collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    methods.push("OPTIONS");
    methods.sort_unstable();
    HeaderValue::from_str(&methods.join(", ")).unwrap_or(HeaderValue::from_static("OPTIONS"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::authentication::OptionalCaller;
    use crate::api::cookies::WithCookies;

    struct Api;

    #[derive(poem_openapi::ApiResponse)]
    enum Done {
        #[oai(status = 200)]
        Ok,
    }

    #[poem_openapi::OpenApi]
    impl Api {
        #[oai(path = "/things/:id", method = "get")]
        async fn thing(&self, _caller: OptionalCaller, id: poem_openapi::param::Path<String>) {
            drop(id);
        }

        #[oai(path = "/things/:id", method = "delete")]
        async fn remove(&self, id: poem_openapi::param::Path<String>) {
            drop(id);
        }

        #[oai(path = "/things/mine", method = "post")]
        async fn mine(&self) -> WithCookies<Done> {
            WithCookies { answer: Done::Ok, cookies: Vec::new() }
        }
    }

    #[test]
    fn a_path_is_found_by_its_pattern_and_a_fixed_segment_goes_first() {
        let marks = Marks { acting: &["/things/{id}"], always: &["/docs"], ..Marks::default() };
        let routes = Routes::of::<Api>(&["/docs"], marks);
        let found = |path| routes.find(path).map(|route| route.pattern.as_str());
        assert_eq!(found("/things/7"), Some("/things/{id}"));
        assert_eq!(found("/things/mine"), Some("/things/mine"));
        assert_eq!(found("/docs"), Some("/docs"));
        for unknown in ["/", "", "/things", "/things/", "/things/7/more", "/docs/x"] {
            assert_eq!(found(unknown), None, "{unknown}");
        }
        let thing = routes.find("/things/7").unwrap();
        assert!(thing.acting && !thing.always && routes.find("/docs").unwrap().always);
        assert_eq!(thing.allow, "DELETE, GET, HEAD, OPTIONS");
        assert!(thing.operation(&Method::GET).unwrap().takes_credentials);
        assert!(!thing.operation(&Method::DELETE).unwrap().takes_credentials);
        assert!(thing.operation(&Method::POST).is_none());
        assert!(!thing.operation(&Method::GET).unwrap().sets_cookies);
        let mine = routes.find("/things/mine").unwrap();
        assert!(mine.operation(&Method::POST).unwrap().sets_cookies);
    }
}
