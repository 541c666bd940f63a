//! What `.cargo/config.toml` asks of the allocator has reached the program: with flags for C of
//! one's own in the environment it does not.

use tests::service::program;
use tokio::process::Command;

#[tokio::test]
async fn what_is_large_is_given_back_at_once() {
    let mut ticketing = Command::new(program("ticketing").unwrap());
    let told = ticketing.arg("--version").env("MIMALLOC_VERBOSE", "1").output().await.unwrap();
    let told = String::from_utf8(told.stderr).unwrap();
    assert!(told.contains("option 'arena_max_object_size': 4096 KiB"), "{told}");
}
