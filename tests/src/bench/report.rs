//! The table people read and the JSON that later runs are compared with.

use std::path::PathBuf;
use std::thread::available_parallelism;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::rounds::Plan;
use super::row::{Row, Series};
use super::usage::load_average;

/// The name of the JSON file, in the folder that holds the folder of this program (`target`).
const FILE: &str = "bench.json";

const HEAD: [&str; 8] =
    ["figure", "unit", "ours", "reference", "its value", "ratio", "target", "met"];

/// Everything as a Markdown table, aligned; each value is a median with smallest and largest.
pub fn table(rows: &[Row]) -> String {
    let rule = [const { String::new() }; HEAD.len()];
    let cells: Vec<_> = rows.iter().map(cells).collect();
    let lines = [HEAD.map(str::to_owned), rule].into_iter().chain(cells).collect::<Vec<_>>();
    let mut widths = [0; HEAD.len()];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        // The second line of such a table is dashes.
        let fill = if number == 1 { '-' } else { ' ' };
        for (cell, width) in line.iter().zip(widths) {
            let missing = width.saturating_sub(cell.chars().count());
            text.push_str("| ");
            text.push_str(cell);
            text.extend(std::iter::repeat_n(fill, missing));
            text.push(' ');
        }
        text.push_str("|\n");
    }
    text
}

fn cells(row: &Row) -> [String; HEAD.len()] {
    let (what, other) = match &row.reference {
        Some(reference) => (reference.what.clone(), shown(&reference.series)),
        None => Default::default(),
    };
    let ratio = row.ratio().map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
    let target = row.target.map(|target| target.to_string()).unwrap_or_default();
    let met = row.is_met().map_or("", |met| if met { "yes" } else { "NO" });
    let (name, unit) = (row.name.clone(), row.unit.to_owned());
    [name, unit, shown(&row.ours), what, other, ratio, target, met.to_owned()]
}

fn shown(series: &Series) -> String {
    let [median, min, max] = [series.median(), series.min(), series.max()]
        .map(|value| if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.1}") });
    format!("{median} ({min}–{max})")
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
        "plan": plan,
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
            values.insert("what".to_owned(), reference.what.as_str().into());
        }
        values
    });
    json!({
        "figure": row.name,
        "unit": row.unit,
        "ours": values(&row.ours),
        "reference": reference,
        "ratio": row.ratio(),
        "target": row.target.map(|target| target.to_string()),
        "met": row.is_met(),
    })
}

fn values(series: &Series) -> Value {
    json!({
        "median": series.median(), "min": series.min(), "max": series.max(), "rounds": series.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::row::Target;

    #[test]
    fn the_table_shows_what_was_missed() {
        let beside = Row::new("a", "1/s", Series(vec![3.0])).beside("b", &Series(vec![300.0]));
        let rows =
            [beside.should_be(Target::RatioAtLeast(0.5)), Row::new("c", "ms", Series::default())];
        let expected = "\
            | figure | unit | ours          | reference | its value     | ratio | target   | met |\n\
            | ------ | ---- | ------------- | --------- | ------------- | ----- | -------- | --- |\n\
            | a      | 1/s  | 3.0 (3.0–3.0) | b         | 300 (300–300) | 0.01  | ≥ 0.50 x | NO  |\n\
            | c      | ms   | 0.0 (0.0–0.0) |           |               |       |          |     |\n";
        assert_eq!(table(&rows), expected);
    }
}
