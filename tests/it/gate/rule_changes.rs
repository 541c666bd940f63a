//! Rules that change while the system runs, and a rule service that is away.

use std::fs;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use shared_events::topology::{EVALUATE_LINK_REQUESTS, LINKS_EVENTS};
use uuid::Uuid;

use crate::harness::eventually;
use crate::world::World;
use crate::world::answer::Ask;
use crate::world::people::User;

const DEFAULT: &str = include_str!("../../../rules/rules.json");

/// The verdict of a request's history, once it is there.
async fn verdict(gate: &World, id: Uuid, user: &User) -> Value {
    gate.issued(id, Some(user.clone())).await;
    gate.history(id, Some(user)).await.is(200).json[1].clone()
}

fn time(entry: &Value, name: &str) -> DateTime<Utc> {
    entry[name].as_str().expect("a time").parse().expect("a time")
}

/// A rules file that is gone after the test.
struct RulesFile(PathBuf);

impl RulesFile {
    fn new(text: &str) -> Self {
        let file =
            Self(std::env::temp_dir().join(format!("rules-{}.json", Uuid::new_v4().simple())));
        file.write(text);
        file
    }

    fn write(&self, text: &str) {
        fs::write(&self.0, text).expect("written");
    }
}

impl Drop for RulesFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[tokio::test]
async fn rules_change_while_the_system_runs_and_bad_ones_change_nothing() {
    let file = RulesFile::new(DEFAULT);
    let gate = World::start(&[("RULES_FILE", file.0.to_str().unwrap())]).await;
    let user = gate.given_user("standard").await;
    let judged = async || verdict(&gate, gate.given_request(Some(&user)).await, &user).await;
    let first = judged().await;
    assert_eq!(first["rule"], "10 minutes");

    let other = r#"{"premium": "instant",
        "standard": {"opens": "1h 30m", "stays_open": "5 minutes"}, "default": "never"}"#;
    file.write(other);
    eventually("the new rules are in force", async || judged().await["rule"] != first["rule"])
        .await;
    let second = judged().await;
    assert_ne!(second["rule_set_version"], first["rule_set_version"]);
    let opens_in = time(&second, "opens_at") - time(&second, "recorded_at");
    assert!(opens_in > TimeDelta::minutes(89) && opens_in <= TimeDelta::minutes(90), "{opens_in}");
    assert_eq!(time(&second, "closes_at") - time(&second, "opens_at"), TimeDelta::minutes(5));

    file.write(&other.replace("1h 30m", "after lunch"));
    let rules = gate.system.wiring.rules_url();
    let complained = async || {
        let logs = gate.logs();
        logs.contains("the rules before stay in force") && logs.contains("`standard`")
    };
    eventually("the bad file is reported", complained).await;
    let metrics = gate.http().get(format!("{rules}/metrics")).ask().await.is(200).text;
    assert!(metrics.lines().any(|line| line == "rules_reload_failed 1"), "{metrics}");
    assert_eq!(judged().await["rule_set_version"], second["rule_set_version"]);

    file.write(DEFAULT);
    let back = async || judged().await["rule_set_version"] == first["rule_set_version"];
    eventually("the same rules have the same version", back).await;
    gate.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_tier_that_never_opens_is_told_so() {
    let file = RulesFile::new(&DEFAULT.replace("start of the next day", "never"));
    let gate = World::start(&[("RULES_FILE", file.0.to_str().unwrap())]).await;
    let id = gate.given_request(None).await;
    eventually("the refusal is recorded", async || gate.check(id, None).await.status != 200).await;
    let gone = gate.check(id, None).await.problem(410, "link_gone");
    assert!(gone.member("message").starts_with("There is no link: "), "{}", gone.text);
    let history = gate.history(id, None).await.is(200).json;
    let meaning = history[1]["meaning"].as_str().unwrap();
    assert!(meaning.starts_with("there will be no link: "), "{meaning}");
    gate.buy_with("garbage", id).await.problem(400, "link_wrong");
    assert_eq!(gate.events_of(id).await, ["Requested", "RuleEvaluated"]);
    gate.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_rule_service_that_was_away_costs_no_opening_time() {
    let mut gate = World::with_test_clock().await;
    gate.system.rules.stop().await.unwrap();
    let user = gate.given_user("premium").await;
    let id = gate.given_request(Some(&user)).await;
    let early = gate.check(id, Some(&user)).await.is(200);
    let early = early.says("Your link is not ready yet please wait");
    assert!(early.json.get("opens_at").is_none(), "{}", early.text);
    assert_eq!((early.header("retry-after"), &early.json["retry_after_seconds"]), ("1", &1.into()));
    let refused = gate.buy_with("garbage", id).await.problem(425, "link_not_yet_open");
    assert_eq!(refused.header("retry-after"), "1");

    let requested_at = gate.now().await;
    gate.move_clock_to(requested_at + TimeDelta::minutes(40)).await;
    gate.system.rules.start().await.unwrap();
    let verdict = verdict(&gate, id, &user).await;
    assert!(time(&verdict, "opens_at") <= requested_at, "judged by the time of its request");
    // It is judged a moment before it is recorded.
    let left = time(&verdict, "closes_at") - time(&verdict, "recorded_at");
    assert!(left > TimeDelta::minutes(59), "only {left} left");
    gate.check(id, Some(&user)).await.is(200).says("Link Generated Successfully");
    gate.system.stop().await.unwrap();
}

/// A backlog that doubles itself is never worked off.
#[tokio::test]
async fn what_waits_for_the_rule_service_is_not_published_again() {
    let mut gate = World::with_test_clock().await;
    gate.system.rules.stop().await.unwrap();
    let broker = gate.broker().await;
    // What is taken from the rule service's queue does not wait there any more.
    let published = broker.listen(LINKS_EVENTS.name).await;
    for _ in 0..3 {
        gate.given_request(None).await;
    }
    let relayed =
        async || gate.count("select position from relay_cursors where log = 'links'").await >= 3;
    eventually("the requests are in the queue", relayed).await;
    let later = gate.now().await + TimeDelta::seconds(11);
    gate.move_clock_to(later).await;
    let left_alone = async || {
        let metrics = gate.get("/metrics").ask().await.is(200).text;
        metrics.contains("ticketing_relay_kept_back_total")
    };
    eventually("they are overdue and left alone", left_alone).await;
    for _ in 0..3 {
        assert!(broker.take(&published).await.is_some(), "a request is missing");
    }
    let more = broker.take(&published).await;
    assert!(more.is_none(), "a request was published again");
    gate.system.stop().await.unwrap();
}

/// What the broker can not tell of: the queue, with all that waited in it, is gone.
#[tokio::test]
async fn a_deleted_queue_loses_no_request() {
    let mut gate = World::with_test_clock().await;
    let user = gate.given_user("premium").await;
    gate.system.rules.stop().await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(gate.given_request(Some(&user)).await);
    }
    let relayed =
        async || gate.count("select position from relay_cursors where log = 'links'").await >= 5;
    eventually("the requests are in the queue", relayed).await;
    gate.broker().await.delete(EVALUATE_LINK_REQUESTS.name).await;
    gate.system.rules.start().await.unwrap();
    ids.push(gate.given_request(Some(&user)).await);
    assert!(gate.waiting().await >= 5, "the queue was deleted too late");

    let now = gate.now().await;
    gate.move_clock_to(now + TimeDelta::seconds(11)).await;
    eventually("every request has its verdict", async || gate.waiting().await == 0).await;
    for id in ids {
        gate.check(id, Some(&user)).await.is(200).says("Link Generated Successfully");
    }
    gate.verify().await.unwrap();
    gate.system.stop().await.unwrap();
}
