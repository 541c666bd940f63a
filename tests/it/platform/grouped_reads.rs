//! Grouped reads: what fails for a group, and what does not outlive it.

use ticketing::platform::database::DatabaseError;
use ticketing::platform::grouped_reads::GroupedReads;

use crate::harness::{PATIENCE, Place};

#[tokio::test]
async fn a_reader_that_panicked_reads_on() {
    let reads = GroupedReads::start(|keys: Vec<u32>| async move {
        assert!(!keys.contains(&13), "on purpose");
        Ok::<_, DatabaseError>(keys)
    });
    for _ in 0..5 {
        assert!(reads.read(13).await.is_err());
        let read = tokio::time::timeout(PATIENCE, reads.read(7)).await;
        assert_eq!(read.expect("answered").unwrap(), 7);
    }
}

#[tokio::test]
async fn whoever_asked_learns_why_the_group_failed() {
    let (_place, database) = Place::migrated().await;
    let reads = GroupedReads::start(move |keys: Vec<u32>| {
        let database = database.clone();
        async move {
            database.get().await?.execute("select 1 from nowhere", &[]).await?;
            Ok(keys)
        }
    });
    let refused = reads.read(1).await.unwrap_err();
    assert_eq!(refused.sql_state().map(|state| state.code()), Some("42P01"));
}

#[tokio::test]
async fn a_read_that_is_never_answered_is_given_up() {
    let reads = GroupedReads::start(|_: Vec<u32>| std::future::pending());
    let read = tokio::time::timeout(PATIENCE, reads.read(1)).await;
    let read: Result<u32, _> = read.expect("given up");
    assert!(read.is_err());
}
