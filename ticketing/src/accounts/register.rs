//! Registering an account. Whether a name or an address is taken is decided by the indexes when the
//! row is written, not by looking before; a repeat with the same idempotency key is the same
//! registration.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use shared_events::account::{AccountId, Tier};
use uuid::Uuid;

use super::Accounts;
use super::password::{self, HashError};
use super::people::check_name;
use crate::config::TierPolicy;
use crate::platform::database::DatabaseError;
use crate::platform::idempotency::{Begun, IdempotencyKey, StoredAnswer, store};

/// The shortest and the longest username, in characters.
pub(super) const USERNAME_LENGTH: std::ops::RangeInclusive<usize> = 3..=64;
/// The longest address (RFC 5321, section 4.5.3.1.3).
pub(super) const LONGEST_ADDRESS: usize = 254;
/// The longest part before the `@` (RFC 5321, section 4.5.3.1.1).
const LONGEST_LOCAL_PART: usize = 64;
/// The indexes that make names and addresses unique.
const UNIQUE: [&str; 2] = ["accounts_username_key", "accounts_email_key"];

/// Make an account.
pub struct Register {
    /// The address.
    pub email: String,
    /// The name to log in with.
    pub username: String,
    /// The password.
    pub password: SecretString,
    /// The tier that is asked for; the policy decides what is granted.
    pub tier: Tier,
    /// The first name, if it is told.
    pub first_name: Option<String>,
    /// The last name, if it is told.
    pub last_name: Option<String>,
}

