//! Grouped reads: point reads that wait at the same moment are answered by one statement, as group
//! commit does for writes. Never a timer: alone, a read goes at once.
//!
//! Each is answered from a statement that began after it was asked, so nobody sees less than was
//! committed by then. A group fails as a whole, each of its askers with the cause; one that takes
//! longer than [`READ_LIMIT`] is given up, and keys whose askers have left are not read. A reader
//! that panics is started again. Not here: what is read.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::timeout;

use super::causes::causes;
use super::database::DatabaseError;
use super::workers::restarted;

/// Reads in one statement.
const GROUP: usize = 128;
/// Statements under way at once.
const READERS: usize = 2;
/// Reads that may wait; whoever comes later waits to be let in. No smaller than the number of
/// requests in flight, so it does not happen.
const PLACES: usize = 4_096;
/// How long a group may take. Longer than the wait for a pooled connection and longer than the
/// server's `statement_timeout`, so this strikes only when the server itself is silent: without it
/// a frozen server would hold both readers for as long as it is frozen.
const READ_LIMIT: Duration = Duration::from_secs(8);

type Value<V> = Result<V, DatabaseError>;
type Asked<K, V> = (K, oneshot::Sender<Value<V>>);

/// Reads values of type `V` by keys of type `K`; cheap to clone.
pub struct GroupedReads<K, V> {
    sender: mpsc::Sender<Asked<K, V>>,
}

impl<K, V> Clone for GroupedReads<K, V> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone() }
    }
}

impl<K, V> GroupedReads<K, V>
where
    K: Send + 'static,
    V: Send + 'static,
{
    /// Starts the readers; they end when the last clone is dropped. `read` answers keys in their
    /// order; if it fails, it fails for all of them.
    pub fn start<F, R>(read: F) -> Self
    where
        F: Fn(Vec<K>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Vec<V>, DatabaseError>> + Send + 'static,
    {
        let (sender, receiver) = mpsc::channel(PLACES);
        let (receiver, read) = (Arc::new(Mutex::new(receiver)), Arc::new(read));
        for _ in 0..READERS {
            let (receiver, read) = (Arc::clone(&receiver), Arc::clone(&read));
            restarted("grouped reads", move || answer(Arc::clone(&receiver), Arc::clone(&read)));
        }
        Self { sender }
    }

    /// Reads one value. Waits for its group, and for the one before it if all readers are busy.
    ///
    /// # Errors
    /// [`DatabaseError::Group`] with the cause if the group it was in failed, which is logged once
    /// for the group; [`DatabaseError::Silent`] if there was no answer at all.
    pub async fn read(&self, key: K) -> Result<V, DatabaseError> {
        let (answer, value) = oneshot::channel();
        self.sender.send((key, answer)).await.map_err(|_| DatabaseError::Silent)?;
        value.await.unwrap_or(Err(DatabaseError::Silent))
    }
}

async fn answer<K, V, F, R>(receiver: Arc<Mutex<mpsc::Receiver<Asked<K, V>>>>, read: Arc<F>)
where
    F: Fn(Vec<K>) -> R,
    R: Future<Output = Result<Vec<V>, DatabaseError>>,
{
    loop {
        let mut group = Vec::with_capacity(GROUP);
        if receiver.lock().await.recv_many(&mut group, GROUP).await == 0 {
            return;
        }
        group.retain(|(_, answer)| !answer.is_closed());
        if group.is_empty() {
            continue;
        }
        let (keys, answers): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        let read = timeout(READ_LIMIT, read(keys)).await;
        match read.unwrap_or(Err(DatabaseError::Silent)) {
            Ok(values) => {
                for (answer, value) in answers.into_iter().zip(values) {
                    // Who asked may have left.
                    let _ = answer.send(Ok(value));
                }
            }
            Err(error) => {
                tracing::warn!(error = causes(&error), "a group of reads failed");
                let cause = Arc::new(error);
                for answer in answers {
                    let _ = answer.send(Err(DatabaseError::Group(Arc::clone(&cause))));
                }
            }
        }
    }
}
