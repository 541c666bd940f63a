//! Visiting a short link: one statement counts the visit and says where it leads, so that of any
//! number who come at once no more are sent on than the limit allows.

use super::{ShortLinks, code};
use crate::platform::database::DatabaseError;

/// What a visitor finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Visited {
    /// Go there; the visit is counted.
    LeadsTo(String),
    /// It has expired, or was visited as often as it may be.
    Dead,
    /// There is no such link.
    Unknown,
}

/// Counts a visit, and with the last one the link is dead.
const VISIT: &str = "update short_links set visits = visits + 1, \
        dead_from = case when visits + 1 = visit_limit then $2 else dead_from end \
    where code = $1 and (dead_from is null or dead_from > $2) \
        and (visit_limit is null or visits < visit_limit) \
    returning url";

impl ShortLinks {
    /// Counts a visit, if the link may be visited.
    pub(super) async fn visit(&self, text: &str) -> Result<Visited, DatabaseError> {
        if !code::is_code(text) {
            return Ok(Visited::Unknown);
        }
        let now = self.clock.now();
        let client = self.database.get().await?;
        let statement = client.prepare_cached(VISIT).await?;
        if let Some(row) = client.query_opt(&statement, &[&text, &now]).await? {
            return Ok(Visited::LeadsTo(row.try_get(0)?));
        }
        let known = "select exists (select from short_links where code = $1)";
        let statement = client.prepare_cached(known).await?;
        let known: bool = client.query_one(&statement, &[&text]).await?.try_get(0)?;
        Ok(if known { Visited::Dead } else { Visited::Unknown })
    }
}
