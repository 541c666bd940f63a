//! Processes that are killed, restarted or without a broker: what was acknowledged reaches its end,
//! and what was used stays used.

use futures_util::future::join_all;
use rustix::process::{Pid, Signal, kill_process};
use tests::service::Service;
use tests::wiring::Wiring;
use tests::{ports, system::System};
use uuid::Uuid;

use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::Ask;
use crate::world::people::User;

/// Requests of a test that kills something in the middle of them.
const REQUESTS: usize = 100;

/// Asks for a link; the id if it was acknowledged. Whoever is not answered knows nothing.
async fn try_to_ask(gate: &World, user: &User) -> Option<Uuid> {
    let request = gate.get("/request_for_ticketing_link").bearer_auth(&user.token);
    let answer = request.send().await.ok()?;
    let made: serde_json::Value = answer.json().await.ok()?;
    made["request_id"].as_str()?.parse().ok()
}

/// Makes requests, twenty at once, while `fault` happens to the system; the acknowledged ones.
async fn acknowledged_during(
    gate: &mut World,
    user: &User,
    fault: impl AsyncFnOnce(&mut System),
) -> Vec<Uuid> {
    let mut acknowledged = Vec::new();
    for _ in 0..REQUESTS / 40 {
        acknowledged.extend(join_all((0..20).map(|_| try_to_ask(gate, user))).await);
    }
    // In flight while it happens: sent by a client of its own, so that the system is free to be
    // broken.
    let http = gate.http().clone();
    let url = format!("{}/request_for_ticketing_link", gate.system.url());
    let token = user.token.clone();
    let during = tokio::spawn(async move {
        join_all((0..20).map(|_| async {
            let answer = http.get(&url).bearer_auth(&token).send().await.ok()?;
            let made: serde_json::Value = answer.json().await.ok()?;
            made["request_id"].as_str()?.parse().ok()
        }))
        .await
    });
    fault(&mut gate.system).await;
    acknowledged.extend(during.await.expect("clients"));
    for _ in 0..REQUESTS / 40 {
        acknowledged.extend(join_all((0..20).map(|_| try_to_ask(gate, user))).await);
    }
    acknowledged.into_iter().flatten().collect()
}

/// Every acknowledged request has its link, which works once.
async fn all_reach_their_link(gate: &World, user: &User, acknowledged: &[Uuid]) {
    assert!(acknowledged.len() > REQUESTS / 3, "only {} requests", acknowledged.len());
    eventually("every request has its verdict", async || gate.waiting().await == 0).await;
    for some in acknowledged.chunks(10) {
        join_all(some.iter().map(|id| async move {
            let link = gate.issued(*id, Some(user.clone())).await;
            gate.check(*id, Some(user)).await.is(200).says("Link Generated Successfully");
            gate.buy(&link).await.is(200);
            gate.buy(&link).await.problem(400, "link_used");
        }))
        .await;
    }
    gate.verify().await.unwrap();
}

#[tokio::test]
async fn killing_ticketing_loses_nothing_that_was_acknowledged() {
    let mut gate = World::start(&[]).await;
    let user = gate.given_user("premium").await;
    let acknowledged = acknowledged_during(&mut gate, &user, async |system| {
        system.ticketing.kill().await.unwrap();
        system.ticketing.start().await.unwrap();
    });
    let acknowledged = acknowledged.await;
    all_reach_their_link(&gate, &user, &acknowledged).await;
    gate.system.stop().await.unwrap();
}

#[tokio::test]
async fn killing_the_rule_service_loses_nothing_that_was_acknowledged() {
    let mut gate = World::start(&[]).await;
    let user = gate.given_user("premium").await;
    let acknowledged = acknowledged_during(&mut gate, &user, async |system| {
        system.rules.kill().await.unwrap();
        system.rules.start().await.unwrap();
    });
    let acknowledged = acknowledged.await;
    assert!(acknowledged.len() >= REQUESTS, "ticketing needs no rule service to take requests");
    all_reach_their_link(&gate, &user, &acknowledged).await;
    gate.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_restart_arms_no_link_again_and_forgets_none() {
    let mut gate = World::start(&[]).await;
    let used = gate.given_used_link().await;
    let open = gate.given_open_link().await;
    let waiting = gate.given_issued_link("standard").await;
    let before = gate.check(waiting.id, waiting.owner.as_ref()).await.is(200);
    gate.system.ticketing.restart().await.unwrap();
    gate.system.rules.restart().await.unwrap();

    gate.check(used.id, used.owner.as_ref()).await.problem(410, "link_gone");
    gate.buy(&used).await.problem(400, "link_used").says("Your link is Invalid");
    gate.check(open.id, open.owner.as_ref()).await.is(200).says("Link Generated Successfully");
    gate.buy(&open).await.is(200);
    gate.buy(&open).await.problem(400, "link_used");
    let after = gate.check(waiting.id, waiting.owner.as_ref()).await.is(200);
    assert_eq!(after.json["opens_at"], before.json["opens_at"]);
    gate.system.stop().await.unwrap();
}

#[tokio::test]
async fn of_parallel_uses_at_two_replicas_exactly_one_succeeds() {
    let gate = World::start(&[]).await;
    let (mut replica, url) = gate.system.replica().await.unwrap();
    for _ in 0..5 {
        let link = gate.given_open_link().await;
        // Both know it, so both decide from what they remember.
        for url in [&gate.system.url(), &url] {
            let early = format!("{url}/buy_ticket/garbage?request_id={}", link.id);
            gate.http().get(early).ask().await.problem(400, "link_wrong");
        }
        let urls = [gate.system.url(), url.clone()];
        let uses = (0..40).map(|n| {
            let path = format!("/buy_ticket/{}?request_id={}", link.token, link.id);
            gate.http().get(format!("{}{path}", urls[n % 2])).ask()
        });
        let statuses: Vec<_> = join_all(uses).await.iter().map(|answer| answer.status).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| [200, 400, 409].contains(status)), "{statuses:?}");
        // What one did the other knows at once.
        for url in &urls {
            let check = format!("{url}/check_ticketing_link?request_id={}", link.id);
            let owner = link.owner.as_ref().unwrap();
            let gone = gate.http().get(check).bearer_auth(&owner.token).ask().await;
            gone.problem(410, "link_gone");
        }
    }
    gate.verify().await.unwrap();
    replica.stop().await.unwrap();
    gate.system.stop().await.unwrap();
}