/// Why there is no new account.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Fields break rules: each with its rule.
    #[error("some fields are not valid")]
    Invalid(Vec<(&'static str, String)>),
    /// The name or the address belongs to an account.
    #[error("the username or the address is taken")]
    Taken,
    /// The idempotency key was used for another registration.
    #[error("the idempotency key was used for another registration")]
    KeyReused,
    /// A registration with this idempotency key is being worked on.
    #[error("a registration with this idempotency key is in flight")]
    InFlight,
    /// The password can not be hashed now.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// Postgres did not do what was asked.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl Register {
    /// What an idempotency key stands for: everything but the password, of which not even a quick
    /// hash may be stored.
    pub fn fingerprint(&self) -> Vec<u8> {
        let [first, last] = self.names().map(|(_, name)| name.unwrap_or_default());
        // No text that comes in a body has a NUL.
        [&self.email, &self.username, self.tier.as_str(), first, last].join("\0").into_bytes()
    }

    fn names(&self) -> [(&'static str, Option<&str>); 2] {
        let (first, last) = (self.first_name.as_deref(), self.last_name.as_deref());
        [("first_name", first), ("last_name", last)]
    }

    fn check(&self) -> Result<(), RegisterError> {
        let mut broken = Vec::new();
        if !is_address(&self.email) {
            broken.push(("email", "must be an e-mail address".to_owned()));
        }
        if !is_username(&self.username) {
            let rule = "must have 3 to 64 letters (a-z), digits, dots, underscores or hyphens";
            broken.push(("username", rule.to_owned()));
        }
        if let Err(unfit) = password::check(&self.password) {
            broken.push(("password", unfit.to_string()));
        }
        for (member, name) in self.names() {
            if let Err(rule) = check_name(name) {
                broken.push((member, rule.to_owned()));
            }
        }
        if broken.is_empty() { Ok(()) } else { Err(RegisterError::Invalid(broken)) }
    }
}

fn granted(policy: TierPolicy, asked: Tier) -> Tier {
    match policy {
        TierPolicy::SelfService => asked,
        // Nobody is given more by asking for it, nor less than everybody gets.
        TierPolicy::Entitled => Tier::Standard,
    }
}

fn is_username(text: &str) -> bool {
    USERNAME_LENGTH.contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// Whether mail could be sent there: one `@`, a local part of unquoted characters, a host name with
/// a dot (RFC 5321, letters of all languages as in RFC 6531). Only a message that arrives proves an
/// address.
pub(super) fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let dotted = |part: &str, fits: &dyn Fn(char) -> bool| {
        part.split('.').all(|label| !label.is_empty() && label.chars().all(fits))
    };
    let in_local = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    let in_domain = |c: char| c.is_alphanumeric() || c == '-';
    text.len() <= LONGEST_ADDRESS
        && local.len() <= LONGEST_LOCAL_PART
        && dotted(local, &in_local)
        && dotted(domain, &in_domain)
        && domain.contains('.')
        && domain.split('.').all(|label| !label.starts_with('-') && !label.ends_with('-'))
}

impl Accounts {
    /// Makes the account, or recognises that it was made with the same key: which one it is. The
    /// answer that is stored must hold nothing personal.
    ///
    /// # Errors
    /// [`RegisterError`] says why there is none.
    pub async fn register(
        &self,
        register: Register,
        key: Option<(IdempotencyKey, StoredAnswer)>,
    ) -> Result<AccountId, RegisterError> {
        register.check()?;
        let _in_flight = match &key {
            None => None,
            Some((key, _)) => match self.idempotency.begin(key).await? {
                Begun::First(guard) => Some(guard),
                known => return self.repeat(known, &register).await,
            },
        };
        let hash = self.passwords.hash(register.password.clone()).await?;
        match self.insert(&register, &hash, key.as_ref(), self.clock.now()).await {
            // Another replica may have been first with the same key.
            Err(RegisterError::Taken | RegisterError::InFlight) if key.is_some() => {
                let Some((key, _)) = &key else { return Err(RegisterError::Taken) };
                match self.idempotency.find(key).await? {
                    Some(known) => self.repeat(known, &register).await,
                    None => Err(RegisterError::Taken),
                }
            }
            outcome => outcome,
        }
    }

    /// A key that is known: the same registration only if the password is the same too.
    async fn repeat(&self, known: Begun, register: &Register) -> Result<AccountId, RegisterError> {
        match known {
            Begun::First(_) | Begun::InFlight => Err(RegisterError::InFlight),
            Begun::OtherRequest => Err(RegisterError::KeyReused),
            Begun::Replay(_) => {
                let found = self.find_credentials(&register.username).await?;
                let recognised = self.recognise(found, register.password.clone()).await?;
                recognised.map(|known| known.caller.account).ok_or(RegisterError::KeyReused)
            }
        }
    }

    /// Writes the account, and the key with its answer, or neither.
    async fn insert(
        &self,
        register: &Register,
        password_hash: &str,
        key: Option<&(IdempotencyKey, StoredAnswer)>,
        now: DateTime<Utc>,
    ) -> Result<AccountId, RegisterError> {
        let id = AccountId(Uuid::now_v7());
        let tier = granted(self.tier_policy, register.tier);
        let mut client = self.database.get().await?;
        let insert = "insert into accounts (id, username, email, password_hash, tier, created_at, \
                          first_name, last_name) \
                      values ($1, $2, $3, $4, $5, $6, $7, $8)";
        let statement = client.prepare_cached(insert).await.map_err(DatabaseError::from)?;
        let transaction = client.transaction().await.map_err(DatabaseError::from)?;
        let inserted = transaction
            .execute(
                &statement,
                &[
                    &id.0,
                    &register.username,
                    &register.email,
                    &password_hash,
                    &tier.as_str(),
                    &now,
                    &register.first_name,
                    &register.last_name,
                ],
            )
            .await;
        if let Err(error) = inserted {
            let error = DatabaseError::from(error);
            let taken = error.violated_constraint().is_some_and(|name| UNIQUE.contains(&name));
            return Err(if taken { RegisterError::Taken } else { error.into() });
        }
        if let Some((key, answer)) = key {
            let stored = store(&transaction, key, answer, Some(id.0), now).await;
            if !stored.map_err(DatabaseError::from)? {
                return Err(RegisterError::InFlight);
            }
        }
        transaction.commit().await.map_err(DatabaseError::from)?;
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(email: &str, username: &str, password: &str) -> Vec<&'static str> {
        let register = Register {
            email: email.to_owned(),
            username: username.to_owned(),
            password: password.into(),
            tier: Tier::Premium,
            first_name: None,
            last_name: Some("x".repeat(101)),
        };
        match register.check() {
            Err(RegisterError::Invalid(fields)) => {
                fields.into_iter().map(|(name, _)| name).collect()
            }
            _ => Vec::new(),
        }
    }

    #[test]
    fn every_field_that_breaks_a_rule_is_named() {
        assert_eq!(broken("john@gmail.com", "john", "1q2W3E4r"), ["last_name"]);
        assert_eq!(broken("john", "jo", "1234"), ["email", "username", "password", "last_name"]);
    }

    #[test]
    fn an_address_is_something_mail_could_be_sent_to() {
        for good in [
            "a@b.co",
            "first.last+tag@sub.example.org",
            "o'neil@example.ie",
            "jürgen@müller.example",
        ] {
            assert!(is_address(good), "{good}");
        }
        let long = format!("{}@example.org", "a".repeat(65));
        for bad in [
            "",
            "@",
            "a@",
            "@b.co",
            "a@b",
            "a@b..co",
            "a@.co",
            "a b@c.de",
            "a@b.co ",
            "a@b@c.de",
            ".a@b.co",
            "a.@b.co",
            "a@-b.co",
            "<a@b.co>",
            "a@b.co\r\nBcc: x@y.zz",
            &long,
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn a_username_is_short_and_plain() {
        for good in ["bob", "John.Doe_2-x", &"a".repeat(64)] {
            assert!(is_username(good), "{good}");
        }
        for bad in ["", "ab", &"a".repeat(65), "john doe", "jöhn", "john@x", "john\n"] {
            assert!(!is_username(bad), "{bad}");
        }
    }

    #[test]
    fn who_asks_for_premium_gets_it_only_where_that_is_the_policy() {
        assert_eq!(granted(TierPolicy::SelfService, Tier::Premium), Tier::Premium);
        for asked in Tier::ALL {
            assert_eq!(granted(TierPolicy::Entitled, asked), Tier::Standard);
        }
    }
}
