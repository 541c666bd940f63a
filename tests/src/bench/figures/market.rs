//! How many tickets of the market are ordered per second, each by an append over two streams,
//! beside pgbench storing one event for each; and how many purchases are made from the offer to the
//! sale.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use serde_json::json;

use crate::bench::http::{Connection, get, post};
use crate::bench::load::{CLIENTS, clients, closed};
use crate::bench::pgbench::{self, Pgbench};
use crate::bench::rounds::{Plan, in_turns};
use crate::bench::row::{Row, Series};
use crate::bench::stage::Stage;

const TICKETS: &str = "/api/tickets";
/// Tickets are offered for this many times as long as they are ordered.
const MARGIN: f64 = 2.5;

#[derive(Clone, Copy)]
enum Side {
    Orders,
    Purchases,
    Reference,
}

/// Who trades.
#[derive(Clone)]
struct Traders {
    seller: String,
    buyer: String,
}

/// Orders of tickets that are free, and whole purchases.
///
/// # Errors
/// If a ticket can not be offered, ordered, paid or is not sold.
pub async fn measure(stage: &Stage) -> Result<Vec<Row>> {
    let [seller, buyer, ..] = stage.accounts.premium.as_slice() else { bail!("two accounts") };
    let traders = Traders { seller: seller.clone(), buyer: buyer.clone() };
    let Plan { rounds, lasting, .. } = stage.plan;
    let seconds = lasting.as_secs_f64() * rounds as f64 + Plan::WARM_UP.as_secs_f64();
    let orders = offer(stage, &traders, Duration::from_secs_f64(seconds * MARGIN)).await?;
    let (count, orders) = (orders.len(), Arc::<[Bytes]>::from(orders));
    let next = Arc::new(AtomicUsize::new(0));
    let pgbench = Pgbench::prepare(stage).await?;
    let sides = [Side::Orders, Side::Purchases, Side::Reference];
    let measured = in_turns(stage, sides, async |side, lasting| match side {
        Side::Orders => {
            let (orders, next) = (Arc::clone(&orders), Arc::clone(&next));
            let request = move |_| orders.get(next.fetch_add(1, Ordering::Relaxed)).cloned();
            closed(stage.address, lasting, 201, request).await
        }
        Side::Purchases => purchases(stage, &traders, lasting).await,
        Side::Reference => pgbench.run(lasting).await,
    });
    let [ours, whole, reference] = measured.await?.map(Series);
    if next.load(Ordering::Relaxed) >= count {
        bail!("{count} tickets were too few: a round ended early");
    }
    Ok(vec![
        Row::new("tickets ordered", "1/s", ours).beside(pgbench::NAME, &reference),
        Row::new("whole purchases, offer to sale", "1/s", whole).beside(pgbench::NAME, &reference),
    ])
}

/// Offers tickets for so long: the orders for them.
async fn offer(stage: &Stage, traders: &Traders, lasting: Duration) -> Result<Vec<Bytes>> {
    let orders = Arc::new(Mutex::new(Vec::new()));
    let (kept, traders) = (Arc::clone(&orders), traders.clone());
    let offers = clients(stage.address, CLIENTS, lasting, move |mut connection, _| {
        let (kept, traders) = (Arc::clone(&kept), traders.clone());
        async move {
            let ticket = list(&mut connection, &traders).await?;
            let order = order(&ticket, &traders);
            kept.lock().unwrap_or_else(PoisonError::into_inner).push(order);
            Ok(Some(connection))
        }
    });
    offers.await?;
    Ok(std::mem::take(&mut *orders.lock().unwrap_or_else(PoisonError::into_inner)))
}

async fn list(connection: &mut Connection, traders: &Traders) -> Result<String> {
    let body = json!({ "title": "Concert, row 7", "price": 19.99 });
    let request = post(TICKETS, Some(&traders.seller), &body);
    let listed = connection.call(&request).await?.expect(201)?;
    Ok(listed.member("id").context("a ticket without an id")?.to_owned())
}

fn order(ticket: &str, traders: &Traders) -> Bytes {
    post("/api/orders", Some(&traders.buyer), &json!({ "ticketId": ticket }))
}

async fn purchases(stage: &Stage, traders: &Traders, lasting: Duration) -> Result<f64> {
    let traders = traders.clone();
    clients(stage.address, CLIENTS, lasting, move |mut connection, _| {
        let traders = traders.clone();
        async move {
            let ticket = list(&mut connection, &traders).await?;
            let ordered = connection.call(&order(&ticket, &traders)).await?.expect(201)?;
            let order = ordered.member("id").context("an order without an id")?;
            let body = json!({ "token": "tok_visa", "orderId": order });
            let pay = post("/api/payments/charge", Some(&traders.buyer), &body);
            connection.call(&pay).await?.expect(201)?;
            let seen = connection.call(&get(&format!("{TICKETS}/{ticket}"), None)).await?;
            let seen = seen.expect(200)?;
            if seen.member("status") != Some("sold") {
                bail!("paid, but not sold: {}", seen.body);
            }
            Ok(Some(connection))
        }
    })
    .await
}
