//! How the catalogue hangs together: its routes. It keeps no history, so nothing runs behind it.

use std::sync::Arc;

use super::Catalogue;
use super::http::{CatalogueLimits, FilmsApi, FollowsApi, ReviewsApi, Service as Shared};
use crate::bounded_context::{BoundedContext, Service};
use crate::platform::background::Background;
use crate::platform::erasure::Erasure;
use crate::platform::projections::Projection;

/// What others think of a review goes with it.
const ERASURES: [Erasure; 4] = [
    Erasure {
        what: "followers and followed",
        statement: "delete from follows where follower = $1 or host = $1",
    },
    Erasure { what: "marks of films", statement: "delete from film_marks where account_id = $1" },
    Erasure { what: "likes", statement: "delete from review_likes where account_id = $1" },
    Erasure { what: "reviews", statement: "delete from film_reviews where account_id = $1" },
];

impl BoundedContext for Catalogue {
    type Routes = (FilmsApi, FollowsApi, ReviewsApi);

    fn projections() -> Vec<Arc<dyn Projection>> {
        Vec::new()
    }

    fn erasures() -> Vec<Erasure> {
        ERASURES.to_vec()
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
