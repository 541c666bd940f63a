//! `ticketing generate-data`: a season, and people with tokens who can use it.

use reqwest::Method;
use serde_json::{Value, json};
use shared_events::{AccountId, WalletId};

use crate::world::World;
use crate::world::answer::Ask;
use crate::world::people::{PASSWORD, User, registration};

/// The people with their ids, which never change.
const PEOPLE: [(&str, &str); 5] = [
    ("user", "79c0e13b-0066-5211-9e81-533cd9d8be21"),
    ("sudo", "08870fc3-fa6c-57b0-be75-4b9e586a2c5a"),
    ("author", "8c8aa719-6c11-5529-9a31-eba4bf0beef1"),
    ("guest_1", "ac267daa-8074-5e1e-b47e-d7d6ce93c4bb"),
    ("guest_2", "251f9dee-dacd-5dc7-aee7-fcf7ae4a4f3a"),
];

/// What is printed for somebody.
struct Printed {
    user: User,
    account: String,
    wallet: String,
}

/// The match that is on sale, and the people.
fn printed(text: &str) -> (String, Vec<Printed>) {
    let on_sale = text.lines().find(|line| line.contains(" is on sale: ")).expect("a match");
    let people = text.lines().skip_while(|line| *line != "username, account, wallet, token:");
    let person = |line: &str| {
        let [name, account, wallet, token] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let (username, email) = (name.to_owned(), format!("{name}@example.com"));
        let user = User { username, email, token: token.to_owned() };
        Printed { user, account: account.to_owned(), wallet: wallet.to_owned() }
    };
    (on_sale.split(' ').nth(1).expect("an id").to_owned(), people.skip(1).map(person).collect())
}

