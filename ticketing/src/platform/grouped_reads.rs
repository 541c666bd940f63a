//! Grouped reads: point reads that wait at the same moment are answered by one statement, as group
//! commit does for writes. Never a timer: alone, a read goes at once.
//!
//! Each is answered from a statement that began after it was asked, so nobody sees less than was
//! committed by then. Not here: what is read.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, oneshot};

use super::database::DatabaseError;

/// Reads in one statement.
const GROUP: usize = 128;
/// Statements under way at once.
const READERS: usize = 2;
/// Reads that may wait; whoever comes later waits to be let in. No smaller than the number of
/// requests in flight, so it does not happen.
const PLACES: usize = 4_096;

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
            tokio::spawn(answer(Arc::clone(&receiver), Arc::clone(&read)));
        }
        Self { sender }
    }

    /// Reads one value.
    ///
    /// # Errors
    /// [`DatabaseError::Group`] if Postgres did not answer the group it was in; why is logged.
    pub async fn read(&self, key: K) -> Result<V, DatabaseError> {
        let (answer, value) = oneshot::channel();
        self.sender.send((key, answer)).await.map_err(|_| DatabaseError::Group)?;
        value.await.map_err(|_| DatabaseError::Group)
    }
}

/// A key and whoever waits for its value.
type Asked<K, V> = (K, oneshot::Sender<V>);

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
        let (keys, answers): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        match read(keys).await {
            Ok(values) => {
                for (answer, value) in answers.into_iter().zip(values) {
                    // Who asked may have left.
                    let _ = answer.send(value);
                }
            }
            Err(error) => tracing::warn!(%error, "a group of reads failed"),
        }
    }
}
