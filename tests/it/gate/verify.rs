//! `ticketing verify` and `ticketing rebuild`: everything read follows from history. With controls:
//! what is changed behind the service's back is found.

use shared_events::topology::LINKS_LOG;

use super::given::Link;
use crate::world::World;

/// A system with links in every state, projected to the end of its log.
async fn given_all_kinds_of_links() -> (World, Vec<Link>) {
    let gate = World::start(&[]).await;
    let links = vec![
        gate.given_used_link().await,
        gate.given_open_link().await,
        gate.given_issued_link("standard").await,
        gate.given_issued_link("guest").await,
    ];
    gate.until_projected(LINKS_LOG).await;
    (gate, links)
}

#[tokio::test]
async fn the_system_that_all_tests_use_holds_what_it_promises() {
    let gate = World::shared();
    gate.given_used_link().await;
    gate.verify().await.unwrap();
}

#[tokio::test]
async fn control_a_row_that_does_not_follow_from_history_is_found() {
    let (gate, links) = given_all_kinds_of_links().await;
    gate.verify().await.unwrap();
    let sql = gate.sql().await;
    for (break_it, mend_it) in [
        (
            "update link_status set bought_at = now() where request_id = $1",
            "update link_status set bought_at = null where request_id = $1",
        ),
        (
            "update link_status set tier = 'default' where request_id = $1",
            "update link_status set tier = 'premium' where request_id = $1",
        ),
    ] {
        let open = &links[1];
        assert_eq!(sql.execute(break_it, &[&open.id]).await.unwrap(), 1);
        gate.finds_wrong("link_status").await;
        sql.execute(mend_it, &[&open.id]).await.unwrap();
        gate.verify().await.unwrap();
    }
    sql.execute("delete from link_status where request_id = $1", &[&links[0].id]).await.unwrap();
    gate.finds_wrong("1 missing").await;
    gate.system.stop().await.unwrap();
}

#[tokio::test]
async fn control_a_history_that_breaks_a_promise_is_found() {
    let (gate, links) = given_all_kinds_of_links().await;
    let sql = gate.sql().await;
    let again = "insert into events select log, (select max(position) + 1 from events), gen_random_uuid(), aggregate, \
                 aggregate_id, sequence + 1, event_type, event_version, recorded_at, correlation, causation, traceparent, payload \
                 from events where aggregate_id = $1 and event_type = 'TicketBought'";
    assert_eq!(sql.execute(again, &[&links[0].id]).await.unwrap(), 1);
    gate.finds_wrong("a link is used at most once: 1 violations").await;
    gate.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_projection_is_rebuilt_while_the_system_runs() {
    let (gate, links) = given_all_kinds_of_links().await;
    let sql = gate.sql().await;
    sql.execute("update link_status set tier = 'nonsense'", &[]).await.unwrap();
    sql.execute("delete from link_status where request_id = $1", &[&links[1].id]).await.unwrap();
    gate.verify().await.unwrap_err();
    let (rebuilt, used) = tokio::join!(gate.run(&["rebuild", "links"]), gate.buy(&links[1]));
    rebuilt.unwrap();
    used.is(200);
    gate.verify().await.unwrap();
    // It goes on from where the copy ended.
    gate.given_used_link().await;
    gate.until_projected(LINKS_LOG).await;
    gate.verify().await.unwrap();
    for link in &links {
        let status = gate.check(link.id, link.owner.as_ref()).await.status;
        assert!([200, 410].contains(&status), "{status}");
    }
    gate.system.stop().await.unwrap();
}

#[tokio::test]
async fn a_projection_nobody_has_can_not_be_rebuilt() {
    let gate = World::shared();
    let refused = gate.run(&["rebuild", "nonsense"]).await.unwrap_err();
    assert!(refused.contains("\"links\""), "it does not name those there are: {refused}");
}
