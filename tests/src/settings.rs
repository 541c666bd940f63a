//! Every setting of the launcher; nothing else of this crate reads the environment. What is not
//! named here (`TEST_CLOCK`, `RATE_LIMITS`, `SMTP_URL`, `MAIL_FROM`, `RULES_FILE`, `RUST_LOG`, …)
//! reaches the services as it is.
//!
//! | variable | default | effect |
//! | --- | --- | --- |
//! | `TURNSTILE_HOME` | `.turnstile` | where servers, keys, passwords and logs are kept |
//! | `PORT` | `5000` | where `ticketing` serves HTTP |
//! | `BIND_ADDRESS` | `0.0.0.0` | on which address |
//! | `PUBLIC_URL` | `http://localhost:$PORT` | what links carry |
//! | `DATABASE_URL` | none | this Postgres, no private one |
//! | `AMQP_URL`, `RULES_AMQP_URL` | none | this RabbitMQ (both or neither), no private one |
//! | `RULES_BIND` | a free port on loopback | health and metrics of `rules` |

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

/// What the launcher needs to know. An empty value is the same as none.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// Where servers, keys, passwords and logs are kept.
    #[arg(long, env = "TURNSTILE_HOME", default_value = ".turnstile")]
    pub home: PathBuf,
    /// Where `ticketing` serves HTTP.
    #[arg(long, env = "PORT", default_value_t = 5000)]
    pub port: u16,
    /// On which address it does.
    #[arg(long, env = "BIND_ADDRESS", default_value = "0.0.0.0")]
    pub bind_address: IpAddr,
    /// What links carry.
    #[arg(long, env = "PUBLIC_URL")]
    public_url: Option<String>,
    /// A Postgres to use instead of a private one.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// A RabbitMQ to use instead of a private one, as the user `ticketing`.
    #[arg(long, env = "AMQP_URL", hide_env_values = true)]
    amqp_url: Option<String>,
    /// The same RabbitMQ as the user `rules`.
    #[arg(long, env = "RULES_AMQP_URL", hide_env_values = true)]
    rules_amqp_url: Option<String>,
    /// Where `rules` serves health and metrics.
    #[arg(long, env = "RULES_BIND")]
    pub rules_bind: Option<SocketAddr>,
}

/// A RabbitMQ that is not ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenBroker {
    /// The URL for `ticketing`.
    pub ticketing: String,
    /// The URL for `rules`.
    pub rules: String,
}

impl Settings {
    /// What links carry, without a slash at its end.
    pub fn public_url(&self) -> String {
        match filled(self.public_url.as_ref()) {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://localhost:{}", self.port),
        }
    }

    /// The Postgres to use, if it is not to be a private one.
    pub fn database_url(&self) -> Option<String> {
        filled(self.database_url.as_ref())
    }

    /// The RabbitMQ to use, if it is not to be a private one.
    ///
    /// # Errors
    /// If only one of the two URLs is given.
    pub fn broker(&self) -> Result<Option<GivenBroker>> {
        match (filled(self.amqp_url.as_ref()), filled(self.rules_amqp_url.as_ref())) {
            (Some(ticketing), Some(rules)) => Ok(Some(GivenBroker { ticketing, rules })),
            (None, None) => Ok(None),
            (Some(_), None) => bail!("AMQP_URL is set, so RULES_AMQP_URL is needed too"),
            (None, Some(_)) => bail!("RULES_AMQP_URL is set, so AMQP_URL is needed too"),
        }
    }
}

/// Where to ask a service that listens on `address`.
pub fn reachable(address: IpAddr) -> IpAddr {
    if address.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { address }
}

fn filled(value: Option<&String>) -> Option<String> {
    value.filter(|text| !text.is_empty()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            home: ".turnstile".into(),
            port: 5010,
            bind_address: Ipv4Addr::UNSPECIFIED.into(),
            public_url: None,
            database_url: None,
            amqp_url: None,
            rules_amqp_url: None,
            rules_bind: None,
        }
    }

    #[test]
    fn links_carry_the_port_unless_told_otherwise() {
        assert_eq!(settings().public_url(), "http://localhost:5010");
        let told = Settings { public_url: Some("https://tickets.example/".into()), ..settings() };
        assert_eq!(told.public_url(), "https://tickets.example");
    }

    #[test]
    fn an_empty_variable_is_none() {
        let empty = Settings { database_url: Some(String::new()), ..settings() };
        assert_eq!(empty.database_url(), None);
    }

    #[test]
    fn a_broker_needs_both_of_its_urls() {
        let half = Settings { amqp_url: Some("amqp://a".into()), ..settings() };
        assert!(half.broker().is_err());
        let whole = Settings { rules_amqp_url: Some("amqp://b".into()), ..half };
        assert!(whole.broker().expect("both").is_some());
    }
}
