//! What every integration test stands on: shared throwaway servers and a place of its own on them.

use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

use tests::secrets::BrokerUser;
use tests::throwaway::{self, Addresses, SharedServers};
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
        let place = Self::to_be();
        servers().create_place(&place.name).await.expect("a place on the servers");
        place
    }

    fn to_be() -> Self {
        Self { name: format!("test_{}", Uuid::new_v4().simple()) }
    }

    /// A place with the schema in it.
    pub(crate) async fn migrated() -> (Self, Database) {
        let place = Self::to_be();
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
    throwaway::database(url).expect("an address of Postgres")
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
