//! Access to Postgres: the pool, dedicated connections, migrations, and the checks at start.
//!
//! Connecting is limited, and so is the time the server gives a statement of the service or a
//! transaction that idles behind a future that was dropped. A server that is frozen keeps no limits
//! of its own: whoever must not wait for one limits the call (`append_queue.rs`,
//! `grouped_reads.rs`, `clock.rs`). Pooled and dedicated connections work as `turnstile_app`, which
//! may not change history; the owner's connections, for commands of the operator, are not limited.
//! Not here: any table, and TLS, which this program is built without.

use std::iter::successors;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{
    ClientWrapper, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Timeouts,
};
use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Config, NoTls};

use super::causes::causes;
use crate::config::DatabaseSettings;

mod embedded {
    refinery::embed_migrations!("../schema/migrations");
}

/// How long a caller waits for a pooled connection. Longer only grows the queue in front of a
/// server in trouble.
const POOL_WAIT: Duration = Duration::from_secs(2);
/// How long connecting may take, greeting and login included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long data may stay unacknowledged before a connection counts as dead.
const SILENCE_LIMIT: Duration = Duration::from_secs(6);
/// The limits that every connection of the service puts on itself, in Postgres' words.
///
/// No plan of the service reads a whole table where it could use an index: a plan that was made
/// while a table was small is kept while the table grows. And a prepared statement is planned once:
/// by itself Postgres plans one with an array as its parameter each time, which takes longer than
/// to execute it. Nor is one compiled: such a plan is priced by the size of its tables, not by the
/// few rows it reads, and from some 300,000 events on Postgres would compile it for milliseconds at
/// every execution.
const SERVICE_OPTIONS: &str = "-c role=turnstile_app -c statement_timeout=5s \
    -c idle_in_transaction_session_timeout=5s -c enable_seqscan=off \
    -c plan_cache_mode=force_generic_plan -c jit=off";
/// Two processes never migrate at the same time.
const MIGRATION_LOCK: &str = "select pg_advisory_lock(hashtextextended('migrate', 0))";
/// How long a migration waits for a table that others use. Behind it everybody else waits for the
/// table too, so it is shorter than a statement of theirs may take.
const LOCK_LIMIT: &str = "set lock_timeout = '3s'";

/// The database; cheap to clone.
#[derive(Clone)]
pub struct Database {
    pool: Pool,
    service: Arc<Config>,
    admin: Arc<Config>,
}

/// A connection outside the pool. It remembers the statements it has prepared.
pub type Connection = ClientWrapper;

