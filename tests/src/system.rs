//! A whole running Turnstile for tests: both services from their real programs, with a database and
//! a virtual host of their own on shared servers, keys of their own, on free ports.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Result;
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::files::write_private;
use crate::ports;
use crate::secrets::BrokerUser;
use crate::service::Service;
use crate::temporary::TemporaryHome;
use crate::throwaway::Addresses;
use crate::wiring::Wiring;

/// A running system. Dropped, its services are killed; [`System::stop`] also deletes its database
/// and broker part. They end with the servers too, even if the test that uses them is killed.
#[derive(Debug)]
pub struct System {
    /// `ticketing`, where [`System::url`] leads.
    pub ticketing: Service,
    /// The rule service.
    pub rules: Service,
    /// How they are tied together: for more replicas and for commands.
    pub wiring: Wiring,
    /// The name of its database and of its virtual host.
    pub place: String,
    addresses: Addresses,
    _home: TemporaryHome,
}

impl System {
    /// Starts a system on servers at `addresses`; `more` are further settings of both services, for
    /// example `("TEST_CLOCK", "1")`.
    ///
    /// # Errors
    /// If something of it does not start.
    pub async fn start(addresses: &Addresses, more: &[(&str, &str)]) -> Result<Self> {
        let place = format!("turnstile_{}", Uuid::new_v4().simple());
        addresses.create_migrated_place(&place).await?;
        let home = TemporaryHome::of_system(&addresses.home, &place)?;
        let [port, rules_port] = ports::free()?;
        let wiring = Wiring {
            home: home.home.clone(),
            database_url: addresses.database_url(&place),
            amqp_url: addresses.amqp_url(BrokerUser::Ticketing, &place),
            rules_amqp_url: addresses.amqp_url(BrokerUser::Rules, &place),
            bind_address: Ipv4Addr::LOCALHOST.into(),
            port,
            public_url: format!("http://localhost:{port}"),
            rules_bind: SocketAddr::from((Ipv4Addr::LOCALHOST, rules_port)),
            more: more.iter().map(|&(name, value)| (name.into(), value.into())).collect(),
        };
        generate_keys(&wiring).await?;
        let (mut ticketing, mut rules) = (wiring.ticketing()?, wiring.rules()?);
        tokio::try_join!(ticketing.start(), rules.start())?;
        let addresses = addresses.clone();
        Ok(Self { ticketing, rules, wiring, place, addresses, _home: home })
    }

    /// Where its API is.
    pub fn url(&self) -> String {
        self.wiring.ticketing_url()
    }

    /// Another `ticketing` of the same system on a port of its own; answers it with its URL.
    ///
    /// # Errors
    /// If it does not start.
    pub async fn replica(&self) -> Result<(Service, String)> {
        let wiring = Wiring { port: ports::free_one()?, ..self.wiring.clone() };
        // A log and pid file of its own.
        let name = format!("ticketing-{}", wiring.port);
        let launch = wiring.ticketing_command(&name, &["serve"])?;
        let url = wiring.ticketing_url();
        let mut service = Service::new(launch, format!("{url}/readyz"));
        service.start().await?;
        Ok((service, url))
    }

    /// Stops the services in good order and deletes everything.
    ///
    /// # Errors
    /// If something can not be stopped or deleted.
    pub async fn stop(mut self) -> Result<()> {
        tokio::try_join!(self.ticketing.stop(), self.rules.stop())?;
        self.addresses.delete_place(&self.place).await
    }
}

/// Gives a system the signing keys that the first one made: they take two programs. What a system
/// does to its own changes nobody else's.
async fn generate_keys(wiring: &Wiring) -> Result<()> {
    static KEYS: OnceCell<Vec<(PathBuf, Vec<u8>)>> = OnceCell::const_new();
    let folder = wiring.home.root().join("keys");
    let made = || async {
        wiring.generate_keys().await?;
        let mut files = Vec::new();
        for name in ["login", "."] {
            for entry in fs::read_dir(folder.join(name))? {
                let path = entry?.path();
                if path.is_file() {
                    let bytes = fs::read(&path)?;
                    files.push((path.strip_prefix(&folder)?.to_owned(), bytes));
                }
            }
        }
        anyhow::Ok(files)
    };
    for (path, bytes) in KEYS.get_or_try_init(made).await? {
        let path = folder.join(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        write_private(&path, bytes)?;
    }
    Ok(())
}
