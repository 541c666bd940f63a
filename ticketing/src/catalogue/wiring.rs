//! How the catalogue hangs together: its routes. It keeps no history, so nothing runs behind it.

use std::sync::Arc;

use super::Catalogue;
use super::http::{CatalogueLimits, FilmsApi, FollowsApi, ReviewsApi, Service as Shared};
use crate::bounded_context::{BoundedContext, Service};
use crate::platform::background::Background;
use crate::platform::projections::Projection;

impl BoundedContext for Catalogue {
    type Routes = (FilmsApi, FollowsApi, ReviewsApi);

    fn projections() -> Vec<Arc<dyn Projection>> {
        Vec::new()
    }

    fn wire(service: Service<'_>) -> anyhow::Result<(Self::Routes, Vec<Background>)> {
        let Service { platform, settings, limits, .. } = service;
        let shared = Shared {
            catalogue: Self::new(platform.database.clone()),
            limits: CatalogueLimits::declare(limits, &settings.limits),
            clock: platform.clock.clone(),
        };
        let routes = (FilmsApi(shared.clone()), FollowsApi(shared.clone()), ReviewsApi(shared));
        Ok((routes, Vec::new()))
    }
}
