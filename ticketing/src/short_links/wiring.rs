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
use crate::platform::housekeeping::Rule;
use crate::platform::idempotency::Idempotency;
use crate::platform::projections::Projection;

impl ShortLinks {
    /// As the settings say.
    ///
    /// # Errors
    /// If a host that links may lead to can not be read.
    pub fn open(platform: &Platform, settings: &Settings) -> anyhow::Result<Self> {
        let public_url = settings.http.public_url();
        let allowed = match settings.http.allowed_link_hosts.as_slice() {
            [] => AllowedHosts::own(&public_url)?,
            hosts => AllowedHosts::read(hosts)?,
        };
        Ok(Self {
            database: platform.database.clone(),
            clock: platform.clock.clone(),
            idempotency: Idempotency::new(platform.database.clone()),
            allowed: Arc::new(allowed),
            public_url: public_url.into(),
        })
    }
}

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

    fn wire(service: Service<'_>) -> anyhow::Result<(Self::Routes, Vec<Background>)> {
        let Service { platform, settings, limits, .. } = service;
        let links = Self::open(platform, settings)?;
        let limits = ShortLinkLimits::declare(limits, &settings.limits);
        Ok((ShortLinksApi { links, limits }, Vec::new()))
    }
}
