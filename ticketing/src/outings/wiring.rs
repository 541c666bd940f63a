//! How the outings hang together: their log with projection and deadlines, and their routes.

use std::sync::Arc;

use shared_events::topology::{
    OUTINGS_EVENTS, OUTINGS_LOG, PROJECT_OUTING_NOTICES, PROJECT_OUTINGS, Queue,
};

use super::announcements::Announcements;
use super::bookings::Bookings;
use super::hosting::OutingEnd;
use super::http::{
    AnnouncementsApi, BookingsApi, OutingReviewsApi, OutingsAdminApi, OutingsLimits,
    Service as Shared,
};
use super::invariants::INVARIANTS;
use super::leaving::LeavingOutings;
use super::moving::GuestsMove;
use super::planner::Planner;
use super::projection::{OUTINGS_PROJECTION, OutingsProjection};
use super::reviewing::{RatingPublishing, Reviewing};
use super::reviews::Reviews;
use super::waiting::TimeFreed;
use crate::accounts::People;
use crate::bounded_context::{BoundedContext, Service};
use crate::catalogue::Catalogue;
use crate::platform::background::Background;
use crate::platform::caught_up::CaughtUp;
use crate::platform::commands::Commands;
use crate::platform::erasure::Erasure;
use crate::platform::projections::Projection;
use crate::platform::relay::Route;
use crate::platform::vault::Vault;
use crate::verify::Invariant;

const FED: [Queue; 2] = [PROJECT_OUTINGS, PROJECT_OUTING_NOTICES];
const ROUTE: Route = Route { exchange: OUTINGS_EVENTS, queues: &FED, answers: &[] };

/// A text stands in the vault once for each time it was written.
const ERASURES: [Erasure; 2] = [
    Erasure {
        what: "texts of announcements",
        statement: "delete from vault where name in \
                    ('announcement_title', 'announcement_description', 'announcement_location') \
                    and id in (select t.id::uuid from announcements a \
                    join events e on e.aggregate = 'announcement' \
                        and e.aggregate_id = a.announcement_id \
                    cross join lateral (values (e.payload->>'title_id'), \
                        (e.payload->>'description_id'), (e.payload->>'location_id')) t(id) \
                    where a.host = $1 and e.event_type in ('Announced', 'Edited'))",
    },
    Erasure {
        what: "texts of reviews",
        statement: "delete from vault where name = 'review_text' and id in (\
                    select (e.payload->>'text_id')::uuid from reviews r \
                    join events e on e.aggregate = 'rating' and e.aggregate_id = r.rating_id \
                    where r.author = $1 and e.event_type in ('Rated', 'Revised') \
                    and e.payload->>'side' = r.side)",
    },
];

/// The outings.
pub struct Outings;

impl BoundedContext for Outings {
    type Routes = (AnnouncementsApi, BookingsApi, OutingReviewsApi, OutingsAdminApi);

    fn projections() -> Vec<Arc<dyn Projection>> {
        vec![Arc::new(OutingsProjection)]
    }

    fn invariants() -> Vec<Invariant> {
        INVARIANTS.to_vec()
    }

    fn erasures() -> Vec<Erasure> {
        ERASURES.to_vec()
    }

    fn wire(service: Service<'_>) -> anyhow::Result<(Self::Routes, Vec<Background>)> {
        let Service { platform, settings, limits, idempotent } = service;
        let clock = platform.clock.clone();
        let mut outings = Background::open(platform, OUTINGS_LOG, ROUTE, &Self::projections());
        let store = outings.store().clone();
        let planner = Planner::new(&store, clock.clone());
        let ratings = Commands::new(store.clone());
        outings.on_deadline(OutingEnd { planner: planner.clone(), clock: clock.clone() });
        outings.on_deadline(GuestsMove { planner: planner.clone(), clock: clock.clone() });
        outings.on_deadline(TimeFreed { planner: planner.clone(), clock: clock.clone() });
        let bookings = Bookings::new(store.clone());
        let caught_up = CaughtUp::new(store.clone(), OUTINGS_PROJECTION);
        outings.on_leaving(LeavingOutings {
            planner: planner.clone(),
            bookings: bookings.clone(),
            caught_up: caught_up.clone(),
            clock: clock.clone(),
        });
        outings.on_deadline(RatingPublishing { ratings: ratings.clone(), clock: clock.clone() });
        let shared = Shared {
            reviewing: Reviewing { planner: planner.clone(), ratings },
            planner,
            announcements: Announcements::new(store.clone()),
            bookings,
            reviews: Reviews::new(store),
            catalogue: Catalogue::new(platform.database.clone()),
            people: People::new(platform.database.clone()),
            vault: Vault::new(platform.database.clone()),
            caught_up,
            idempotent: idempotent.clone(),
            limits: OutingsLimits::declare(limits, &settings.limits),
            clock,
        };
        let routes = (
            AnnouncementsApi(shared.clone()),
            BookingsApi(shared.clone()),
            OutingReviewsApi(shared.clone()),
            OutingsAdminApi(shared),
        );
        Ok((routes, vec![outings]))
    }
}
