//! `turnstile`: runs everything on this machine. Only reading the command line is here; the
//! commands are in the library, each in a module of its own.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use tests::settings::Settings;
use tests::{admin, bench, chaos, diagram, run, say, throwaway, with_system};

/// Runs Turnstile with private servers on this machine.
#[derive(Parser)]
#[command(name = "turnstile", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts servers and services, and keeps them running until Ctrl-C.
    Run(Settings),
    /// Checks the stored history and all projections, beside a running system or alone.
    Verify(Settings),
    /// Gives an account a tier (premium, standard, default), or the role admin.
    Grant {
        /// Whose account.
        username: String,
        /// The tier, or `admin`.
        tier: String,
        #[command(flatten)]
        settings: Settings,
    },
    /// Fills a season of stadiums, matches and people to try things out, and prints their tokens.
    GenerateData(Settings),
    /// Starts throwaway servers, prints where they are as one line of JSON, and deletes them at the
    /// end of input.
    Servers,
    /// Measures a whole system on servers of its own, each figure beside a reference.
    Bench(bench::Options),
    /// Breaks a whole system on servers of its own, and checks what is left of it.
    Chaos(chaos::Options),
    /// Draws the tables of `schema/current` into ARCHITECTURE.md of this folder.
    Diagram,
    /// Serves an empty handler until the end of input: what the benchmark compares with.
    #[command(hide = true)]
    EmptyServer,
    /// Runs a command beside a throwaway system of its own, found by TURNSTILE_URL and
    /// TURNSTILE_ADMIN_TOKEN; ends as the command does.
    WithSystem {
        /// The program and its arguments, after `--`.
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match perform(Arguments::parse().command).await {
        Ok(code) => code,
        Err(error) => {
            say::note(format!("turnstile: {error:#}."));
            ExitCode::FAILURE
        }
    }
}

async fn perform(command: Command) -> Result<ExitCode> {
    let status = match command {
        Command::Run(settings) => return run::run(&settings).await.map(|()| ExitCode::SUCCESS),
        Command::Servers => return throwaway::serve().await.map(|()| ExitCode::SUCCESS),
        Command::WithSystem { command } => with_system::run(&command).await?,
        Command::Bench(options) => return bench::run(&options).await.map(|()| ExitCode::SUCCESS),
        Command::Chaos(options) => return chaos::run(&options).await.map(|()| ExitCode::SUCCESS),
        Command::Diagram => {
            return diagram::write(Path::new(".")).map(|()| ExitCode::SUCCESS);
        }
        Command::EmptyServer => {
            return bench::empty_server::serve().await.map(|()| ExitCode::SUCCESS);
        }
        Command::Verify(settings) => admin::ticketing(&settings, &["verify"]).await?,
        Command::GenerateData(settings) => admin::ticketing(&settings, &["generate-data"]).await?,
        Command::Grant { username, tier, settings } => {
            admin::ticketing(&settings, &["grant", &username, &tier]).await?
        }
    };
    // Killed by a signal, it has no code.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
