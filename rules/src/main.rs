//! The program: reads settings, starts what the library offers, and stops it in order. No rule of
//! the trade is here.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Parser;
use rules::config::{Cli, Command, GenerateKey, Serve};
use rules::consumer::Answering;
use rules::health::{self, Health, Status};
use rules::keys::{self, Generated};
use rules::rule_set::RuleSet;
use rules::rules_file::{self, RulesFile};
use rules::supervisor;
use rules::telemetry;
use shared_events::Tier;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Serve(settings) => {
            telemetry::start_logging(&cli.log);
            serve(settings).inspect_err(|error| {
                let error = format!("{error:#}");
                tracing::error!(error, "the rule service can not start");
            })
        }
        Command::GenerateKey(files) => generate_key(&files).inspect_err(complain),
        Command::CheckRules { file } => check_rules(&file).inspect_err(complain),
    };
    if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[tokio::main]
async fn serve(settings: Serve) -> anyhow::Result<()> {
    let metrics = telemetry::start_metrics()?;
    let signer = Arc::new(keys::read_signer(&settings.link_signing_key_file)?);
    let stop = stop_on_signals()?;
    let mut tasks = JoinSet::new();
    let rules = match settings.rules_file {
        None => rules_file::built_in()?,
        Some(path) => {
            let (file, rules) = RulesFile::open(path)?;
            tasks.spawn(file.watch(stop.clone()));
            rules
        }
    };
    let version = rules.borrow().version().to_owned();
    rules_file::report_rules(None, &version);
    let status = Arc::new(Status::default());
    status.set_connected(false);

    // Health is served until the last request in hand is done, so probes see a draining service,
    // not a dead one.
    let served = CancellationToken::new();
    let listener = TcpListener::bind(settings.bind)
        .await
        .with_context(|| format!("RULES_BIND {}", settings.bind))?;
    let health = Health { status: status.clone(), rules: rules.clone(), metrics: metrics.clone() };
    tasks.spawn(health::serve(listener, Arc::new(health), served.clone()));
    tasks.spawn(telemetry::keep_metrics(metrics, served.clone()));
    tracing::info!(health = %settings.bind, broker = ?settings.amqp_url, version, "started");

    let draining = stop.clone();
    let noted = status.clone();
    tasks.spawn(async move {
        draining.cancelled().await;
        noted.set_stopping();
        tracing::info!("stopping");
    });
    let answering = Answering { rules, signer };
    supervisor::run(&settings.amqp_url.0, &answering, &status, &stop).await;
    served.cancel();
    tasks.join_all().await;
    tracing::info!("stopped");
    Ok(())
}

/// A token that SIGTERM and SIGINT cancel.
fn stop_on_signals() -> anyhow::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = CancellationToken::new();
    let signalled = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        signalled.cancel();
    });
    Ok(stop)
}

#[expect(clippy::print_stdout, reason = "the command's output")]
fn generate_key(files: &GenerateKey) -> anyhow::Result<()> {
    let (private, public) = (files.private.display(), files.public.display());
    match keys::generate(&files.private, &files.public)? {
        Generated::NewKey => println!("new key in {private}, its public half in {public}"),
        Generated::KeptKey => {
            println!("kept the key in {private}, wrote its public half to {public}")
        }
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the command's output")]
fn check_rules(file: &Path) -> anyhow::Result<()> {
    let (_, rules) = RulesFile::open(file.to_owned())?;
    let rules: Arc<RuleSet> = rules.borrow().clone();
    for tier in Tier::ALL {
        println!("{tier}: {}", rules.rule(tier));
    }
    println!("version: {}", rules.version());
    Ok(())
}

#[expect(clippy::print_stderr, reason = "the command's output")]
fn complain(error: &anyhow::Error) {
    eprintln!("rules: {error:#}");
}
