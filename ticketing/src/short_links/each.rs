//! Short addresses that the service makes for its own messages: one for each thing it speaks of,
//! whoever asks, however often and on however many replicas. The key of the table decides. Not
//! here: what people make (`make.rs`).

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use tokio_postgres::Row;
use uuid::Uuid;

use super::{ShortLinks, code};
use crate::platform::database::DatabaseError;

/// One that ends within this part of its time lasts anew.
const LAST_PART: i32 = 3;

impl ShortLinks {
    /// A short address for each of these things, with where it leads. It lasts so long from now on,
    /// or at least a third of it; while it does, nothing is written. What may not be led to, or
    /// found no code that is free, is left out.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer.
    pub async fn shorten_each(
        &self,
        things: &[(Uuid, String)],
        lasts: TimeDelta,
    ) -> Result<HashMap<Uuid, String>, DatabaseError> {
        let now = self.clock.now();
        let ids: Vec<Uuid> = things.iter().map(|(id, _)| *id).collect();
        let mut made = self.lasting(&ids, now + lasts / LAST_PART).await?;
        for _ in 0..code::ATTEMPTS {
            // In one order, so that two who make the same do not wait for each other.
            let missing: BTreeMap<Uuid, String> = things
                .iter()
                .filter(|(id, _)| !made.contains_key(id))
                .filter_map(|(id, url)| Some((*id, self.allowed.judge(url).ok()?)))
                .collect();
            if missing.is_empty() {
                break;
            }
            match self.make_each(&missing, now, now + lasts).await {
                Ok(more) => made.extend(more),
                Err(error) if error.violated_constraint() == Some("short_links_pkey") => {}
                Err(error) => return Err(error),
            }
        }
        if made.len() < ids.len() {
            tracing::warn!(missing = ids.len() - made.len(), "messages have no short address");
        }
        Ok(made)
    }

    /// Those that are there and do not end before that.
    async fn lasting(
        &self,
        ids: &[Uuid],
        until: DateTime<Utc>,
    ) -> Result<HashMap<Uuid, String>, DatabaseError> {
        let text = "select made_for, code from short_links \
                    where made_for = any($1) and dead_from > $2";
        let client = self.database.get().await?;
        let statement = client.prepare_cached(text).await?;
        let rows = client.query(&statement, &[&ids, &until]).await?;
        self.addresses(&rows)
    }

    async fn make_each(
        &self,
        things: &BTreeMap<Uuid, String>,
        now: DateTime<Utc>,
        expires: DateTime<Utc>,
    ) -> Result<HashMap<Uuid, String>, DatabaseError> {
        let text = "insert into short_links \
                        (code, url, visits, expires_at, dead_from, created_at, made_for) \
                    select w.code, w.url, 0, $4, $4, $5, w.made_for \
                    from unnest($1::text[], $2::text[], $3::uuid[]) w(code, url, made_for) \
                    on conflict (made_for) where made_for is not null \
                        do update set expires_at = $4, dead_from = $4 \
                    returning made_for, code";
        // Without chance there is no code: then there is none at all.
        let codes: Vec<String> = things.iter().map_while(|_| code::new().ok()).collect();
        let (ids, urls): (Vec<Uuid>, Vec<&str>) =
            things.iter().take(codes.len()).map(|(id, url)| (*id, url.as_str())).unzip();
        let client = self.database.get().await?;
        let statement = client.prepare_cached(text).await?;
        let rows = client.query(&statement, &[&codes, &urls, &ids, &expires, &now]).await?;
        self.addresses(&rows)
    }

    fn addresses(&self, rows: &[Row]) -> Result<HashMap<Uuid, String>, DatabaseError> {
        let address = |row: &Row| Ok((row.try_get(0)?, self.address(row.try_get(1)?)));
        Ok(rows.iter().map(address).collect::<Result<_, tokio_postgres::Error>>()?)
    }
}
