//! What ties the two services to a database, a broker, keys and each other; and their commands that
//! end by themselves. Not here: the running services ([`crate::service`]).

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};

use anyhow::Result;

use crate::home::Home;
use crate::process::Launch;
use crate::service::{Service, program};
use crate::settings::reachable;

/// Settings of the C library's allocator (mallopt(3)) for `rules`: blocks larger than [`LARGE`] are
/// given back at once. By itself it keeps 20 MiB after a message of 10 MiB.
const GIVE_BACK: [&str; 2] = ["MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"];
/// Bytes; what the allocator begins with, before it adapts.
const LARGE: &str = "131072";

/// Everything the two services need to know of each other and of their servers.
#[derive(Clone, Debug)]
pub struct Wiring {
    /// Keys, logs and pid files.
    pub home: Home,
    /// Postgres.
    pub database_url: String,
    /// RabbitMQ for `ticketing`.
    pub amqp_url: String,
    /// RabbitMQ for `rules`.
    pub rules_amqp_url: String,
    /// Where `ticketing` listens.
    pub bind_address: IpAddr,
    /// On which port.
    pub port: u16,
    /// What links carry.
    pub public_url: String,
    /// Where `rules` listens (health and metrics).
    pub rules_bind: SocketAddr,
    /// More settings, for both; an empty value removes the variable.
    pub more: Vec<(String, String)>,
}

impl Wiring {
    /// Where `ticketing` can be asked from this machine.
    pub fn ticketing_url(&self) -> String {
        format!("http://{}", SocketAddr::new(reachable(self.bind_address), self.port))
    }

    /// Where `rules` can be asked about its health.
    pub fn rules_url(&self) -> String {
        let bind = self.rules_bind;
        format!("http://{}", SocketAddr::new(reachable(bind.ip()), bind.port()))
    }

    /// `ticketing serve`, not started.
    ///
    /// # Errors
    /// If it was not built.
    pub fn ticketing(&self) -> Result<Service> {
        let launch = self.ticketing_command("ticketing", &["serve"])?;
        Ok(Service::new(launch, format!("{}/readyz", self.ticketing_url())))
    }

    /// `rules serve`, not started.
    ///
    /// # Errors
    /// If it was not built.
    pub fn rules(&self) -> Result<Service> {
        let launch = self.launch("rules", "rules", &["serve"].map(Into::into))?;
        Ok(Service::new(launch, format!("{}/readyz", self.rules_url())))
    }

    /// One of several `ticketing`, not started, with a log and a pid file of its own. Its port is
    /// that of this wiring.
    ///
    /// # Errors
    /// As [`Wiring::ticketing`].
    pub fn ticketing_replica(&self, number: usize) -> Result<Service> {
        let launch = self.ticketing_command(&format!("ticketing-{number}"), &["serve"])?;
        Ok(Service::new(launch, format!("{}/readyz", self.ticketing_url())))
    }

    /// One of several rule services, not started, as [`Wiring::ticketing_replica`].
    ///
    /// # Errors
    /// As [`Wiring::rules`].
    pub fn rules_replica(&self, number: usize) -> Result<Service> {
        let launch =
            self.launch(&format!("rules-{number}"), "rules", &["serve"].map(Into::into))?;
        Ok(Service::new(launch, format!("{}/readyz", self.rules_url())))
    }

    /// A command of `ticketing` with all its settings; `name` is that of its log and pid file.
    ///
    /// # Errors
    /// If it was not built.
    pub fn ticketing_command(&self, name: &str, arguments: &[&str]) -> Result<Launch> {
        let arguments: Vec<OsString> = arguments.iter().map(Into::into).collect();
        self.launch(name, "ticketing", &arguments)
    }

    /// Makes the signing keys of both services, where there are none.
    ///
    /// # Errors
    /// If one can not be made.
    pub async fn generate_keys(&self) -> Result<()> {
        let login_keys = self.home.key("login").into_os_string();
        let arguments = ["generate-key".into(), login_keys];
        self.launch("keys", "ticketing", &arguments)?.run().await?;
        let arguments = [
            "generate-key".into(),
            "--private".into(),
            self.home.key("link.pem").into(),
            "--public".into(),
            self.home.key("link.jwks.json").into(),
        ];
        self.launch("keys", "rules", &arguments)?.run().await
    }

    /// Brings the database to the schema of this `ticketing`.
    ///
    /// # Errors
    /// If it can not be brought there.
    pub async fn migrate(&self) -> Result<()> {
        self.ticketing_command("migrate", &["migrate"])?.run().await
    }

    /// The settings of both services as variables.
    pub fn variables(&self) -> Vec<(String, OsString)> {
        let own = [
            ("DATABASE_URL", self.database_url.clone().into()),
            ("AMQP_URL", self.amqp_url.clone().into()),
            ("RULES_AMQP_URL", self.rules_amqp_url.clone().into()),
            ("PORT", self.port.to_string().into()),
            ("BIND_ADDRESS", self.bind_address.to_string().into()),
            ("PUBLIC_URL", self.public_url.clone().into()),
            ("TOKEN_KEYS_DIR", self.home.key("login").into_os_string()),
            ("LINK_KEYS_FILE", self.home.key("link.jwks.json").into_os_string()),
            ("LINK_SIGNING_KEY_FILE", self.home.key("link.pem").into_os_string()),
            ("RULES_BIND", self.rules_bind.to_string().into()),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        let more = self.more.iter().map(|(name, value)| (name.clone(), value.into()));
        own.into_iter().chain(more).collect()
    }

    fn launch(&self, name: &str, of: &str, arguments: &[OsString]) -> Result<Launch> {
        // Neither service is given the other's password or private key.
        let (others, own): (&[&str], &[&str]) = match of {
            "rules" => (&["DATABASE_URL", "AMQP_URL", "TOKEN_KEYS_DIR"], &GIVE_BACK),
            _ => (&["RULES_AMQP_URL", "LINK_SIGNING_KEY_FILE"], &[]),
        };
        let mut variables = self.variables();
        for (name, value) in &mut variables {
            if others.contains(&name.as_str()) {
                value.clear();
            }
        }
        variables.extend(own.iter().map(|&name| (name.to_owned(), LARGE.into())));
        Ok(Launch {
            name: name.to_owned(),
            program: program(of)?,
            arguments: arguments.to_vec(),
            variables,
            clean: false,
            folder: ".".into(),
            account: None,
            log: self.home.log(name),
            pid_file: self.home.pid_file(name),
        })
    }
}
