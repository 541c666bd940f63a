//! `ticketing generate-data`: a season, and people with tokens who can use it.

use crate::world::World;
use crate::world::answer::Ask;

#[tokio::test]
async fn a_season_is_made_once_and_its_people_can_sign_in_by_their_tokens() {
    let world = World::start(&[]).await;
    let first = world.run(&["generate-data"]).await.unwrap();
    let said = first.lines().next().unwrap();
    assert!(said.starts_with("10 stadiums, 100 matches, "), "{first}");
    assert!(!said.contains(" 0 tickets"), "{first}");
    let second = world.run(&["generate-data"]).await.unwrap();
    assert!(second.starts_with("10 stadiums, 100 matches, 0 tickets"), "{second}");
    let mut ids = Vec::new();
    for (line, name) in second.lines().skip(1).zip(["user", "sudo", "author", "guest_1", "guest_2"])
    {
        let [username, id, token] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        assert_eq!(username, name);
        assert!(first.contains(&format!("{name} {id} ")), "the id is always the same");
        let index = world.get("/api/").header("Authorization", format!("JWT {token}"));
        index.ask().await.is(200);
        let wallets = world.get("/api/wallet/").bearer_auth(token).ask().await;
        assert_eq!(wallets.status, if name == "sudo" { 200 } else { 403 });
        ids.push(id.to_owned());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
    let made = async |kind: &str| {
        let query = format!("select count(*) from events where event_type = '{kind}'");
        world.count(&query).await
    };
    assert_eq!((made("SeatsPlanned").await, made("Scheduled").await), (10, 100));
    let largest = "select max((s->>'rows')::int * (s->>'seats_per_row')::int \
                       * jsonb_array_length(payload->'sections')) \
                   from events, jsonb_array_elements(payload->'sections') s \
                   where event_type = 'SeatsPlanned'";
    assert_eq!(world.count(&largest.replace("max(", "max(1::bigint * ")).await, 50_000);
    world.system.stop().await.unwrap();
}
