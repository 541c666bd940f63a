//! The command line: `serve`, and what operators do beside it. Settings stand in `config.rs`, the
//! service in `app.rs`.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;
use rustix::thread::disable_transparent_huge_pages;
use shared_events::WalletId;
use shared_events::topology::{QUEUES, VENUES_LOG};
use ticketing::accounts::grant::{self, Grant};
use ticketing::accounts::keys;
use ticketing::accounts::samples::{self, Sample};
use ticketing::api::server;
use ticketing::app::{self, App};
use ticketing::config::{BrokerSettings, DatabaseSettings, LogSettings, SampleSettings, Settings};
use ticketing::platform::broker::Broker;
use ticketing::platform::clock::Clock;
use ticketing::platform::database::Database;
use ticketing::platform::event_store::EventStore;
use ticketing::platform::{dead_letters, projection_copy, telemetry};
use ticketing::venues::sample_season::{self, Season};
use ticketing::verify;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Frees what large requests and password hashes took, and costs less than the system's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[derive(Parser)]
#[command(about = "The ticketing service of Turnstile", version)]
struct Program {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    log: LogSettings,
}

#[derive(Subcommand)]
enum Command {
    /// Serve HTTP and do the work behind it.
    Serve(Box<Settings>),
    /// Bring the schema up to date.
    Migrate {
        #[command(flatten)]
        database: DatabaseSettings,
        /// The database was restored from a dump: begin a new history, so that messages of the
        /// other are told apart.
        #[arg(long)]
        restored: bool,
    },
    /// Print the OpenAPI document.
    Openapi,
    /// Build a projection again from history and swap it in.
    Rebuild {
        /// Which one, for example `links`.
        projection: String,
        #[command(flatten)]
        database: DatabaseSettings,
    },
    /// Show that everything read follows from history, and that history holds what is promised.
    Verify {
        #[command(flatten)]
        database: DatabaseSettings,
    },
    /// Send the dead letters of a queue back into it.
    Redrive {
        /// Which one, for example `ticketing.record_verdicts`.
        queue: String,
        #[command(flatten)]
        broker: BrokerSettings,
    },
    /// Grant an account a tier or the role of an administrator.
    Grant {
        /// Whose account.
        username: String,
        /// `premium`, `standard`, `default` or `admin`.
        grant: Grant,
        #[command(flatten)]
        database: DatabaseSettings,
    },
    /// Fill a season to try things out: stadiums, matches, seats on sale, and people with tokens.
    /// What is there already stays.
    GenerateData(SampleSettings),
    /// Make a first key for login tokens, if the folder has none.
    GenerateKey {
        /// The folder, `TOKEN_KEYS_DIR`.
        folder: PathBuf,
    },
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let program = Program::parse();
    match program.command {
        Command::Serve(settings) => serve(*settings, &program.log.log).await,
        Command::Migrate { database, restored } => migrate(&database, restored).await,
        Command::Openapi => say(&app::document().yaml),
        Command::Rebuild { projection, database } => rebuild(&projection, &database).await,
        Command::Verify { database } => run_verify(&database).await,
        Command::Redrive { queue, broker } => redrive(&queue, &broker.amqp_url).await,
        Command::Grant { username, grant, database } => {
            let database = Database::new(&database)?;
            grant::grant(&database, &Clock::default(), &username, grant).await?;
            say(&format!("granted {grant} to {username}\n"))
        }
        Command::GenerateData(settings) => generate_data(&settings).await,
        Command::GenerateKey { folder } => match keys::generate(&folder, &Clock::default())? {
            Some(file) => say(&format!("made {}\n", file.display())),
            None => say("there is a key already\n"),
        },
    }
}

async fn serve(settings: Settings, log: &str) -> anyhow::Result<()> {
    let _logging = telemetry::start_logging(log);
    // With pages of 2 MiB the allocator keeps twice what is in use. Not every sandbox allows it.
    if let Err(error) = disable_transparent_huge_pages(true) {
        tracing::warn!(%error, "large pages of memory are used");
    }
    let metrics = telemetry::start_metrics()?;
    let listener = server::listen(settings.http.bind_address, settings.http.port)?;
    let app = App::build(settings, metrics)?;
    let shutdown = CancellationToken::new();
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let asked = shutdown.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        asked.cancel();
    });
    app.serve(listener, shutdown).await
}

