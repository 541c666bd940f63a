//! How short links hang together: their routes and what housekeeping deletes of them. They keep no
//! history, so nothing runs behind them.

use std::sync::Arc;

use super::allowed_hosts::AllowedHosts;
use super::http::{ShortLinkLimits, ShortLinksApi};
use super::{SERVED_THEIR_TIME, ShortLinks};
use crate::bounded_context::{BoundedContext, Service};
use crate::config::Settings;
use crate::platform::Platform;
use crate::platform::background::Background;
use crate::platform::clock::Clock;
use crate::platform::database::Database;
use crate::platform::erasure::Erasure;
use crate::platform::housekeeping::Rule;
use crate::platform::idempotency::Idempotency;
use crate::platform::projections::Projection;

impl ShortLinks {
    /// As the settings say.
    ///
    /// # Errors
    /// If a host that links may lead to can not be read.
    pub fn open(platform: &Platform, settings: &Settings) -> anyhow::Result<Self> {
        let Platform { database, clock, .. } = platform;
        let (public_url, hosts) = (settings.http.public_url(), &settings.http.allowed_link_hosts);
        Self::new(database.clone(), clock.clone(), &public_url, hosts)
    }

    /// Short addresses begin with `public_url`, without a slash at its end; they lead to
    /// its own host and to these; if there are none, to this machine.
    ///
    /// # Errors
    /// If a host can not be read.
    pub fn new(
        database: Database,
        clock: Clock,
        public_url: &str,
        hosts: &[String],
    ) -> anyhow::Result<Self> {
        // A setting that is there and empty is as if it was not there.
        let said = hosts.iter().any(|host| !host.trim().is_empty());
        let allowed = if said { AllowedHosts::read(hosts)? } else { AllowedHosts::this_machine()? };
        let allowed = allowed.and_of(public_url)?;
        Ok(Self {
            idempotency: Idempotency::new(database.clone()),
            database,
            clock,
            allowed: Arc::new(allowed),
            public_url: public_url.into(),
        })
    }
}

/// Where they lead may say something of who made them.
const ERASURES: [Erasure; 1] =
    [Erasure { what: "short links", statement: "delete from short_links where account_id = $1" }];

impl BoundedContext for ShortLinks {
    type Routes = ShortLinksApi;

    fn projections() -> Vec<Arc<dyn Projection>> {
        Vec::new()
    }

    fn acting_gets() -> Vec<&'static str> {
        vec!["/s/{code}"]
    }

    fn served_their_time() -> Vec<Rule> {
        SERVED_THEIR_TIME.to_vec()
    }

    fn erasures() -> Vec<Erasure> {
        ERASURES.to_vec()
    }

    fn wire(service: Service<'_>) -> anyhow::Result<(Self::Routes, Vec<Background>)> {
        let Service { platform, settings, limits, .. } = service;
        let links = Self::open(platform, settings)?;
        let limits = ShortLinkLimits::declare(limits, &settings.limits);
        Ok((ShortLinksApi { links, limits }, Vec::new()))
    }
}
