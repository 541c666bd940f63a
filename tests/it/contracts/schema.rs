//! `schema/current` is what the migrations lead to: the same database whichever of the two made it.

use std::path::Path;

use tests::programs;
use ticketing::platform::database::{Database, DatabaseError};

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

/// An earlier version could not start again beside a newer one, nor after it.
#[tokio::test]
async fn a_schema_that_is_newer_than_the_program_is_left_as_it_is() {
    let (_place, database) = Place::migrated().await;
    let newer = "insert into refinery_schema_history \
                 select version + 1, 'of_tomorrow', applied_on, checksum \
                 from refinery_schema_history order by version desc limit 1";
    let owner = database.connect_as_owner("test").await.unwrap();
    assert_eq!(owner.execute(newer, &[]).await.unwrap(), 1);
    assert!(database.migrate().await.unwrap().is_empty());
    assert!(database.migrate().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_migration_that_was_passed_over_is_not_forgotten() {
    let (_place, database) = Place::migrated().await;
    let owner = database.connect_as_owner("test").await.unwrap();
    let forget = "delete from refinery_schema_history where version = 2";
    assert_eq!(owner.execute(forget, &[]).await.unwrap(), 1);
    let refused = database.migrate().await.unwrap_err();
    assert!(matches!(&refused, DatabaseError::PassedOver(name) if name.starts_with("V2__")));
}

#[tokio::test]
async fn a_migration_does_not_queue_up_everybody_behind_a_table_that_is_in_use() {
    let (_place, database) = Place::migrated().await;
    let mut owner = database.connect_as_owner("test").await.unwrap();
    let holding = owner.transaction().await.unwrap();
    let hold = "lock table refinery_schema_history in access exclusive mode";
    holding.batch_execute(hold).await.unwrap();
    let refused = database.migrate().await.unwrap_err();
    assert!(matches!(refused, DatabaseError::InUse) && refused.is_away(), "{refused:?}");
    holding.rollback().await.unwrap();
    assert!(database.migrate().await.unwrap().is_empty());
}

#[test]
fn the_diagram_of_all_tables_is_drawn_from_the_schema() {
    let root = Path::new(CURRENT).ancestors().nth(2).unwrap();
    let text = std::fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    assert_eq!(text, tests::diagram::drawn(root).unwrap(), "run `make diagram`");
}
