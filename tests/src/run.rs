//! `turnstile run` (`make run`): everything on this machine with one command, for a person at a
//! terminal.
//!
//! Started: both servers at once, then keys and schema, then both services. Stopped, in the other
//! order: services, RabbitMQ, Postgres. What the services log goes to files; the terminal shows
//! what a person needs.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result, bail};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::greeting::greeting;
use crate::home::{Home, HomeLock};
use crate::ports::{self, Ports};
use crate::postgres::{self, Postgres};
use crate::rabbitmq::{self, RabbitMq, definitions::VHOST};
use crate::secrets::BrokerUser;
use crate::service::{self, Service};
use crate::settings::{GivenBroker, Settings};
use crate::signals::Stop;
use crate::supervise::{Unit, supervise};
use crate::wiring::Wiring;
use crate::{say, servers};

/// The database that `make run` uses.
pub const DATABASE: &str = "turnstile";

/// Runs everything until somebody asks it to stop.
///
/// # Errors
/// If something can not be started or stopped: with what to do about it, where that is known.
pub async fn run(settings: &Settings) -> Result<()> {
    let stop = Stop::listen()?;
    let broker = settings.broker()?;
    let home = Home::open(&settings.home)?;
    let _lock = lock(&home)?;
    say::say(format!("Turnstile is starting; its home is {}.", home.root().display()));
    if service::stop_leftover_services(&home).await? | servers::stop_leftovers(&home, tell).await? {
        tell("Stopped what an earlier run, which was killed, had left running.".into());
    }
    check_port(settings)?;
    let (ports, renewed) = home.ports()?;
    if renewed > 0 {
        tell(format!("{renewed} of the private ports were taken by somebody else: chose others."));
    }
    let wiring = wire(settings, &broker, &home, &ports)?;
    let mut parts = Parts {
        ticketing: wiring.ticketing()?,
        rules: wiring.rules()?,
        postgres: match settings.database_url() {
            Some(_) => None,
            None => Some(servers::postgres(&home, &ports, tell)?),
        },
        rabbitmq: match broker {
            Some(_) => None,
            None => Some(servers::rabbitmq(&home, &ports, tell)?),
        },
    };
    let started = tokio::select! {
        started = parts.start(&wiring) => started,
        () = stop.asked.cancelled() => bail_out(&mut parts, &stop).await,
    };
    if let Err(error) = started {
        // The error is what matters; what it leaves running is stopped all the same.
        let _ = parts.stop(&stop).await;
        return Err(error);
    }
    if !stop.asked.is_cancelled() {
        let management = parts.rabbitmq.as_ref().map(RabbitMq::management);
        let database = parts.postgres.as_ref().map(|postgres| postgres.url(DATABASE));
        say::say(greeting(&settings.public_url(), &home, management.as_ref(), database));
        parts.watch(&stop).await?;
    }
    say::say("Everything is stopped.");
    Ok(())
}

async fn bail_out(parts: &mut Parts, stop: &Stop) -> Result<()> {
    say::say("Stopping before everything was started.");
    parts.stop(stop).await
}

fn lock(home: &Home) -> Result<HomeLock> {
    match home.lock()? {
        Ok(lock) => Ok(lock),
        Err(holder) => bail!(
            "Turnstile already runs from {} (process {holder}): stop that one, or use another \
             home and port: TURNSTILE_HOME=.turnstile2 PORT=5010 make run",
            home.root().display()
        ),
    }
}

fn check_port(settings: &Settings) -> Result<()> {
    if !ports::is_free(settings.bind_address, settings.port) {
        let other = settings.port.checked_add(10).unwrap_or(5010);
        bail!("port {} is taken: choose another, for example PORT={other} make run", settings.port);
    }
    if let Some(bind) = settings.rules_bind
        && !ports::is_free(bind.ip(), bind.port())
    {
        bail!("{bind} is taken: choose another address for the health of rules with RULES_BIND");
    }
    Ok(())
}

