//! A running system with a client: one that most tests share, and one of its own for a test that
//! moves the clock, kills processes or needs other settings.
//!
//! `answer` reads what it says, `people` makes accounts, `inside` looks behind the API. Not here:
//! what tests ask of it.

pub(crate) mod answer;
pub(crate) mod inside;
pub(crate) mod people;

use std::process::{Child, Command, Stdio};
use std::sync::{OnceLock, mpsc};

use chrono::{DateTime, TimeDelta, Utc};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::json;
use tests::local;
use tests::system::System;

use crate::harness::servers;
use answer::Ask;

/// A running Turnstile as a client sees it; [`World::system`] is for tests that break it.
pub(crate) struct World {
    pub(crate) system: System,
    http: Client,
    _undertaker: Undertaker,
}

impl World {
    /// The system that most tests share: without rate limits, with the real clock. Nobody stops or
    /// changes it.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<World> = OnceLock::new();
        SHARED.get_or_init(|| for_all(|| Self::start(&[])))
    }

    /// A system of its own, without rate limits unless `more` says so.
    pub(crate) async fn start(more: &[(&str, &str)]) -> Self {
        // A backtrace would bury what commands say.
        let always = [("RATE_LIMITS", "off"), ("RUST_BACKTRACE", "")];
        let settings: Vec<_> = always.iter().chain(more).copied().collect();
        let system = System::start(servers(), &settings).await.expect("a running system");
        let undertaker = Undertaker::of(&system);
        Self { system, http: local::client(), _undertaker: undertaker }
    }

    /// A system whose clock this test can move forward; it goes on by itself as well, as any clock.
    pub(crate) async fn with_test_clock() -> Self {
        Self::start(&[("TEST_CLOCK", "1")]).await
    }

    /// The client, for other replicas and services.
    pub(crate) fn http(&self) -> &Client {
        &self.http
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.system.url()))
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    /// The time of its test clock.
    pub(crate) async fn now(&self) -> DateTime<Utc> {
        self.get("/test/clock").ask().await.is(200).member("now").parse().expect("a time")
    }

    /// Moves its test clock forward.
    pub(crate) async fn move_clock_to(&self, to: DateTime<Utc>) {
        let moved = self.request(Method::PUT, "/test/clock").json(&json!({ "now": to })).ask();
        let now: DateTime<Utc> = moved.await.is(200).member("now").parse().expect("a time");
        assert!(now >= to, "the clock did not move");
    }

    /// Moves its test clock forward by so much.
    pub(crate) async fn time_passes(&self, time: TimeDelta) {
        self.move_clock_to(self.now().await + time).await;
    }
}

/// What `start` starts, on a runtime that never ends: each test has one that ends with it.
pub(crate) fn for_all<T, Starting>(start: impl FnOnce() -> Starting + Send + 'static) -> T
where
    T: Send + 'static,
    Starting: Future<Output = T>,
{
    let (started, wait) = mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            // Whoever asked waits, unless the test is over.
            let _ = started.send(start().await);
            std::future::pending::<()>().await;
        });
    });
    wait.recv().expect("it has started")
}

/// Ends what is left of a system when this program has ended in whatever way: a static is never
/// dropped. A shell that waits for the end of its input, which is the end of this program.
struct Undertaker(Child);

/// Each pid file names the leader of a session of its own; its home is deleted with it.
const LAST_RITES: &str = r#"
cat > /dev/null
for note in "$0"/run/*.pid; do
    pid=$(sed -n 's/.*"pid":\([0-9]*\).*/\1/p' "$note" 2> /dev/null)
    [ -z "$pid" ] || kill -s KILL -- "-$pid" 2> /dev/null
done
rm -rf "$0"
"#;

impl Undertaker {
    fn of(system: &System) -> Self {
        // In a session of its own, out of reach of a Ctrl-C in the terminal.
        let child = Command::new("setsid")
            .args(["sh", "-c", LAST_RITES])
            .arg(system.wiring.home.root())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("a shell"))
    }
}

impl Drop for Undertaker {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}
