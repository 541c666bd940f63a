//! The pages beside the API: Swagger UI from the binary itself (it works without internet), the
//! document, metrics, and redirects from where the documents of earlier systems were.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION};
use http::{HeaderValue, StatusCode};
use poem::Response;
use poem_openapi::OpenApiService;

use super::document::Document;

/// Where Swagger UI is.
const DOCS: &str = "/docs";
/// Paths that lead to it: the root, and where earlier systems had their documents.
const LEAD_TO_DOCS: [&str; 5] =
    ["/", "/api/openapi", "/auth/api/openapi", "/ugc/api/openapi", "/movie/api/openapi"];
/// The page itself; script and style are files of their own, so that no inline script has to be
/// allowed.
const DOCS_HTML: &str = r#"<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Turnstile API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="ui"></div>
<script src="/docs/swagger-ui.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"#;
const START_JS: &str =
    "SwaggerUIBundle({ dom_id: '#ui', url: '/openapi.json', deepLinking: true });\n";
/// Swagger UI sets styles from its script and draws icons from data URIs; it loads nothing from
/// elsewhere.
const DOCS_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
     form-action 'none'",
);
/// Files that change only with the binary.
const KEPT_FOR_AN_HOUR: HeaderValue = HeaderValue::from_static("public, max-age=3600");

type Page = Box<dyn Fn() -> Response + Send + Sync>;

/// The pages by path.
pub(super) struct Pages(HashMap<&'static str, Page>);

impl Pages {
    /// The pages; `document` is made when it is first asked for, `metrics` renders the metrics.
    pub(super) fn new(
        document: fn() -> Document,
        metrics: impl Fn() -> String + Send + Sync + 'static,
    ) -> Self {
        let (script, style) = swagger_ui();
        let mut pages: HashMap<&'static str, Page> = HashMap::new();
        for path in LEAD_TO_DOCS {
            pages.insert(path, Box::new(redirect_to_docs));
        }
        pages.insert(
            DOCS,
            Box::new(|| file("text/html; charset=utf-8", Bytes::from_static(DOCS_HTML.as_bytes()))),
        );
        let start = Bytes::from_static(START_JS.as_bytes());
        let files = [
            ("/docs/swagger-ui.js", "text/javascript; charset=utf-8", script),
            ("/docs/swagger-ui.css", "text/css; charset=utf-8", style),
            ("/docs/start.js", "text/javascript; charset=utf-8", start),
        ];
        for (path, content_type, bytes) in files {
            pages.insert(path, Box::new(move || file(content_type, bytes.clone())));
        }
        let document = Arc::new(LazyLock::new(move || {
            let Document { json, yaml } = document();
            (Bytes::from(json), Bytes::from(yaml))
        }));
        let yaml = Arc::clone(&document);
        let json = move || file("application/json", document.0.clone());
        pages.insert("/openapi.json", Box::new(json));
        let yaml = move || file("application/yaml", yaml.1.clone());
        pages.insert("/openapi.yaml", Box::new(yaml));
        let metrics = move || {
            let text = "text/plain; version=0.0.4; charset=utf-8";
            Response::builder().content_type(text).body(metrics())
        };
        pages.insert("/metrics", Box::new(metrics));
        Self(pages)
    }

    /// All paths.
    pub(super) fn paths(&self) -> Vec<&'static str> {
        self.0.keys().copied().collect()
    }

    /// The page at this path.
    pub(super) fn find(&self, path: &str) -> Option<Response> {
        self.0.get(path).map(|page| page())
    }
}

fn redirect_to_docs() -> Response {
    Response::builder().status(StatusCode::PERMANENT_REDIRECT).header(LOCATION, DOCS).finish()
}

fn file(content_type: &str, bytes: Bytes) -> Response {
    let mut response = Response::builder().content_type(content_type).body(bytes);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, KEPT_FOR_AN_HOUR);
    headers.insert(CONTENT_SECURITY_POLICY, DOCS_POLICY);
    response
}

/// Script and style of Swagger UI. The library has them only inside its own page.
fn swagger_ui() -> (Bytes, Bytes) {
    let page = OpenApiService::new((), "", "").swagger_ui_html();
    let between = |start: &str, end: &str| {
        let rest = page.split_once(start).map_or("", |(_, rest)| rest);
        Bytes::copy_from_slice(rest.split_once(end).map_or("", |(text, _)| text).as_bytes())
    };
    let script = between("<script charset=\"UTF-8\">", "</script>\n</head>");
    (script, between("<style charset=\"UTF-8\">", "</style>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swagger_ui_is_in_the_binary() {
        let (script, style) = swagger_ui();
        let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        assert!(text(&script).contains("SwaggerUIBundle") && script.len() > 500_000);
        assert!(text(&style).contains(".swagger-ui") && style.len() > 50_000);
    }
}