#[tokio::test]
async fn when_one_of_two_replicas_is_killed_the_other_goes_on() {
    let mut gate = World::start(&[]).await;
    let user = gate.given_user("premium").await;
    let (mut replica, url) = gate.system.replica().await.unwrap();
    gate.given_used_link().await;
    gate.system.ticketing.kill().await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..5 {
        let request = gate.http().get(format!("{url}/request_for_ticketing_link"));
        let made = request.bearer_auth(&user.token).ask().await.is(201);
        ids.push(made.member("request_id").parse().unwrap());
    }
    for id in ids {
        gate.issued(id, Some(user.clone())).await;
    }
    gate.verify().await.unwrap();
    replica.stop().await.unwrap();
    gate.system.stop().await.unwrap();
}

/// A replica that leads the relay and is frozen loses the lead, and does no harm when it wakes.
#[tokio::test]
async fn a_frozen_leader_is_replaced_and_wakes_up_harmless() {
    let mut gate = World::start(&[]).await;
    let user = gate.given_user("premium").await;
    let (mut replica, url) = gate.system.replica().await.unwrap();
    gate.given_used_link().await;
    let epoch = "select epoch from relay_cursors where log = 'links'";
    let first = gate.count(epoch).await;
    let frozen = Frozen::at_once(&mut gate.system.ticketing);
    let mut ids = Vec::new();
    for _ in 0..5 {
        let request = gate.http().get(format!("{url}/request_for_ticketing_link"));
        let made = request.bearer_auth(&user.token).ask().await.is(201);
        ids.push(made.member("request_id").parse().unwrap());
    }
    let relayed = "select max(position) - (select position from relay_cursors where log = 'links') from events \
                   where event_type = 'Requested'";
    eventually("the requests are relayed", async || gate.count(relayed).await <= 0).await;
    assert!(gate.count(epoch).await > first, "the frozen one still leads");
    drop(frozen);
    for id in ids {
        gate.issued(id, Some(user.clone())).await;
    }
    let awake = async || gate.ask_for_link(Some(&user)).await.status == 201;
    eventually("it takes requests again", awake).await;
    eventually("every request has its verdict", async || gate.waiting().await == 0).await;
    gate.verify().await.unwrap();
    replica.stop().await.unwrap();
    gate.system.stop().await.unwrap();
}

/// A process that stands still until this is dropped.
struct Frozen(Pid);

impl Frozen {
    fn at_once(service: &mut Service) -> Self {
        let pid = Pid::from_raw(service.process().expect("it runs").pid()).expect("a process");
        kill_process(pid, Signal::STOP).expect("stopped");
        Self(pid)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        kill_process(self.0, Signal::CONT).expect("continued");
    }
}

/// Another `ticketing` of this system that can not reach a broker.
async fn without_broker(gate: &World) -> (Service, String) {
    let [port, nobody] = ports::free().unwrap();
    let amqp_url = format!("amqp://ticketing:x@127.0.0.1:{nobody}/nowhere");
    let wiring = Wiring { port, amqp_url, ..gate.system.wiring.clone() };
    let launch = wiring.ticketing_command("ticketing-alone", &["serve"]).unwrap();
    let url = wiring.ticketing_url();
    let mut service = Service::new(launch, format!("{url}/readyz"));
    service.start().await.unwrap();
    (service, url)
}

#[tokio::test]
async fn without_a_broker_requests_are_taken_and_the_lack_is_told() {
    let gate = World::start(&[]).await;
    let user = gate.given_user("premium").await;
    let (mut alone, url) = without_broker(&gate).await;
    let lacking = async || {
        let ready = gate.http().get(format!("{url}/readyz")).ask().await.is(200);
        let broker = ready.json["parts"]["broker"].as_str().unwrap();
        ready.json["status"] == "degraded" && broker.starts_with("no ")
    };
    eventually("it tells that it has no broker", lacking).await;
    let made = gate.http().get(format!("{url}/request_for_ticketing_link"));
    let id = made.bearer_auth(&user.token).ask().await.is(201).member("request_id");
    // The other replica relays it.
    gate.issued(id.parse().unwrap(), Some(user)).await;
    let whole = async || gate.get("/readyz").ask().await.json["status"] == "ready";
    eventually("the other lacks nothing", whole).await;
    alone.stop().await.unwrap();
    gate.system.stop().await.unwrap();
}

#[tokio::test]
async fn requests_made_before_the_rule_service_ever_ran_are_judged() {
    let mut gate = World::start(&[]).await;
    gate.system.rules.kill().await.unwrap();
    let user = gate.given_user("premium").await;
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(gate.given_request(Some(&user)).await);
    }
    gate.system.ticketing.kill().await.unwrap();
    tokio::try_join!(gate.system.rules.start(), gate.system.ticketing.start()).unwrap();
    for id in ids {
        gate.issued(id, Some(user.clone())).await;
    }
    gate.system.stop().await.unwrap();
}