async fn migrate(settings: &DatabaseSettings, restored: bool) -> anyhow::Result<()> {
    let database = Database::new(settings)?;
    let applied = database.migrate().await?;
    for migration in &applied {
        say(&format!("applied {migration}\n"))?;
    }
    if applied.is_empty() {
        say("the schema is up to date\n")?;
    }
    if restored {
        database.begin_new_history().await?;
        say("a new history has begun: messages of the other one will be dropped\n")?;
    }
    Ok(())
}

async fn rebuild(name: &str, settings: &DatabaseSettings) -> anyhow::Result<()> {
    let projections = app::projections();
    let known: Vec<_> = projections.iter().map(|projection| projection.name()).collect();
    let projection = projections.iter().find(|projection| projection.name() == name);
    let projection = projection.with_context(|| format!("the projections are {known:?}"))?;
    let database = Database::new(settings)?;
    let mut client = database.connect_as_owner("ticketing rebuild").await?;
    let position = projection_copy::rebuild(&mut client, &**projection).await?;
    say(&format!("rebuilt {name} from {position} events\n"))
}

async fn run_verify(settings: &DatabaseSettings) -> anyhow::Result<()> {
    let database = Database::new(settings)?;
    let projections = app::projections();
    let projections: Vec<_> = projections.iter().map(|projection| &**projection).collect();
    let findings = verify::verify(&database, &projections, &app::invariants()).await?;
    for finding in &findings {
        let mark = if finding.violations == 0 { "ok  " } else { "FAIL" };
        say(&format!("{mark} {}", finding.name))?;
        say(&match finding.violations {
            0 => "\n".to_owned(),
            violations => format!(": {violations} violations\n"),
        })?;
    }
    let failed = findings.iter().filter(|finding| finding.violations > 0).count();
    ensure!(failed == 0, "{failed} of {} checks failed", findings.len());
    say(&format!("all {} checks passed\n", findings.len()))
}

async fn generate_data(settings: &SampleSettings) -> anyhow::Result<()> {
    let database = Database::new(&settings.database)?;
    database.migrate().await?;
    let clock = Clock::default();
    clock.measure(&database).await?;
    clock.follow_test_clock(&database).await?;
    let people = samples::generate(&database, &clock, &settings.token_keys_dir).await?;
    let accounts: Vec<_> = people.iter().map(|person| person.id).collect();
    let store = EventStore::open(VENUES_LOG, database.clone());
    let made = sample_season::generate(store, settings.currency.into(), &accounts, clock.now());
    let made = made.await?;
    let Season { stadiums, matches, tickets, on_sale } = made;
    say(&format!("{stadiums} stadiums, {matches} matches, {tickets} tickets new on sale\n"))?;
    say(&match on_sale {
        Some((id, title)) => format!("match {id} is on sale: {title}\n"),
        None => "no match is on sale any more: all have begun\n".to_owned(),
    })?;
    say("username, account, wallet, token:\n")?;
    for Sample { id, username, token } in people {
        let wallet = WalletId::of(id);
        say(&format!("{username} {id} {wallet} {token}\n"))?;
    }
    Ok(())
}

async fn redrive(name: &str, amqp_url: &str) -> anyhow::Result<()> {
    let Some(queue) = QUEUES.iter().find(|queue| queue.name == name) else {
        bail!("the queues are {:?}", QUEUES.map(|queue| queue.name));
    };
    let sent = dead_letters::redrive(&Broker::new(amqp_url)?, queue).await?;
    say(&format!("sent {sent} messages back into {name}\n"))
}

/// Command output. A reader who has gone away is no failure of ours.
fn say(text: &str) -> anyhow::Result<()> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        otherwise => Ok(otherwise?),
    }
}
