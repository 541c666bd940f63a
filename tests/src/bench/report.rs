//! The table people read and the JSON that later runs are compared with.

use std::fmt::Write;
use std::path::PathBuf;
use std::thread::available_parallelism;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::rounds::{Plan, Row, Series};
use super::usage::load_average;

/// The name of the JSON file, in the folder that holds the folder of this program (`target`).
const FILE: &str = "bench.json";

/// Everything as a table; each value is a median with smallest and largest.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::new();
    let head = ["figure", "unit", "median", "min", "max", "reference", "median", "min", "max"];
    line(&mut text, head.map(str::to_owned), "ratio");
    for row in rows {
        let [median, min, max] = shown(&row.ours);
        let (what, [other, low, high]) = match &row.reference {
            Some(reference) => (reference.what, shown(&reference.series)),
            None => ("", Default::default()),
        };
        let ratio = row.ratio().map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        let (name, unit, what) = (row.name.to_owned(), row.unit.to_owned(), what.to_owned());
        line(&mut text, [name, unit, median, min, max, what, other, low, high], &ratio);
    }
    text
}

fn line(text: &mut String, cells: [String; 9], ratio: &str) {
    let [name, unit, median, min, max, what, other, low, high] = cells;
    // Writing to a string does not fail.
    let _ = writeln!(
        text,
        "{name:<38} {unit:<5} {median:>8} {min:>8} {max:>8}   {what:<34} {other:>8} {low:>8} {high:>8} {ratio:>6}"
    );
}

fn shown(series: &Series) -> [String; 3] {
    [series.median(), series.min(), series.max()]
        .map(|value| if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.1}") })
}

/// Writes the JSON; answers where.
///
/// # Errors
/// If it can not be written.
pub fn write(rows: &[Row], failures: &[String], plan: Plan, load: &str) -> Result<PathBuf> {
    let own = std::env::current_exe().context("where this program is")?;
    let file = own.ancestors().nth(2).context("the folder of builds")?.join(FILE);
    let document = json!({
        "cores": available_parallelism().map_or(0, usize::from),
        "load_average_before": load,
        "load_average_after": load_average(),
        "rounds": plan.rounds,
        "seconds": plan.lasting.as_secs_f64(),
        "figures": rows.iter().map(figure).collect::<Vec<_>>(),
        "failures": failures,
    });
    std::fs::write(&file, serde_json::to_string_pretty(&document)?)
        .with_context(|| format!("writing {}", file.display()))?;
    Ok(file)
}

fn figure(row: &Row) -> Value {
    let reference = row.reference.as_ref().map(|reference| {
        let mut values = values(&reference.series);
        if let Some(values) = values.as_object_mut() {
            values.insert("what".to_owned(), reference.what.into());
        }
        values
    });
    json!({
        "figure": row.name,
        "unit": row.unit,
        "ours": values(&row.ours),
        "reference": reference,
        "ratio": row.ratio(),
    })
}

fn values(series: &Series) -> Value {
    json!({
        "median": series.median(), "min": series.min(), "max": series.max(), "rounds": series.0
    })
}
