//! `tests/RESULTS.md`, written from what the full profile has shown.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::checkers::{AUDITORS, CHECKERS};
use super::controls::Control;
use super::fault::Fault;
use super::state::State;

/// Promises that tests hold all the time, with the command that shows each.
const ELSEWHERE: [(&str, &str); 5] = [
    (
        "23:59:59.999, 00:00:00, leap day, time zone changes; 100,000 cases",
        "`PROPTEST_CASES=100000 cargo test -p rules`",
    ),
    ("bad bodies and fields through the OpenAPI document", "`make fuzz-api`"),
    (
        "owner, other, anonymous, other role on every route",
        "`cargo test -p tests --test it contracts::rights`",
    ),
    ("brute force: 429", "`cargo test -p tests --test it gate::limits`"),
    (
        "a hold that ends at the instant of its payment or of its outcome (±5 ms); 1,000 races of each: ticket or refund",
        "`RACES=1000 cargo test -p tests --test it market::races`",
    ),
];

/// Writes the file; answers where it is.
///
/// # Errors
/// If it can not be written.
pub fn write(state: &State) -> Result<PathBuf> {
    let file = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/RESULTS.md"));
    let text = text(state)?;
    std::fs::write(&file, text).with_context(|| format!("writing {}", file.display()))?;
    Ok(file)
}

fn text(state: &State) -> Result<String> {
    let mut text = String::new();
    let names = CHECKERS.iter().map(|one| one.name).chain(AUDITORS.iter().map(|one| one.name));
    let names: Vec<&str> = names.collect();
    writeln!(text, "# What the system survives\n")?;
    let (seed, names) = (state.seed, names.join(", "));
    text += &format!(
        "Written by `make chaos-full` (`turnstile chaos --report`), seed {seed}. Each row is a run of its own:\n\
         servers and services are started, clients work all the time, the fault happens as often as said, then\n\
         every checker looks:\n{names}.\n\n"
    );
    writeln!(text, "| fault | times | promised | median | worst | calls | checkers | date |")?;
    writeln!(text, "| --- | ---: | --- | ---: | ---: | ---: | --- | --- |")?;
    for fault in Fault::value_variants() {
        let target = fault.target();
        let promised = format!("{} within {:.1} s", target.what, target.within.as_secs_f64());
        let Some(row) = state.faults.get(fault) else {
            writeln!(text, "| `{}` | | {promised} | | | | not run yet | |", fault.name())?;
            continue;
        };
        let (median, worst) = row.median_and_worst().unwrap_or_default();
        let verdict = match row.failures.len() {
            0 => "all green".to_owned(),
            count => format!("**{count} failures**"),
        };
        let (name, fired, calls, date) = (fault.name(), row.fired, row.calls, &row.date);
        let (median, worst) = (median.as_secs_f64(), worst.as_secs_f64());
        writeln!(
            text,
            "| `{name}` | {fired} | {promised} | {median:.2} s | {worst:.2} s | {calls} | {verdict} | {date} |"
        )?;
    }
    controls(state, &mut text)?;
    writeln!(text, "\n## Shown elsewhere\n\n| promise | command |\n| --- | --- |")?;
    for (promise, command) in ELSEWHERE {
        writeln!(text, "| {promise} | {command} |")?;
    }
    Ok(text)
}

/// What each control has shown.
fn controls(state: &State, text: &mut String) -> Result<()> {
    writeln!(text, "\n## Controls\n")?;
    writeln!(
        text,
        "Each breaks one thing from outside, without the healing that would hide it. Each named part of a checker has to turn red,"
    )?;
    writeln!(text, "and under the same scenario without the breaking all have to be green.\n")?;
    writeln!(text, "| control | checker | broken | whole |\n| --- | --- | --- | --- |")?;
    for control in Control::value_variants() {
        let (name, guards) = (control.name(), control.guards());
        match state.controls.get(control) {
            Some(shown) => {
                let broken = match shown.green(*control).as_slice() {
                    [] => "red".to_owned(),
                    green => format!("**green**: {}", green.join(", ")),
                };
                let whole = if shown.whole.is_empty() { "green" } else { "**red**" };
                writeln!(text, "| `{name}` | {guards} | {broken} | {whole} |")?;
            }
            None => writeln!(text, "| `{name}` | {guards} | not run yet | |")?,
        }
    }
    Ok(())
}
