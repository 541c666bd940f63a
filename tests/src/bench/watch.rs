//! Sees links being issued by following the log in the database with one connection: clients that checked again and again
//! instead would load the system more the slower it is. What is committed is what a check shows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use shared_events::topology::LINKS_LOG;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use uuid::Uuid;

use super::stage::Stage;

/// How often the log is looked at: the resolution of what is measured by it.
const LOOK: Duration = Duration::from_millis(2);
/// A link that is not issued by then never will be.
const PATIENCE: Duration = Duration::from_secs(60);

/// Follows the log from when it was made; ends when dropped.
pub struct Watch {
    links: Arc<Mutex<HashMap<Uuid, Link>>>,
    following: JoinHandle<Result<()>>,
}

/// Whoever comes first, the link or the one who waits for it, leaves a note for the other.
enum Link {
    Issued,
    Awaited(oneshot::Sender<()>),
}

impl Watch {
    /// Begins to follow.
    ///
    /// # Errors
    /// If Postgres does not answer.
    pub async fn begin(stage: &Stage) -> Result<Self> {
        let url = &stage.system.wiring.database_url;
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        let head = "select coalesce(max(position), 0) from events where log = $1";
        let mut seen: i64 = client.query_one(head, &[&LINKS_LOG]).await?.try_get(0)?;
        let issued = "select position, aggregate_id from events \
            where log = $1 and position > $2 and event_type = 'LinkIssued' order by position";
        let issued = client.prepare(issued).await?;
        let links = Arc::new(Mutex::new(HashMap::new()));
        let notes = Arc::clone(&links);
        let following = tokio::spawn(async move {
            let mut look = interval(LOOK);
            look.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                look.tick().await;
                for row in client.query(&issued, &[&LINKS_LOG, &seen]).await? {
                    seen = row.try_get(0)?;
                    let id = row.try_get(1)?;
                    let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
                    match notes.remove(&id) {
                        // Whoever gave up waiting has told so.
                        Some(Link::Awaited(waiting)) => drop(waiting.send(())),
                        _ => drop(notes.insert(id, Link::Issued)),
                    }
                }
            }
        });
        Ok(Self { links, following })
    }

    /// Waits until the link of a request is issued.
    ///
    /// # Errors
    /// If that takes too long, or the log can not be followed any more.
    pub async fn issued(&self, id: Uuid) -> Result<()> {
        let issued = {
            let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(Link::Issued) = links.remove(&id) {
                return Ok(());
            }
            let (waiting, issued) = oneshot::channel();
            links.insert(id, Link::Awaited(waiting));
            issued
        };
        timeout(PATIENCE, issued).await.context("a link was not issued")?.context("the log's end")
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.following.abort();
    }
}
