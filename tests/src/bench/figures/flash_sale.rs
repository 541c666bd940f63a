//! Everybody at one instant, each on a connection of its own: 10,000 buyers of 1,000 seats, and 500
//! carts of four seats that others want too. Each seat goes once, who comes too late is refused,
//! nothing else is answered; and who has got a seat buys it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use serde_json::json;
use shared_events::WalletId;
use shared_events::account::AccountId;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use crate::bench::crowd::{self, Member};
use crate::bench::http::{Connection, post};
use crate::bench::load::each;
use crate::bench::row::{Row, Series, Target};
use crate::bench::sale::{self, Match, Stadium};
use crate::bench::stage::Stage;

/// Buyers of one instant.
const BUYERS: usize = 10_000;
/// Seats for them: 1,000.
const HALL: sale::Plan = sale::Plan { sections: 1, rows: 25, seats: 40 };
/// Carts of one instant.
const CARTS: usize = 500;
/// Seats that the carts want: a fifth of what they ask for.
const WANTED: usize = 400;
/// How far apart the first seats of two carts are; it shares no factor with [`WANTED`].
const APART: usize = 7;
/// The seats of a cart from its first one on, in no order.
const CART: [usize; 4] = [3, 0, 2, 1];
/// Connections that are opened at once.
const OPENED_AT_ONCE: usize = 500;

/// How long until the last of them was answered, and purchases per second afterwards.
///
/// # Errors
/// If a seat went twice or to nobody, or anything was answered but yes and no.
pub async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let admin = crowd::administrator(stage).await?;
    let buyers = crowd::buyers(stage, BUYERS).await?;
    let others = crowd::buyers(stage, CARTS).await?;
    let mut wallets = HashSet::new();
    let [mut bursts, mut carts, mut sold] = [Vec::new(), Vec::new(), Vec::new()];
    // The first round warms up.
    for round in 0..=stage.plan.rounds {
        let mut stadium = Stadium::build(stage, admin.clone(), HALL).await?;
        let (sale, rush) = (stadium.sell().await?, stadium.sell().await?);
        drop(stadium);
        stage.settled().await?;
        let (took, winners) = burst(stage, &sale, &buyers).await?;
        stage.settled().await?;
        let with_carts = overlapping(stage, &rush, &others).await?;
        stage.settled().await?;
        open_wallets(stage, &admin, &winners, &mut wallets).await?;
        stage.settled().await?;
        let rate = purchases(stage, &winners).await?;
        if round > 0 {
            bursts.push(milliseconds(took));
            carts.push(milliseconds(with_carts));
            sold.push(rate);
        }
    }
    Ok(vec![
        Row::new("10,000 buyers of 1,000 seats, all answered", "ms", Series(bursts))
            .should_be(Target::AtMost(2_000.0)),
        Row::new("500 carts of 4 overlapping seats, all answered", "ms", Series(carts)),
        Row::new("purchases: seats, wallet, record", "1/s", Series(sold)),
    ])
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

/// All buyers want the best seat there is: who got one.
async fn burst(stage: &Stage, sale: &Match, buyers: &[Member]) -> Result<(Duration, Vec<Member>)> {
    let path = format!("/api/match/{}/reserve", sale.id);
    let body = json!({ "quantity": 1 });
    let requests = buyers.iter().map(|buyer| post(&path, Some(&buyer.token), &body));
    let (took, answers) = at_once(stage, requests.collect()).await?;
    let got = answers.iter().filter(|(status, _)| *status == 200).count();
    let seats: HashSet<&str> = answers.iter().flat_map(|(_, body)| tickets(body)).collect();
    if (got, seats.len()) != (HALL.count(), HALL.count()) {
        bail!("{got} buyers got {} seats: {:?}", seats.len(), counted(&answers));
    }
    let winners = buyers.iter().zip(&answers).filter(|(_, (status, _))| *status == 200);
    Ok((took, winners.map(|(buyer, _)| buyer.clone()).collect()))
}

