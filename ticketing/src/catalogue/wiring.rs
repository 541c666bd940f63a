//! How the catalogue hangs together: its routes. It keeps no history, so nothing runs behind it.

use std::sync::Arc;

use super::Catalogue;
use super::http::{CatalogueLimits, FilmsApi, FollowsApi, ReviewsApi, Service as Shared};
use crate::bounded_context::{BoundedContext, Service};
use crate::platform::background::Background;
use crate::platform::erasure::Erasure;
use crate::platform::projections::Projection;
use crate::verify::Invariant;

/// What others think of a review goes with it.
const ERASURES: [Erasure; 4] = [
    Erasure {
        what: "followers and followed",
        statement: "delete from follows where follower = $1 or host = $1",
    },
    Erasure { what: "marks of films", statement: "delete from film_marks where account_id = $1" },
    Erasure {
        what: "likes",
        statement: "with gone as (delete from review_likes where account_id = $1 returning review_id) \
                    update film_reviews r set likes = r.likes - 1 from gone where r.review_id = gone.review_id",
    },
    Erasure { what: "reviews", statement: "delete from film_reviews where account_id = $1" },
];

/// It counts its violations.
const INVARIANTS: [Invariant; 1] = [Invariant {
    name: "a review has as many likes as there are people who like it",
    violations: "select count(*) from film_reviews r where r.likes <> \
                 (select count(*) from review_likes l where l.review_id = r.review_id)",
}];

impl BoundedContext for Catalogue {
    type Routes = (FilmsApi, FollowsApi, ReviewsApi);

    fn projections() -> Vec<Arc<dyn Projection>> {
        Vec::new()
    }

    fn invariants() -> Vec<Invariant> {
        INVARIANTS.to_vec()
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
