//! An answer of the API, read once and asked by tests. Not here: which answer is right.

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    /// The body, null if it is not JSON.
    pub(crate) json: Value,
}

/// Sending a request and reading all of its answer.
pub(crate) trait Ask {
    async fn ask(self) -> Answer;
}

impl Ask for RequestBuilder {
    async fn ask(self) -> Answer {
        let response = self.send().await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a whole answer");
        let json = serde_json::from_str(&text).unwrap_or_default();
        Answer { status, headers, text, json }
    }
}

impl Answer {
    /// The same answer, which has to have this status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }

    /// The same answer, whose message has to be exactly this.
    #[track_caller]
    pub(crate) fn says(self, message: &str) -> Self {
        assert_eq!(self.json["message"], message, "{}", self.text);
        self
    }

    /// The same answer, which has to be a problem (RFC 9457) with this status and code, complete
    /// and consistent.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Self {
        let answer = self.is(status);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.text);
        let json = &answer.json;
        assert_eq!(json["code"], code, "{}", answer.text);
        assert_eq!(json["status"], status);
        assert_eq!(json["type"], format!("/problems/{code}"));
        assert!(json["title"].is_string() && json["detail"].is_string(), "{}", answer.text);
        assert_eq!(json["message"], json["detail"]);
        answer
    }

    /// A header as text, empty if it is absent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a readable header"))
    }

    /// The value of a cookie that it sets.
    pub(crate) fn cookie(&self, name: &str) -> String {
        let lines = self.headers.get_all("set-cookie").iter();
        let mut pairs =
            lines.filter_map(|line| line.to_str().ok()?.split(';').next()?.split_once('='));
        let (_, value) = pairs.find(|(found, _)| *found == name).expect("the cookie");
        value.to_owned()
    }

    /// A member of the body that is text.
    #[track_caller]
    pub(crate) fn member(&self, name: &str) -> String {
        self.json[name].as_str().unwrap_or_else(|| panic!("no {name}: {}", self.text)).to_owned()
    }

    /// Each refused field with its rule, as `field: rule`.
    pub(crate) fn field_errors(&self) -> Vec<String> {
        let errors = self.json["errors"].as_array().expect("field errors").iter();
        let text = |error: &Value, name: &str| error[name].as_str().expect("text").to_owned();
        errors.map(|e| format!("{}: {}", text(e, "field"), text(e, "message"))).collect()
    }
}
