//! Postgres away, a projection that lags, clients that leave in the middle, services that start
//! before what they need: nobody is told something wrong, and nothing is left behind.

use std::net::Ipv4Addr;

use tests::ports;
use tests::service::Service;
use tests::wiring::Wiring;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::{database, eventually, servers};
use crate::world::World;
use crate::world::answer::{Answer, Ask};

/// Lets nobody into the system's database, or everybody again.
async fn let_into_database(gate: &World, open: bool) {
    let owner = database(&servers().database_admin_url).connect_as_owner("test").await.unwrap();
    let place = &gate.system.place;
    owner.batch_execute(&format!("alter database {place} allow_connections {open}")).await.unwrap();
    if !open {
        let end = "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1";
        owner.execute(end, &[place]).await.unwrap();
    }
}

fn is_unavailable(answer: Answer) {
    let refused = answer.problem(503, "unavailable");
    assert!(!refused.header("retry-after").is_empty(), "when to try again");
}

/// An earlier system answered 401 when its database failed.
#[tokio::test]
async fn while_postgres_is_away_nothing_is_acknowledged_and_nobody_is_a_stranger() {
    let gate = World::start(&[]).await;
    let user = gate.given_user("premium").await;
    let (open, used) = (gate.given_open_link().await, gate.given_used_link().await);
    let_into_database(&gate, false).await;
    is_unavailable(gate.login(&user.username, crate::world::people::PASSWORD).await);
    is_unavailable(gate.ask_for_link(Some(&user)).await);
    is_unavailable(gate.check(open.id, open.owner.as_ref()).await);
    is_unavailable(gate.register(&crate::world::people::registration("premium")).await);
    gate.get("/livez").ask().await.is(200);
    let unready = async || gate.get("/readyz").ask().await.status == 503;
    eventually("it is not ready", unready).await;

    let_into_database(&gate, true).await;
    let ready = async || gate.get("/readyz").ask().await.status == 200;
    eventually("it is ready again", ready).await;
    let asked = async || gate.ask_for_link(Some(&user)).await.status == 201;
    eventually("requests are taken again", asked).await;
    let requests = "select count(*) from events where event_type = 'Requested'";
    assert_eq!(gate.count(requests).await, 3, "a request that was refused was made");
    gate.buy(&open).await.is(200);
    gate.buy(&used).await.problem(400, "link_used");
    eventually("every request has its verdict", async || gate.waiting().await == 0).await;
    gate.verify().await.unwrap();
    gate.system.stop().await.unwrap();
}

/// A fault of the server is told as one, and not in the words of the database.
#[tokio::test]
async fn a_broken_database_is_our_fault_and_its_words_stay_inside() {
    let gate = World::start(&[]).await;
    let user = gate.given_user("standard").await;
    let id = gate.given_request(Some(&user)).await;
    let sql = gate.sql().await;
    sql.batch_execute(
        "alter table accounts rename to gone; alter table link_status rename to gone2",
    )
    .await
    .unwrap();
    for answer in [
        gate.login(&user.username, crate::world::people::PASSWORD).await,
        gate.register(&crate::world::people::registration("standard")).await,
        gate.check(id, Some(&user)).await,
    ] {
        assert!([500, 503].contains(&answer.status), "{}", answer.text);
        let code = answer.member("code");
        let status = answer.status;
        let problem = answer.problem(status, &code);
        for word in ["accounts", "link_status", "relation", "exist", "sql", "select"] {
            assert!(!problem.text.to_lowercase().contains(word), "{}", problem.text);
        }
    }
}

/// The rule consumer of an earlier system died when the verdict came before the request's own row.
#[tokio::test]
async fn a_verdict_before_the_requests_own_row_is_recorded_and_answered() {
    let gate = World::start(&[]).await;
    gate.given_open_link().await;
    // Its checkpoint is written now; before that, there is nothing to lock.
    gate.until_projected("links").await;
    let mut sql = gate.sql().await;
    let projection_waits = sql.transaction().await.unwrap();
    projection_waits.batch_execute("select 1 from checkpoints for update").await.unwrap();
    let user = gate.given_user("premium").await;
    let link = gate.issued(gate.given_request(Some(&user)).await, Some(user.clone())).await;
    let rows = "select count(*) from link_status";
    assert_eq!(gate.count(rows).await, 1, "the projection did not wait");
    gate.check(link.id, Some(&user)).await.is(200).says("Link Generated Successfully");
    gate.buy(&link).await.is(200);
    gate.check(link.id, Some(&user)).await.problem(410, "link_gone");
    projection_waits.rollback().await.unwrap();
    eventually("the row is there", async || gate.count(rows).await == 2).await;
    gate.verify().await.unwrap();
    gate.system.stop().await.unwrap();
}

#[tokio::test]
async fn clients_that_leave_in_the_middle_leave_nothing_behind() {
    let gate = World::start(&[]).await;
    let port = gate.system.wiring.port;
    let link = gate.given_issued_link("standard").await;
    let body = crate::world::people::registration("standard").to_string();
    let requests = [
        format!(
            "POST /register HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        ),
        format!("GET /check_ticketing_link?request_id={} HTTP/1.1\r\nhost: x\r\n\r\n", link.id),
        "GET /request_for_ticketing_link HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(),
    ];
    for round in 0..100 {
        let request = requests[round % requests.len()].as_bytes();
        // Sometimes within the headers, sometimes within the body, sometimes with the answer due.
        let sent = request.len().min(10 + round * 5);
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
        stream.write_all(&request[..sent]).await.unwrap();
        drop(stream);
    }
    let open = "select count(*) from pg_stat_activity where datname = current_database() \
                and state like 'idle in transaction%'";
    eventually("no transaction stays open", async || gate.count(open).await == 0).await;
    eventually("every request has its verdict", async || gate.waiting().await == 0).await;
    gate.given_used_link().await;
    gate.verify().await.unwrap();
    gate.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_service_that_starts_before_postgres_waits_for_it() {
    let gate = World::start(&[]).await;
    let_into_database(&gate, false).await;
    let wiring = Wiring { port: ports::free_one().unwrap(), ..gate.system.wiring.clone() };
    let launch = wiring.ticketing_command("ticketing-early", &["serve"]).unwrap();
    let url = wiring.ticketing_url();
    let mut early = Service::new(launch, format!("{url}/readyz"));
    early.spawn().unwrap();
    let alive = async || gate.http().get(format!("{url}/livez")).send().await.is_ok();
    eventually("it is alive", alive).await;
    gate.http().get(format!("{url}/readyz")).ask().await.is(503);
    let_into_database(&gate, true).await;
    early.until_ready().await.unwrap();
    gate.http().get(format!("{url}/request_for_ticketing_link")).ask().await.is(201);
    early.stop().await.unwrap();
    gate.system.stop().await.unwrap();
}
