//! `schema/current` is what the migrations lead to: the same database whichever of the two made it.

use std::path::Path;

use tests::programs;
use ticketing::platform::database::Database;

use crate::harness::{Place, servers};

const CURRENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../schema/current");

/// The schema as `pg_dump` tells it, without what differs between any two dumps.
async fn dump(place: &Place) -> Vec<String> {
    let programs = programs::postgres(None).expect("the programs of Postgres");
    let program = programs.postgres.with_file_name("pg_dump");
    let output = tokio::process::Command::new(program)
        .args(["--schema-only", "--exclude-table=refinery_schema_history"])
        .arg(servers().database_url(&place.name))
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let differs = |line: &&str| line.starts_with("--") || line.starts_with('\\') || line.is_empty();
    text.lines().filter(|line| !differs(line)).map(str::to_owned).collect()
}

/// Runs every file, those that need another's object after it.
async fn run_current(database: &Database) {
    let client = database.connect_as_owner("test").await.unwrap();
    let mut files: Vec<_> =
        Path::new(CURRENT).read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    while !files.is_empty() {
        let mut left = Vec::new();
        let mut last = String::new();
        for file in &files {
            let text = std::fs::read_to_string(file).unwrap();
            if let Err(error) = client.batch_execute(&text).await {
                last = format!("{}: {error:?}", file.display());
                left.push(file.clone());
            }
        }
        assert!(left.len() < files.len(), "{last}");
        files = left;
    }
}

#[tokio::test]
async fn the_migrations_lead_to_the_schema_that_is_written_down() {
    let (migrated, _) = Place::migrated().await;
    let written = Place::new().await;
    run_current(&written.database()).await;
    similar(&dump(&migrated).await, &dump(&written).await);
}

fn similar(migrated: &[String], written: &[String]) {
    for (line, (left, right)) in migrated.iter().zip(written).enumerate() {
        assert_eq!(left, right, "line {line} of the dump: migrations left, schema/current right");
    }
    assert_eq!(migrated.len(), written.len());
}

#[tokio::test]
async fn a_second_migration_changes_nothing() {
    let (_place, database) = Place::migrated().await;
    assert!(database.migrate().await.unwrap().is_empty());
}

#[tokio::test]
async fn two_processes_may_migrate_at_once() {
    let place = Place::new().await;
    let (one, two) = (place.database(), place.database());
    let (one, two) = tokio::join!(one.migrate(), two.migrate());
    let applied = [one.unwrap().len(), two.unwrap().len()];
    assert!(applied.contains(&0) && applied.iter().sum::<usize>() > 0, "{applied:?}");
}

#[test]
fn the_diagram_of_all_tables_is_drawn_from_the_schema() {
    let root = Path::new(CURRENT).ancestors().nth(2).unwrap();
    let text = std::fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    assert_eq!(text, tests::diagram::drawn(root).unwrap(), "run `make diagram`");
}
