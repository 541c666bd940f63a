//! The accounts of the workload: registered and logged in once, and the secrets they come with.

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use shared_events::{AccountId, WalletId};

use super::api::{Api, Ask};
use crate::chaos::journal::Action;

/// What stands in every password, and nowhere it could be read.
pub const CANARY: &str = "canary-Turnstile-41";
/// Standard accounts see links that are not open yet; the others get on faster.
const TIERS: [&str; 4] = ["premium", "premium", "standard", "premium"];

/// An account that is logged in.
#[derive(Clone)]
pub struct Person {
    /// Which account.
    pub account: AccountId,
    /// Its name.
    pub username: String,
    /// Its login token.
    pub token: String,
}

impl Person {
    /// Its wallet, whether or not it was opened.
    pub fn wallet(&self) -> WalletId {
        WalletId::of(self.account)
    }
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Person").field("username", &self.username).finish_non_exhaustive()
    }
}

/// The body of a registration.
pub fn registration(username: &str, tier: &str) -> serde_json::Value {
    let email = format!("{username}@example.org");
    json!({"email": email, "username": username, "password": password(username), "role": tier})
}

/// The password of an account.
pub fn password(username: &str) -> String {
    format!("{CANARY}-{username}")
}

/// Registers `count` accounts whose names begin with `name`, and logs them in.
///
/// # Errors
/// If one is refused.
pub async fn welcome(api: &Api, name: &str, count: usize) -> Result<Vec<Person>> {
    let mut people = Vec::with_capacity(count);
    for (number, tier) in TIERS.iter().cycle().take(count).enumerate() {
        let username = format!("{name}-{number}");
        let body = registration(&username, tier);
        let register = Ask::get(Action::Register, "/register").posted(Some(body)).keyed();
        let answer = api.decided(number, number, &register).await?;
        if answer.reply.status != 201 {
            bail!("an account was refused: {:?}", answer.reply);
        }
        let credentials = json!({"username": username, "password": password(&username)});
        let login = Ask::get(Action::LogIn, "/login").posted(Some(credentials));
        let answer = api.decided(number, number, &login).await?;
        let token = answer.text("access_token").context("a login token")?.to_owned();
        people.push(Person { account: account(&token)?, username, token });
    }
    Ok(people)
}

/// Whose a login token is.
fn account(token: &str) -> Result<AccountId> {
    let claims = token.split('.').nth(1).context("a token of three parts")?;
    let claims: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims)?)?;
    let subject = claims.get("sub").and_then(Value::as_str).context("a subject")?;
    Ok(AccountId(subject.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_whose_it_is() {
        let id = AccountId(uuid::Uuid::from_u128(7));
        let claims = BASE64_URL_SAFE_NO_PAD.encode(json!({ "sub": id }).to_string());
        assert_eq!(account(&format!("head.{claims}.signature")).expect("an account"), id);
        assert!(account("no token").is_err());
    }
}
