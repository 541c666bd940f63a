//! What clients do: they leave in the middle of a request, use one link all at once, or all log in
//! at the same moment.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use reqwest::Method;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::{Struck, comes_about, drained};
use crate::chaos::dice::Dice;
use crate::chaos::fault::Fault;
use crate::chaos::journal::{Action, Intent, Outcome};
use crate::chaos::plan::Cycle;
use crate::chaos::workload::api::{Api, Ask};
use crate::chaos::workload::people;
use crate::chaos::world::{World, usage};
use crate::local;

/// Who does this, for the journal: none of the workload's clients.
const STRANGER: usize = 1_000;
/// Clients that leave at the same time.
const CROWD: usize = 16;
/// A client stays at most so long after its last byte.
const STAYS: std::ops::Range<Duration> = Duration::ZERO..Duration::from_millis(12);
/// A premium link opens at once.
const OPENS_WITHIN: Duration = Duration::from_secs(10);
const PATH: &str = "/request_for_ticketing_link";
/// What many logins may add to the memory of a service, MiB.
const MORE_MEMORY: f64 = 200.0;

/// Each client leaves after a part of its request, or after all of it; then it asks with the same
/// key what has become of it.
pub(super) async fn leave(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    let mut left = 0;
    while left < cycle.amount {
        let crowd = CROWD.min(cycle.amount - left);
        let api = &world.api;
        let leaving = (left..left + crowd).map(|number| {
            let dice = Dice::of(cycle.choice, &format!("leaves {number}"));
            leaves(api, number, dice)
        });
        try_join_all(leaving).await?;
        left += crowd;
    }
    drained(world, Fault::ClientsLeave, left).await
}

async fn leaves(api: &Api, number: usize, mut dice: Dice) -> Result<()> {
    let replica = number % api.replicas().max(1);
    let ask = Ask::get(Action::Request, PATH).posted(None).keyed();
    let key = ask.key.unwrap_or_default();
    let whole = format!(
        "POST {PATH} HTTP/1.1\r\nhost: localhost\r\nidempotency-key: {key}\r\ncontent-length: 2\r\n\r\n{{}}"
    );
    let end = match dice.below(3) {
        // In the middle of its headers, after them, after all.
        0 => whole.len() / 2,
        1 => whole.len() - 2,
        _ => whole.len(),
    };
    let (action, about) = (Action::Request, None);
    let intent = Intent { client: STRANGER, replica, action, key: Some(key), about };
    let call = api.journal.begins(intent)?;
    let address = api.url(replica).trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.context("connecting")?;
    stream.write_all(whole.as_bytes().get(..end).unwrap_or_default()).await?;
    sleep(dice.between(STAYS)).await;
    // Unread bytes make it a reset, as when a program is killed.
    drop(stream);
    api.journal.ended(call, Outcome::Lost("left".to_owned()))?;
    api.decided(STRANGER, replica, &ask).await?;
    Ok(())
}

/// A prefetch of a link that has just opened, then as many uses as planned at the same moment.
pub(super) async fn rivals(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    let person = world.people.first().context("an account")?;
    let token = Some(person.token.clone());
    let api = &world.api;
    let ask = Ask::get(Action::Request, PATH).by(token.clone()).keyed();
    let id = api.decided(STRANGER, 0, &ask).await?.reply.made.context("a link request")?;
    let check = Ask::get(Action::Check, format!("/check_ticketing_link?request_id={id}"));
    let check = check.by(token).about(id);
    let opened = Instant::now();
    let path = loop {
        let answer = api.decided(STRANGER, 0, &check).await?;
        let path = answer.text("link").and_then(|link| Some(link.split_at(link.find("/buy")?).1));
        if let Some(path) = path {
            break path.to_owned();
        }
        anyhow::ensure!(opened.elapsed() < OPENS_WITHIN, "a premium link does not open");
        sleep(STAYS.end).await;
    };
    let mut broken = prefetched(api, &path, &check).await?;
    let uses: Vec<Ask> =
        (0..cycle.amount).map(|_| Ask::get(Action::Buy, &path).about(id).keyed()).collect();
    let all = uses.iter().enumerate().map(|(rival, ask)| api.decided(STRANGER, rival, ask));
    let answers = try_join_all(all).await?;
    let let_in = answers.iter().filter(|answer| answer.reply.status == 200).count();
    if let_in != 1 {
        broken.push(format!("{let_in} of {} uses of one link were let in", answers.len()));
    }
    let struck = drained(world, Fault::ParallelUses, answers.len()).await?;
    Ok(Struck { broken, ..struck })
}

/// Whoever prefetches a link or asks for its headers has not used it.
async fn prefetched(api: &Api, path: &str, check: &Ask) -> Result<Vec<String>> {
    let (http, url) = (local::client(), format!("{}{path}", api.url(0)));
    let prefetch = http.get(&url).header("sec-purpose", "prefetch").send().await?.status();
    let head = http.request(Method::HEAD, &url).send().await?.status();
    let still = api.decided(STRANGER, 0, check).await?;
    let mut broken = Vec::new();
    if prefetch.is_success() || still.text("link").is_none() {
        broken.push(format!("a prefetch used the link: {prefetch}, HEAD {head}"));
    }
    Ok(broken)
}

/// Logins at one replica, all at once. The others must hardly notice.
pub(super) async fn logins(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    let username = world.people.first().context("an account")?.username.clone();
    let before = resident(world)?;
    let begun = world.api.journal.now();
    let body = json!({"username": username, "password": people::password(&username)});
    let ask = Ask::get(Action::LogIn, "/login").posted(Some(body));
    let all: Vec<_> = (0..cycle.amount)
        .map(|_| {
            let (api, ask) = (world.api.clone(), ask.clone());
            tokio::spawn(async move { api.once(STRANGER, 0, &ask).await })
        })
        .collect();
    let mut most = before;
    let done = || all.iter().all(tokio::task::JoinHandle::is_finished);
    while !comes_about(STAYS.end * 10, async || done()).await {
        most = most.max(resident(world)?);
    }
    let mut logged_in = 0;
    for login in all {
        let answer = login.await??;
        logged_in += usize::from(answer.is_some_and(|answer| answer.reply.status == 200));
    }
    let took = slow_answers(&world.api, begun);
    let mut broken = Vec::new();
    if most - before > MORE_MEMORY {
        broken.push(format!("{} logins took {:.0} MiB", cycle.amount, most - before));
    }
    if logged_in == 0 {
        broken.push("nobody was logged in".to_owned());
    }
    Ok(Struck { fired: u64::try_from(cycle.amount)?, took, broken })
}

/// The memory of the replica that is asked, MiB.
fn resident(world: &mut World) -> Result<f64> {
    let all = usage::of(world)?;
    Ok(all.first().context("a replica")?.resident)
}

/// What 99 % of the answers to anything but logins were faster than, since `begun`.
fn slow_answers(api: &Api, begun: Duration) -> Duration {
    let calls = api.journal.calls();
    let mut took: Vec<Duration> = calls
        .iter()
        .filter(|call| call.began >= begun && call.action != Action::LogIn && call.replica == 0)
        .filter_map(|call| Some(call.ended? - call.began))
        .collect();
    took.sort_unstable();
    let index = took.len() * 99 / 100;
    took.get(index.min(took.len().saturating_sub(1))).copied().unwrap_or_default()
}
