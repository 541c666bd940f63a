//! Where notices lead to: a short address each, the same in the product and in the mail, made when
//! a notice is first listed or mailed. Not here: the paths (`kind.rs`).

use std::collections::HashMap;

use chrono::TimeDelta;
use uuid::Uuid;

use super::reading::Found;
use crate::platform::database::DatabaseError;
use crate::short_links::ShortLinks;

/// How long a short address works at first; a notice that is listed keeps its own alive.
const LASTS: TimeDelta = TimeDelta::days(90);

/// Knows where notices lead to.
#[derive(Clone)]
pub(super) struct Leads {
    pub(super) links: ShortLinks,
    /// What addresses of the product begin with, without a slash at its end.
    pub(super) public_url: String,
}

impl Leads {
    /// Where each of these leads to. Where no short address can be made, the long one.
    pub(super) async fn of(
        &self,
        notices: &[&Found],
    ) -> Result<HashMap<Uuid, String>, DatabaseError> {
        let long = |notice: &&Found| {
            let path = notice.kind.path(notice.about);
            (notice.id, format!("{}{path}", self.public_url))
        };
        let long: Vec<_> = notices.iter().map(long).collect();
        let short = self.links.shorten_each(&long, LASTS).await?;
        let mut leads: HashMap<_, _> = long.into_iter().collect();
        leads.extend(short);
        Ok(leads)
    }
}
