//! The HTTP API of the private node's management plugin, as far as it is used here and in tests.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;

use crate::local;
use crate::rabbitmq::definitions::{self, Part};

/// A call that takes longer has met a node that is not well.
const CALL_LIMIT: Duration = Duration::from_secs(10);

/// The management API with an administrator's credentials.
#[derive(Clone)]
pub struct Management {
    client: Client,
    url: String,
    user: String,
    password: String,
}

impl std::fmt::Debug for Management {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Management").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Management {
    /// The API on `port` of the loopback address.
    pub fn new(port: u16, user: &str, password: &str) -> Self {
        Self {
            client: local::client(),
            url: format!("http://127.0.0.1:{port}"),
            user: user.to_owned(),
            password: password.to_owned(),
        }
    }

    /// Where the console is, for a browser.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whom to log in as.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// With which password.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Whether the node takes AMQP connections on `port`. Not yet started is no failure but
    /// `false`.
    pub async fn listens_on(&self, port: u16) -> bool {
        let path = format!("health/checks/port-listener/{port}");
        let answer = self.request(Method::GET, &path).send().await;
        answer.is_ok_and(|answer| answer.status() == StatusCode::OK)
    }

    /// Makes a virtual host with the permissions and policies of the container.
    ///
    /// # Errors
    /// If the node can not be reached or refuses it.
    pub async fn create_vhost(&self, name: &str) -> Result<()> {
        self.put(&format!("vhosts/{}", segment(name)), &Value::Object(Default::default())).await?;
        for Part { kind, name: of, body } in definitions::parts()? {
            // Permissions are found by the user, policies by their own name, both behind the host.
            self.put(&format!("{kind}/{}/{}", segment(name), segment(&of)), &body).await?;
        }
        Ok(())
    }

    /// Deletes a virtual host with everything in it.
    ///
    /// # Errors
    /// If the node can not be reached or refuses it.
    pub async fn delete_vhost(&self, name: &str) -> Result<()> {
        let path = format!("vhosts/{}", segment(name));
        checked(self.request(Method::DELETE, &path), &path).await.map(|_| ())
    }

    /// Reads `/api/<path>`, for example `queues/<vhost>`.
    ///
    /// # Errors
    /// If the node can not be reached or refuses it.
    pub async fn get(&self, path: &str) -> Result<Value> {
        let answer = checked(self.request(Method::GET, path), path).await?;
        answer.json().await.with_context(|| format!("reading the broker's answer to {path}"))
    }

    /// Writes `body` to `/api/<path>`.
    ///
    /// # Errors
    /// If the node can not be reached or refuses it.
    pub async fn put(&self, path: &str, body: &Value) -> Result<()> {
        checked(self.request(Method::PUT, path).json(body), path).await.map(|_| ())
    }

    /// Asks with `body` at `/api/<path>`, for example `queues/<vhost>/<queue>/get`.
    ///
    /// # Errors
    /// If the node can not be reached or refuses it.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let answer = checked(self.request(Method::POST, path).json(body), path).await?;
        answer.json().await.with_context(|| format!("reading the broker's answer to {path}"))
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}/api/{path}", self.url))
            .basic_auth(&self.user, Some(&self.password))
            .timeout(CALL_LIMIT)
    }
}

async fn checked(request: RequestBuilder, path: &str) -> Result<Response> {
    let answer = request.send().await.with_context(|| format!("asking the broker for {path}"))?;
    let status = answer.status();
    if !status.is_success() {
        bail!(
            "the broker answered {status} to {path}: {}",
            answer.text().await.unwrap_or_default()
        );
    }
    Ok(answer)
}

/// A name as one segment of a path (RFC 3986): everything but letters, digits, `-`, `.`, `_`, `~`
/// is escaped.
pub fn segment(name: &str) -> String {
    let mut escaped = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_virtual_host_is_escaped() {
        assert_eq!(segment("/"), "%2F");
        assert_eq!(segment("turnstile-1"), "turnstile-1");
    }
}
