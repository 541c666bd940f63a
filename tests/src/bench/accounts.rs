//! The accounts that load comes from, and their logins.

use anyhow::{Context, Result};
use bytes::Bytes;
use serde_json::{Value, json};

use super::http::post;

/// Premium accounts: Bearer requests take turns with them.
const PREMIUM: usize = 8;
const PASSWORD: &str = "measured-8-times";

/// Registered accounts, logged in.
#[derive(Debug)]
pub struct Accounts {
    /// Login tokens of those whose links open at once.
    pub premium: Vec<String>,
    /// The login token of one whose links open ten minutes after the request.
    pub standard: String,
}

impl Accounts {
    /// Registers them at `url` and logs them in.
    ///
    /// # Errors
    /// If one is refused.
    pub async fn register(url: &str) -> Result<Self> {
        let client = reqwest::Client::new();
        let mut premium = Vec::with_capacity(PREMIUM);
        for number in 0..PREMIUM {
            premium.push(register(&client, url, &username(number), "premium").await?);
        }
        let standard = register(&client, url, "patient", "standard").await?;
        Ok(Self { premium, standard })
    }
}

/// A login of each premium account, as bytes to send.
pub fn logins() -> Vec<Bytes> {
    (0..PREMIUM).map(|number| post("/login", None, &credentials(&username(number)))).collect()
}

/// The password of every account.
pub fn password() -> &'static str {
    PASSWORD
}

fn username(number: usize) -> String {
    format!("bench{number}")
}

fn credentials(username: &str) -> Value {
    json!({"username": username, "password": PASSWORD})
}

async fn register(
    client: &reqwest::Client,
    url: &str,
    username: &str,
    tier: &str,
) -> Result<String> {
    let email = format!("{username}@example.org");
    let account = json!({
        "email": email, "username": username, "password": PASSWORD, "role": tier
    });
    let answer = client.post(format!("{url}/register")).json(&account).send().await?;
    answer.error_for_status().context("registering")?;
    let answer = client.post(format!("{url}/login")).json(&credentials(username)).send().await?;
    let answer: Value = answer.error_for_status().context("logging in")?.json().await?;
    let token = answer.get("access_token").and_then(Value::as_str);
    Ok(token.context("an access token")?.to_owned())
}