/// Carts of seats that other carts want too: all of a cart or nothing.
async fn overlapping(stage: &Stage, rush: &Match, buyers: &[Member]) -> Result<Duration> {
    let places: Vec<_> = HALL.places().take(WANTED).collect();
    let path = format!("/api/match/{}/reserve", rush.id);
    let cart = |(number, buyer): (usize, &Member)| {
        let wanted = CART.map(|more| places.get((number * APART + more) % WANTED));
        let tickets: Vec<_> = wanted.iter().flatten().map(|place| rush.ticket(place)).collect();
        post(&path, Some(&buyer.token), &json!({ "tickets": tickets }))
    };
    let requests: Vec<Bytes> = buyers.iter().enumerate().map(cart).collect();
    let (took, answers) = at_once(stage, requests).await?;
    let got = answers.iter().filter(|(status, _)| *status == 200).count();
    let held: HashSet<&str> = answers.iter().flat_map(|(_, body)| tickets(body)).collect();
    ensure!(got > 0 && held.len() == got * CART.len(), "{got} carts hold {} seats", held.len());
    Ok(took)
}

/// The ids of the tickets in the answer to a reservation; none in a refusal.
fn tickets(body: &str) -> impl Iterator<Item = &str> {
    let list = body.split_once("\"tickets\":").map_or("", |(_, list)| list);
    list.split("{\"id\":\"").skip(1).filter_map(|rest| rest.split('"').next())
}

/// Statuses and how often they were answered.
fn counted(answers: &[(u16, String)]) -> BTreeMap<u16, usize> {
    let mut counted = BTreeMap::new();
    for (status, _) in answers {
        *counted.entry(*status).or_default() += 1;
    }
    counted
}

/// Sends all of them at one instant, each on a connection of its own; how long until the last was
/// answered, and the answers in the order of the requests.
async fn at_once(stage: &Stage, requests: Vec<Bytes>) -> Result<(Duration, Vec<(u16, String)>)> {
    let mut connections = Vec::with_capacity(requests.len());
    while connections.len() < requests.len() {
        let count = OPENED_AT_ONCE.min(requests.len() - connections.len());
        let opened = (0..count).map(|_| Connection::open(stage.address));
        connections.extend(futures_util::future::try_join_all(opened).await?);
    }
    let count = requests.len();
    let start = Arc::new(Barrier::new(count + 1));
    let mut all = JoinSet::new();
    for (number, (mut connection, request)) in connections.into_iter().zip(requests).enumerate() {
        let start = Arc::clone(&start);
        all.spawn(async move {
            start.wait().await;
            let answer = connection.call(&request).await?;
            anyhow::Ok((number, (answer.status, answer.body.to_owned())))
        });
    }
    start.wait().await;
    let begun = Instant::now();
    let mut answers = Vec::with_capacity(count);
    while let Some(answered) = all.join_next().await {
        answers.push(answered.context("a buyer")??);
    }
    let took = begun.elapsed();
    answers.sort_unstable_by_key(|(number, _)| *number);
    let answers: Vec<_> = answers.into_iter().map(|(_, answer)| answer).collect();
    match answers.iter().find(|(status, _)| ![200, 409].contains(status)) {
        Some((status, body)) => bail!("{:?}, such as {status}: {body}", counted(&answers)),
        None => Ok((took, answers)),
    }
}

/// A wallet with 1,000.00 for each who has none yet.
async fn open_wallets(
    stage: &Stage,
    admin: &Member,
    owners: &[Member],
    opened: &mut HashSet<Uuid>,
) -> Result<()> {
    let new = owners.iter().filter(|owner| opened.insert(owner.id));
    let wallet = |owner: &Member| {
        post("/api/wallet/", Some(&admin.token), &json!({ "user": owner.id, "money": 1_000 }))
    };
    each(stage.address, 201, new.map(wallet).collect()).await?;
    Ok(())
}

/// Everybody buys what they hold: purchases per second.
async fn purchases(stage: &Stage, winners: &[Member]) -> Result<f64> {
    let purchase = |buyer: &Member| {
        let wallet = WalletId::of(AccountId(buyer.id));
        post(&format!("/api/wallet/{wallet}/purchase/"), Some(&buyer.token), &json!({}))
    };
    each(stage.address, 200, winners.iter().map(purchase).collect()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_are_found_in_answers() {
        let held = r#"{"message":"x","tickets":[{"id":"a","seat":"s"},{"id":"b","seat":"t"}]}"#;
        assert_eq!(tickets(held).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(tickets(r#"{"detail":"taken"}"#).count(), 0);
    }
}
