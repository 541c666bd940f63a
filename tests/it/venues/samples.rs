//! `ticketing generate-data`: a season, and people with tokens who can use it.

use crate::harness::eventually;
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
        let scheme = format!("JWT {token}");
        let matches = async || {
            let request = world.get("/api/match/?limit=200").header("Authorization", &scheme);
            request.ask().await.is(200).json.as_array().unwrap().len()
        };
        eventually("all matches are listed", async || matches().await == 100).await;
        let wallets = world.get("/api/wallet/").bearer_auth(token).ask().await;
        assert_eq!(wallets.status, if name == "sudo" { 200 } else { 403 });
        ids.push(id.to_owned());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
    let largest = "select max(n) from (select count(*) n from stadium_seats group by stadium_id) x";
    eventually("the seats are there", async || {
        world.count("select count(*) from stadiums").await == 10
            && world.count(largest).await == 50_000
    })
    .await;
    world.system.stop().await.unwrap();
}