/// Why Postgres did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// No connection could be had in time.
    #[error("no connection to Postgres")]
    Unavailable(#[from] PoolError),
    /// A statement failed, or the connection broke while it ran.
    #[error("a statement failed")]
    Statement(#[from] tokio_postgres::Error),
    /// Postgres took longer to answer than its caller may wait.
    #[error("Postgres did not answer in time")]
    Silent,
    /// The statement that read this value together with others failed.
    #[error("a group of reads failed")]
    Group(#[source] Arc<DatabaseError>),
    /// The schema could not be migrated.
    #[error("the schema could not be migrated")]
    Migration(#[from] Box<refinery::Error>),
    /// Later migrations were applied, this one was not.
    #[error("the migration {0} was passed over: later ones were applied before it was known")]
    PassedOver(String),
    /// Others use a table that is to be migrated.
    #[error("a table that is to be migrated is in use")]
    InUse,
    /// `DATABASE_URL` is not an address of Postgres.
    #[error("DATABASE_URL can not be read")]
    Address(#[source] tokio_postgres::Error),
    /// `DATABASE_URL` asks for a connection that this program can not make.
    #[error("DATABASE_URL has sslmode=require, and this program is built without TLS")]
    NoTls,
    /// Postgres is set so that acknowledged commits can be lost.
    #[error("Postgres has {0} off: acknowledged commits could be lost")]
    Unsafe(&'static str),
}

impl DatabaseError {
    /// The error code of Postgres, if the server answered.
    pub fn sql_state(&self) -> Option<&SqlState> {
        match self {
            Self::Statement(error) => error.code(),
            Self::Group(cause) => cause.sql_state(),
            _ => None,
        }
    }

    /// Whether Postgres is away or has too much to do, so that trying again can help.
    pub fn is_away(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Silent | Self::InUse => true,
            Self::Statement(error) => error.code().is_none_or(passes),
            Self::Group(cause) => cause.is_away(),
            Self::Migration(_)
            | Self::PassedOver(_)
            | Self::Address(_)
            | Self::NoTls
            | Self::Unsafe(_) => false,
        }
    }

    /// Whether Postgres has ended the transaction for the sake of another one (class 40 of
    /// SQLSTATE: deadlocks and the like), so that the same may succeed at once.
    pub fn is_conflict(&self) -> bool {
        self.sql_state().is_some_and(|state| is_of(state, &["40"]))
    }

    /// Whether the same statement will fail however often it is tried: SQLSTATE's classes of data
    /// exceptions (22), violated constraints (23) and statements that mean nothing here (42).
    pub fn is_final(&self) -> bool {
        self.sql_state().is_some_and(|state| is_of(state, &["22", "23", "42"]))
    }

    /// The constraint that was violated, if that is what happened.
    pub fn violated_constraint(&self) -> Option<&str> {
        match self {
            Self::Statement(error) => error.as_db_error().and_then(|db| db.constraint()),
            _ => None,
        }
    }
}

/// Classes 08, 40, 53, 57 of SQLSTATE: connection lost, ended for the sake of another transaction,
/// out of resources, told to stop.
fn passes(state: &SqlState) -> bool {
    is_of(state, &["08", "40", "53", "57"])
}

fn is_of(state: &SqlState, classes: &[&str]) -> bool {
    classes.iter().any(|class| state.code().starts_with(class))
}

impl Database {
    /// Prepares the pool; connects to nothing yet.
    ///
    /// # Errors
    /// [`DatabaseError::Address`] if the settings name no server, [`DatabaseError::NoTls`] if they
    /// ask for TLS.
    pub fn new(settings: &DatabaseSettings) -> Result<Self, DatabaseError> {
        let mut admin: Config = settings.database_url.parse().map_err(DatabaseError::Address)?;
        if admin.get_ssl_mode() == SslMode::Require {
            return Err(DatabaseError::NoTls);
        }
        admin
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_user_timeout(SILENCE_LIMIT)
            .keepalives_idle(Duration::from_secs(3))
            .keepalives_interval(Duration::from_secs(1))
            .keepalives_retries(3)
            .ssl_mode(SslMode::Disable);
        if admin.get_application_name().is_none() {
            admin.application_name("ticketing");
        }
        let mut service = admin.clone();
        service.options(SERVICE_OPTIONS);
        let manager = Manager::from_config(
            service.clone(),
            NoTls,
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        let pool = Pool::builder(manager)
            .max_size(settings.database_pool_size)
            .timeouts(Timeouts {
                wait: Some(POOL_WAIT),
                create: Some(CONNECT_TIMEOUT),
                recycle: Some(POOL_WAIT),
            })
            .runtime(deadpool_postgres::Runtime::Tokio1)
            .build()
            .map_err(|_| DatabaseError::Unavailable(PoolError::NoRuntimeSpecified))?;
        Ok(Self { pool, service: Arc::new(service), admin: Arc::new(admin) })
    }

    /// A connection of the pool, limited to 5 s a statement.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`] if none can be had within two seconds.
    pub async fn get(&self) -> Result<Object, DatabaseError> {
        Ok(self.pool.get().await?)
    }

    /// A connection outside the pool with the same limits, for a writer or a leader.
    ///
    /// # Errors
    /// [`DatabaseError::Statement`] if Postgres can not be reached, [`DatabaseError::Silent`] if it
    /// does not answer within three seconds.
    pub async fn connect(&self, name: &str) -> Result<Connection, DatabaseError> {
        connect(&self.service, name).await
    }

    /// A connection without limits, as the role of `DATABASE_URL`: for `migrate`, `rebuild` and
    /// `verify`.
    ///
    /// # Errors
    /// [`DatabaseError::Statement`] if Postgres can not be reached, [`DatabaseError::Silent`] if it
    /// does not answer within three seconds.
    pub async fn connect_as_owner(&self, name: &str) -> Result<Connection, DatabaseError> {
        connect(&self.admin, name).await
    }

    /// Brings the schema up to date, one process at a time. Returns the names of what was applied
    /// now. A schema that is newer than this program is left as it is: beside a newer replica, or
    /// after it, an older one goes on.
    ///
    /// # Errors
    /// [`DatabaseError::Migration`] if a migration fails or an applied one was changed,
    /// [`DatabaseError::PassedOver`] if one was never applied and is older than one that was,
    /// [`DatabaseError::InUse`] if others keep a table locked.
    pub async fn migrate(&self) -> Result<Vec<String>, DatabaseError> {
        let mut client = self.connect_as_owner("ticketing migrate").await?;
        client.execute(MIGRATION_LOCK, &[]).await?;
        // Only now: the lock before is waited for as long as another process migrates.
        client.batch_execute(LOCK_LIMIT).await?;
        let runner = embedded::migrations::runner().set_abort_missing(false);
        let report = runner.run_async(&mut *client).await.map_err(not_migrated)?;
        let applied = runner.get_applied_migrations_async(&mut *client).await;
        let applied = applied.map_err(not_migrated)?;
        // The library means both by missing: what this program does not know, and this.
        if let Some(one) = runner.get_migrations().iter().find(|one| !applied.contains(one)) {
            return Err(DatabaseError::PassedOver(one.to_string()));
        }
        Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
    }

    /// Begins a new history of every log, after a dump was restored: the broker may hold messages
    /// of the other one.
    ///
    /// # Errors
    /// [`DatabaseError::Statement`] if Postgres does not answer.
    pub async fn begin_new_history(&self) -> Result<(), DatabaseError> {
        let client = self.connect_as_owner("ticketing migrate").await?;
        let begin = "begin; update logs set history = gen_random_uuid(); \
                     update checkpoints c set history = l.history from logs l where l.log = c.log; \
                     commit";
        Ok(client.batch_execute(begin).await?)
    }

    /// Checks what the promise of durability needs of the server.
    ///
    /// # Errors
    /// [`DatabaseError::Unsafe`] names the setting that is off.
    pub async fn assert_durable(&self) -> Result<(), DatabaseError> {
        let client = self.get().await?;
        for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
            let row = client.query_one("select current_setting($1)", &[&setting]).await?;
            if row.try_get::<_, String>(0)? == "off" {
                return Err(DatabaseError::Unsafe(setting));
            }
        }
        Ok(())
    }

    /// How many pooled connections are in use, and how many callers wait for one.
    pub fn pool_usage(&self) -> (usize, usize) {
        let status = self.pool.status();
        (status.size.saturating_sub(status.available), status.waiting)
    }

    /// Closes the pool; who holds a connection may finish.
    pub fn close(&self) {
        self.pool.close();
    }
}

fn not_migrated(error: refinery::Error) -> DatabaseError {
    let first: &(dyn std::error::Error + 'static) = &error;
    let mut causes = successors(Some(first), |error| error.source());
    let said = causes.find_map(|cause| cause.downcast_ref::<tokio_postgres::Error>()?.code());
    if said == Some(&SqlState::LOCK_NOT_AVAILABLE) {
        return DatabaseError::InUse;
    }
    Box::new(error).into()
}

async fn connect(config: &Config, name: &str) -> Result<Connection, DatabaseError> {
    let mut config = config.clone();
    config.application_name(name);
    // The library limits only opening the socket: a frozen server accepts and says nothing.
    let connected = timeout(CONNECT_TIMEOUT, config.connect(NoTls)).await;
    let (client, connection) = connected.map_err(|_| DatabaseError::Silent)??;
    let connection = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = causes(&error), "a connection to Postgres ended");
        }
    });
    Ok(ClientWrapper::new(client, connection))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgres_ended_for_the_sake_of_another_transaction_can_be_tried_again() {
        for state in [SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE] {
            assert!(passes(&state) && is_of(&state, &["40"]), "{state:?}");
        }
        assert!(passes(&SqlState::ADMIN_SHUTDOWN) && passes(&SqlState::TOO_MANY_CONNECTIONS));
        assert!(!passes(&SqlState::UNIQUE_VIOLATION) && !passes(&SqlState::SYNTAX_ERROR));
    }
}
