//! Every setting of the rule service. Nothing else reads the environment.
//!
//! | variable | default | effect |
//! | --- | --- | --- |
//! | `RULES_AMQP_URL` | none, required | the broker, `amqp://user:password@host:port/vhost` |
//! | `LINK_SIGNING_KEY_FILE` | none, required | the key that signs links: PKCS#8 PEM, P-256 |
//! | `RULES_FILE` | the built-in rules | the rules, read again when they change |
//! | `RULES_BIND` | `127.0.0.1:5001` | where health and metrics are served; not for the public |
//! | `RUST_LOG` | `info` | the log filter, `tracing` syntax |
//!
//! Each is also an option on the command line.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand};
use lapin::uri::AMQPUri;

/// The rule service of Turnstile: decides when a ticket link opens.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// The log filter, `tracing` syntax.
    #[arg(long, env = "RUST_LOG", default_value = "info", global = true)]
    pub log: String,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Answer requests until stopped by SIGTERM or SIGINT.
    Serve(Serve),
    /// Make the key that signs links, unless it exists, and publish its public half.
    GenerateKey(GenerateKey),
    /// Say what a rules file means, or what is wrong with it.
    CheckRules {
        /// The rules file.
        file: PathBuf,
    },
}

/// Settings of `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Where RabbitMQ is and as whom: `amqp://user:password@host:port/vhost`.
    #[arg(long, env = "RULES_AMQP_URL", hide_env_values = true, value_name = "RULES_AMQP_URL")]
    pub amqp_url: BrokerAddress,
    /// The private key that signs links: PKCS#8 PEM, P-256.
    #[arg(long, env = "LINK_SIGNING_KEY_FILE", value_name = "LINK_SIGNING_KEY_FILE")]
    pub link_signing_key_file: PathBuf,
    /// The rules, read again when they change; the built-in ones if not given.
    #[arg(long, env = "RULES_FILE")]
    pub rules_file: Option<PathBuf>,
    /// Where health and metrics are served.
    #[arg(long, env = "RULES_BIND", default_value = "127.0.0.1:5001")]
    pub bind: SocketAddr,
}

/// Settings of `generate-key`.
#[derive(Debug, Args)]
pub struct GenerateKey {
    /// Where the private key is or shall be (PKCS#8 PEM, mode 0600).
    #[arg(long, value_name = "FILE")]
    pub private: PathBuf,
    /// Where its public half shall be (JWKS).
    #[arg(long, value_name = "FILE")]
    pub public: PathBuf,
}

/// The broker's address. Its password is not shown by `Debug`.
#[derive(Clone)]
pub struct BrokerAddress(pub AMQPUri);

impl FromStr for BrokerAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

impl fmt::Debug for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AMQPUri { authority, vhost, .. } = &self.0;
        write!(f, "{}@{}:{}/{vhost}", authority.userinfo.username, authority.host, authority.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_brokers_password_is_never_shown() {
        let address: BrokerAddress =
            "amqp://rules:secret@localhost:5672/turnstile".parse().expect("an address");
        assert_eq!(format!("{address:?}"), "rules@localhost:5672/turnstile");
    }
}
