//! What is looked at when a run is over, beside the findings after each fault: what processes and
//! servers still hold, whether the projection can be built again, and everything that can be read.
//!
//! Collected here, judged by [`super::checkers`].

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::{Instant, sleep};

use super::findings::rows;
use super::workload::{companions, people, traders};
use super::world::letters::dead_letters;
use super::world::tap::Passed;
use super::world::usage::{self, Usage};
use super::world::{World, settle};
use crate::local;

/// The broker counts what is unacknowledged every few seconds, and connections that nobody uses are
/// closed about as soon.
const AT_REST_WITHIN: Duration = Duration::from_secs(20);
const LOOK: Duration = Duration::from_millis(250);
/// As many link tokens are looked for.
const TOKENS: i64 = 40;
/// Tables that follow from history.
const READ_TABLES: [&str; 22] = [
    "link_status",
    "listings",
    "orders",
    "payments",
    "stadiums",
    "stadium_seats",
    "tariffs",
    "fixtures",
    "tickets",
    "wallets",
    "ledger",
    "purchases",
    "announcements",
    "bookings",
    "reviews",
    "link_notices",
    "market_notices",
    "venue_notices",
    "outing_notices",
    "ticket_holders",
    "outing_plans",
    "outing_guests",
];
/// Other tables that hold no secret.
const OTHER_TABLES: [&str; 13] = [
    "events",
    "test_charges",
    "sessions",
    "identities",
    "sign_ins",
    "inbox",
    "retries",
    "deadlines",
    "deliveries",
    "snapshots",
    "relay_cursors",
    "checkpoints",
    "logs",
];

/// Everything found at the end.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// What the services held after their warm-up.
    pub before: Vec<Usage>,
    /// What they hold now.
    pub after: Vec<Usage>,
    /// Sessions of the services that are in a transaction.
    pub transactions: Vec<String>,
    /// Messages that were delivered and never acknowledged.
    pub unacknowledged: u64,
    /// The read tables as they lived through the run.
    pub live: Vec<String>,
    /// The same, built again from the first event.
    pub rebuilt: Vec<String>,
    /// What `ticketing verify` complained of.
    pub verified: Option<String>,
    /// Places where anybody could read, with what stands there.
    pub places: Vec<(String, String)>,
    /// What must not stand there.
    pub secrets: Vec<(&'static str, String)>,
}

/// Looks at everything; `before` is what the services held after their warm-up, `messages` what
/// passed through the exchange meanwhile. The workload has to be over.
///
/// # Errors
/// If a server or a service does not answer.
pub async fn collect(world: &mut World, before: &[Usage], messages: &str) -> Result<Audit> {
    let mut audit = Audit { before: before.to_vec(), ..Audit::default() };
    at_rest(world, &mut audit).await?;
    audit.live = read(world).await?;
    let verify = world.wiring.ticketing_command("verify", &["verify"])?;
    audit.verified = verify.run().await.err().map(|error| format!("{error:#}"));
    let notices = ["link_notices", "market_notices", "venue_notices", "outing_notices"];
    for projection in ["links", "market", "venues", "outings"].into_iter().chain(notices) {
        world.wiring.ticketing_command("rebuild", &["rebuild", projection])?.run().await?;
    }
    audit.rebuilt = read(world).await?;
    audit.places = places(world).await?;
    audit.places.push(("the messages".to_owned(), messages.to_owned()));
    audit.secrets = secrets(world).await?;
    Ok(audit)
}

/// The rows of all read tables.
async fn read(world: &World) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for table in READ_TABLES {
        all.extend(rows(world, table).await?);
    }
    Ok(all)
}

/// What the services hold when they rest.
///
/// # Errors
/// As [`collect`].
pub async fn warmed_up(world: &mut World) -> Result<Vec<Usage>> {
    settle::settled(world).await?;
    sleep(LOOK).await;
    usage::of(world)
}

/// Looks until nothing is left over, or for as long as that may take.
async fn at_rest(world: &mut World, audit: &mut Audit) -> Result<()> {
    let begun = Instant::now();
    loop {
        audit.after = usage::of(world)?;
        audit.unacknowledged = unacknowledged(world).await?;
        audit.transactions = transactions(world).await?;
        let is_clean = super::checkers::residue(audit).is_empty();
        if is_clean || begun.elapsed() > AT_REST_WITHIN {
            return Ok(());
        }
        sleep(LOOK).await;
    }
}

async fn unacknowledged(world: &World) -> Result<u64> {
    let path = format!("queues/{}", world.place);
    let queues = world.servers.rabbitmq.management().get(&path).await?;
    let queues = queues.as_array().context("a list of queues")?.iter();
    let held = queues.filter_map(|queue| queue.get("messages_unacknowledged")?.as_u64());
    Ok(held.sum())
}

async fn transactions(world: &World) -> Result<Vec<String>> {
    let text = "select format('%s: %s, %s', application_name, state, left(query, 60)) \
        from pg_stat_activity where datname = current_database() and xact_start is not null \
        and pid <> pg_backend_pid() and now() - xact_start > interval '1 second'";
    let rows = world.sql().await?.query(text, &[]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

async fn places(world: &World) -> Result<Vec<(String, String)>> {
    let mut places = Vec::new();
    let mut logs = String::new();
    for folder in world.log_folders() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            logs += &String::from_utf8_lossy(&fs::read(&path)?);
        }
    }
    places.push(("the logs".to_owned(), logs));
    let mut tables = String::new();
    for table in READ_TABLES.iter().chain(&OTHER_TABLES) {
        tables += &rows(world, table).await?.join("\n");
    }
    places.push(("the tables".to_owned(), tables));
    let client = local::client();
    let tickets = (0..world.api.replicas()).map(|replica| world.api.url(replica));
    let mut metrics = String::new();
    for url in tickets.chain(world.rules_urls.iter().map(String::as_str)) {
        metrics += &client.get(format!("{url}/metrics")).send().await?.text().await?;
    }
    places.push(("the metrics".to_owned(), metrics));
    let mut letters = String::from("dead letters: ");
    for letter in dead_letters(world).await? {
        letters += &format!("{} {} {}\n", letter.reason, letter.properties, letter.body);
    }
    places.push(("the dead letters".to_owned(), letters));
    Ok(places)
}

async fn secrets(world: &World) -> Result<Vec<(&'static str, String)>> {
    let mut secrets = vec![
        ("a password", people::CANARY.to_owned()),
        ("a password's hash", "$argon2id$".to_owned()),
        ("a card's token", traders::CARD.to_owned()),
        ("what a host has written", companions::TITLE.to_owned()),
    ];
    let people = world.people.iter().chain([world.hall()?.admin()]);
    let logins = people.map(|person| ("a login token", signature(&person.token)));
    secrets.extend(logins);
    let text = "select value from vault where name = 'link_token' order by id limit $1";
    for row in world.sql().await?.query(text, &[&TOKENS]).await? {
        secrets.push(("a link token", signature(row.try_get(0)?)));
    }
    Ok(secrets)
}

/// The part of a token that makes it one.
fn signature(token: &str) -> String {
    token.rsplit('.').next().unwrap_or(token).to_owned()
}

/// What a tap has collected, as text.
pub fn as_text(messages: &[Passed]) -> String {
    let one = |message: &Passed| {
        format!("{:?} {}\n", message.properties, String::from_utf8_lossy(&message.body))
    };
    messages.iter().map(one).collect()
}
