//! What every integration test stands on: shared throwaway servers and a place of its own on them.

use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

use tests::secrets::BrokerUser;
use tests::throwaway::{Addresses, SharedServers};
use ticketing::config::DatabaseSettings;
use ticketing::platform::database::Database;
use uuid::Uuid;

/// Nothing a test waits for takes this long unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The servers of this run; they vanish with this process.
pub(crate) fn servers() -> &'static Addresses {
    static SERVERS: OnceLock<SharedServers> = OnceLock::new();
    &SERVERS.get_or_init(|| SharedServers::start().expect("throwaway servers")).addresses
}

/// A database and a virtual host of one test.
pub(crate) struct Place {
    pub(crate) name: String,
}

impl Place {
    pub(crate) async fn new() -> Self {
        let name = format!("test_{}", Uuid::new_v4().simple());
        servers().create_place(&name).await.expect("a place on the servers");
        Self { name }
    }

    /// A place with the schema in it.
    pub(crate) async fn migrated() -> (Self, Database) {
        let place = Self { name: format!("test_{}", Uuid::new_v4().simple()) };
        servers().create_migrated_place(&place.name).await.expect("a place on the servers");
        let database = place.database();
        (place, database)
    }

    pub(crate) fn database(&self) -> Database {
        database(&servers().database_url(&self.name))
    }

    pub(crate) fn amqp_url(&self) -> String {
        servers().amqp_url(BrokerUser::Ticketing, &self.name)
    }
}

pub(crate) fn database(url: &str) -> Database {
    let settings = DatabaseSettings {
        database_url: url.to_owned(),
        database_pool_size: 8,
        allow_unsafe_database: false,
    };
    Database::new(&settings).expect("an address of Postgres")
}

/// Asks until the answer is yes; fails with `what` after [`PATIENCE`].
pub(crate) async fn eventually<F, R>(what: &str, ask: F)
where
    F: Fn() -> R,
    R: Future<Output = bool>,
{
    let asking = async {
        let mut pause = tokio::time::interval(Duration::from_millis(20));
        while !ask().await {
            pause.tick().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.unwrap_or_else(|_| panic!("not seen: {what}"));
}
