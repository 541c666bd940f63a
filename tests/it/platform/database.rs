//! Connections to a Postgres that is there and does not answer, and addresses that can not be used.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tests::chaos::proxy::{Protocol, Proxy};
use ticketing::config::DatabaseSettings;
use ticketing::platform::database::Database;

use crate::harness::{Place, database, servers};

/// The place's database through a proxy.
pub(super) async fn behind_proxy(place: &Place, protocol: Protocol) -> (Database, Proxy) {
    let port = servers().database_port;
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let proxy = Proxy::start(server, protocol).await.unwrap();
    let url =
        servers().database_url(&place.name).replace(&port.to_string(), &proxy.port().to_string());
    (database(&url), proxy)
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_not_waited_for() {
    let place = Place::new().await;
    let (database, proxy) = behind_proxy(&place, Protocol::Postgres).await;
    proxy.silence(true);
    let connected = tokio::time::timeout(Duration::from_secs(10), database.connect("test")).await;
    assert!(connected.expect("it gives up").is_err());
}

#[test]
fn an_address_that_asks_for_tls_is_refused_by_name() {
    let settings = |url: &str| DatabaseSettings {
        database_url: url.to_owned(),
        database_pool_size: 1,
        allow_unsafe_database: false,
    };
    let refused = Database::new(&settings("postgres://me@db/turnstile?sslmode=require"));
    let told = refused.err().expect("refused").to_string();
    assert!(told.contains("sslmode=require") && told.contains("TLS"), "{told}");
    for silent in ["", "?sslmode=prefer", "?sslmode=disable"] {
        assert!(Database::new(&settings(&format!("postgres://me@db/turnstile{silent}"))).is_ok());
    }
}