/// The wiring of a home: given servers where the settings name them, private ones elsewhere.
///
/// # Errors
/// If the home's passwords can not be read or made.
pub fn wire(
    settings: &Settings,
    broker: &Option<GivenBroker>,
    home: &Home,
    ports: &Ports,
) -> Result<Wiring> {
    let database_url =
        settings.database_url().unwrap_or_else(|| postgres::url(ports.postgres, DATABASE));
    let (amqp_url, rules_amqp_url) = match broker {
        Some(GivenBroker { ticketing, rules }) => (ticketing.clone(), rules.clone()),
        None => {
            let passwords = servers::passwords(home)?;
            let url = |user| rabbitmq::amqp_url(ports.amqp, user, &passwords, VHOST);
            (url(BrokerUser::Ticketing), url(BrokerUser::Rules))
        }
    };
    let rules_here = SocketAddr::from((Ipv4Addr::LOCALHOST, ports.rules));
    Ok(Wiring {
        home: home.clone(),
        database_url,
        amqp_url,
        rules_amqp_url,
        bind_address: settings.bind_address,
        port: settings.port,
        public_url: settings.public_url(),
        rules_bind: settings.rules_bind.unwrap_or(rules_here),
        more: Vec::new(),
    })
}

/// All that runs; a server that is not ours is not there.
struct Parts {
    ticketing: Service,
    rules: Service,
    postgres: Option<Postgres>,
    rabbitmq: Option<RabbitMq>,
}

impl Parts {
    async fn start(&mut self, wiring: &Wiring) -> Result<()> {
        if self.postgres.is_some() || self.rabbitmq.is_some() {
            tell("Starting the private servers (some 10 s the first time) …".into());
        }
        let database = async {
            match &mut self.postgres {
                Some(postgres) => {
                    postgres.start().await?;
                    postgres.create_database(DATABASE).await
                }
                None => Ok(()),
            }
        };
        let broker = async {
            match &mut self.rabbitmq {
                Some(rabbitmq) => rabbitmq.start().await,
                None => Ok(()),
            }
        };
        tokio::try_join!(database, broker)?;
        wiring.generate_keys().await?;
        wiring.migrate().await?;
        tokio::try_join!(self.rules.start(), self.ticketing.start())?;
        Ok(())
    }

    async fn stop(&mut self, stop: &Stop) -> Result<()> {
        let services = tokio::join!(
            self.ticketing.stop_or_kill(&stop.hurry),
            self.rules.stop_or_kill(&stop.hurry)
        );
        // Whatever one says, the others are stopped too.
        let broker = match &mut self.rabbitmq {
            Some(rabbitmq) => rabbitmq.stop_or_kill(&stop.hurry).await,
            None => Ok(()),
        };
        let database = match &mut self.postgres {
            Some(postgres) => postgres.stop_or_kill(&stop.hurry).await,
            None => Ok(()),
        };
        services.0.and(services.1).and(broker).and(database)
    }

    /// Keeps everything alive until asked to stop; then stops it all, group by group.
    async fn watch(self, stop: &Stop) -> Result<()> {
        let services = Watched::new(stop);
        let tasks = [services.add(self.ticketing), services.add(self.rules)];
        let servers = Watched::new(stop);
        let rabbitmq = self.rabbitmq.map(|rabbitmq| servers.add(rabbitmq));
        let last = Watched::new(stop);
        let postgres = self.postgres.map(|postgres| last.add(postgres));
        stop.asked.cancelled().await;
        say::say("\nStopping (Ctrl-C again: at once) …");
        let services = services.stop(tasks).await;
        let broker = servers.stop(rabbitmq).await;
        let database = last.stop(postgres).await;
        services.and(broker).and(database)
    }
}

/// A group that is watched over and stopped together.
struct Watched {
    stop: CancellationToken,
    hurry: CancellationToken,
}

impl Watched {
    fn new(stop: &Stop) -> Self {
        Self { stop: CancellationToken::new(), hurry: stop.hurry.clone() }
    }

    fn add(&self, unit: impl Unit) -> JoinHandle<Result<()>> {
        tokio::spawn(supervise(unit, self.stop.clone(), self.hurry.clone(), tell))
    }

    async fn stop(&self, tasks: impl IntoIterator<Item = JoinHandle<Result<()>>>) -> Result<()> {
        self.stop.cancel();
        let mut stopped = Ok(());
        for task in tasks {
            stopped = stopped.and(task.await.context("a watcher failed").flatten());
        }
        stopped
    }
}

fn tell(text: String) {
    say::say(text);
}