#[tokio::test]
async fn a_season_is_made_once_and_its_people_can_use_it() {
    let world = World::start(&[]).await;
    let first = world.run(&["generate-data"]).await.unwrap();
    let said = first.lines().next().unwrap();
    assert!(said.starts_with("10 stadiums, 100 matches, "), "{first}");
    assert!(!said.contains(" 0 tickets"), "{first}");
    let second = world.run(&["generate-data"]).await.unwrap();
    assert!(second.starts_with("10 stadiums, 100 matches, 0 tickets"), "{second}");
    for text in [&first, &second] {
        let (_, people) = printed(text);
        let known = people.iter().map(|Printed { user, account, wallet }| {
            let id = AccountId(account.parse().unwrap());
            assert_eq!(WalletId::of(id).to_string(), *wallet);
            (user.username.as_str(), account.as_str())
        });
        assert_eq!(known.collect::<Vec<_>>(), PEOPLE);
    }
    let (on_sale, people) = printed(&second);
    for Printed { user, .. } in &people {
        let index = world.get("/api/").header("Authorization", format!("JWT {}", user.token));
        index.ask().await.is(200);
        let wallets = world.get_as(user, "/api/wallet/").await;
        assert_eq!(wallets.status, if user.username == "sudo" { 200 } else { 403 });
    }
    world.until_projected("venues").await;
    walk(&world, &on_sale, &people[0]).await;
    oldest_first(&world, &people).await;
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

/// The walk of the README, with nothing but what was printed.
async fn walk(world: &World, on_sale: &str, Printed { user, wallet, .. }: &Printed) {
    let matches = world.get_as(user, "/api/match/").await.is(200);
    assert_eq!(matches.json[0]["id"], on_sale);
    world.get_as(user, &format!("/api/match/{on_sale}/seats")).await.is(200);
    let best = json!({ "quantity": 2, "adjacent": true });
    world.reserve_many(user, on_sale, &best).await.is(200);
    let bought = world.purchase(user, wallet).await.is(200);
    assert_eq!(world.balance(user, wallet).await, 950);
    world.until_projected("venues").await;
    let statement = world.get_as(user, &format!("/api/wallet/{wallet}/transactions")).await;
    assert_eq!(statement.is(200).json.as_array().unwrap().len(), 2);
    let path = format!("/api/purchase/{}/refund", bought.member("purchase_id"));
    world.by(user, Method::POST, &path).ask().await.is(200);
    // Who does not know which wallet is theirs any more asks for another.
    let again = world.by(user, Method::POST, "/api/wallet/").ask().await;
    let again = again.problem(409, "wallet_exists");
    assert!(again.member("detail").contains(wallet), "{}", again.text);
}

/// Their ids are made of names, so lists have to go by when they were made.
async fn oldest_first(world: &World, people: &[Printed]) {
    let sudo = &people[1].user;
    let all = async |path: &str, member: &str| {
        let mut found: Vec<String> = Vec::new();
        let mut next = Some(format!("{path}?limit=3"));
        while let Some(path) = next {
            let page = world.get_as(sudo, &path).await.is(200);
            let items = page.json.as_array().unwrap().iter();
            found.extend(items.map(|item: &Value| item[member].as_str().unwrap().to_owned()));
            next = page.header("link").split(['<', '>']).nth(1).map(str::to_owned);
        }
        found
    };
    let wallets: Vec<_> = people.iter().map(|person| person.wallet.clone()).collect();
    assert_eq!(all("/api/wallet/", "id").await, wallets);
    assert_eq!(all("/admin/wallets", "id").await, wallets);
    let stadiums = all("/api/stadium/", "name").await;
    assert_eq!((stadiums.len(), stadiums[0].as_str()), (10, "National Stadium"));
    assert_eq!(stadiums[9], "Village Green");
    let matches = all("/api/match/", "title").await;
    assert_eq!((matches.len(), matches[10].as_str()), (100, "Harbour Park, match 1"));
    let stadium = &all("/api/stadium/", "id").await[1];
    let page = world.get_as(sudo, &format!("/api/match/?stadium={stadium}&limit=2")).await.is(200);
    assert_eq!(page.json[1]["title"], "Harbour Park, match 2");
}

/// An earlier version gave whoever generated the data an administrator's token all the same.
#[tokio::test]
async fn who_was_erased_is_made_no_more_and_has_no_token() {
    let world = World::start(&[]).await;
    let (_, people) = printed(&world.run(&["generate-data"]).await.unwrap());
    world.leave(&people[1].user).await.is(204);
    let (_, left) = printed(&world.run(&["generate-data"]).await.unwrap());
    let names: Vec<_> = left.iter().map(|person| person.user.username.as_str()).collect();
    assert_eq!(names, ["user", "author", "guest_1", "guest_2"]);
    world.system.stop().await.unwrap();
}

/// Who took a name of theirs before is nobody's administrator.
#[tokio::test]
async fn nothing_is_made_if_a_name_or_an_address_is_anothers() {
    let world = World::start(&[]).await;
    let mut stranger = registration("standard");
    for (member, taken) in [("username", "Sudo"), ("email", "Guest_1@example.com")] {
        stranger[member] = json!(taken);
        world.register(&stranger).await.is(201);
        let refused = world.run(&["generate-data"]).await.unwrap_err();
        let lines: Vec<_> = refused.lines().collect();
        let [line] = lines[..] else { panic!("{refused}") };
        assert!(line.contains("is another account's, so nothing was made"), "{line}");
        let made = "select count(*) from accounts a where a.username = 'user'";
        assert_eq!(world.count(made).await, 0);
        assert_eq!(world.count("select count(*) from events where log = 'venues'").await, 0);
        if member == "username" {
            let token = world.login("Sudo", PASSWORD).await.is(200).member("access_token");
            let list = world.get("/api/wallet/").bearer_auth(token).ask().await;
            list.problem(403, "forbidden");
        }
        let gone = format!("delete from accounts where lower({member}) = lower('{taken}')");
        world.sql().await.batch_execute(&gone).await.unwrap();
        stranger = registration("standard");
    }
    world.run(&["generate-data"]).await.unwrap();
    world.system.stop().await.unwrap();
}
