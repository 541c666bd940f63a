//! How the venues hang together: their log with projection, deadlines and consumer, the seat maps
//! in memory, and their routes.

use std::sync::Arc;

use chrono::TimeDelta;
use shared_events::topology::{
    GRANT_ACCESS_RIGHTS, LINKS_LOG, PROJECT_VENUES, Queue, VENUES_EVENTS, VENUES_LOG,
};

use super::consumer::GrantAccessRights;
use super::fixtures::Fixtures;
use super::holding::{HoldExpiry, Holding, Offered};
use super::http::{
    FixturesApi, IndexApi, PurchasesApi, ReservingApi, Service as Shared, StadiumsApi, TariffsApi,
    TicketsApi, VenuesAdminApi, VenuesLimits, WalletsApi,
};
use super::invariants::INVARIANTS;
use super::offering::Offering;
use super::projection::{VENUES_PROJECTION, VenuesProjection};
use super::purchases::Purchases;
use super::purchasing::Purchasing;
use super::scheduling::Scheduling;
use super::seat_maps::SeatMaps;
use super::stadium_seats::StadiumSeats;
use super::stadiums::Stadiums;
use super::tariffs::Tariffs;
use super::tickets::Tickets;
use super::topping_up::{TopUpSettling, ToppingUp};
use super::wallets::Wallets;
use crate::accounts::People;
use crate::bounded_context::{BoundedContext, Service};
use crate::platform::background::Background;
use crate::platform::caught_up::CaughtUp;
use crate::platform::commands::Commands;
use crate::platform::projections::Projection;
use crate::platform::relay::Route;
use crate::platform::vault::Vault;
use crate::providers;
use crate::verify::Invariant;

const FED: [Queue; 1] = [PROJECT_VENUES];
const ROUTE: Route = Route { exchange: VENUES_EVENTS, queues: &FED, answers: &[] };

/// The venues.
pub struct Venues;

impl BoundedContext for Venues {
    type Routes = (
        IndexApi,
        StadiumsApi,
        TariffsApi,
        FixturesApi,
        TicketsApi,
        ReservingApi,
        WalletsApi,
        PurchasesApi,
        VenuesAdminApi,
    );

    fn projections() -> Vec<Arc<dyn Projection>> {
        vec![Arc::new(VenuesProjection)]
    }

    fn invariants() -> Vec<Invariant> {
        INVARIANTS.to_vec()
    }

    fn wire(service: Service<'_>) -> anyhow::Result<(Self::Routes, Vec<Background>)> {
        let Service { platform, settings, limits, idempotent } = service;
        let clock = platform.clock.clone();
        let mut venues = Background::open(platform, VENUES_LOG, ROUTE, &Self::projections());
        let store = venues.store().clone();
        let currency = settings.payments.currency.into();
        let maps = SeatMaps::new(store.clone());
        let (followed, now) = (maps.clone(), clock.clone());
        venues.work("seat maps", move |stop| followed.follow(now, stop));
        let (stadiums, tariffs) = (Commands::new(store.clone()), Commands::new(store.clone()));
        let (fixtures, seats) = (Commands::new(store.clone()), Commands::new(store.clone()));
        let (baskets, rights) = (Commands::new(store.clone()), Commands::new(store.clone()));
        let wallets = Commands::with_snapshots(store.clone());
        let offering = Offering {
            stadiums: stadiums.clone(),
            tariffs: tariffs.clone(),
            fixtures: fixtures.clone(),
            seats: seats.clone(),
        };
        let scheduling = Scheduling {
            stadiums: stadiums.clone(),
            fixtures: fixtures.clone(),
            maps: maps.clone(),
        };
        let hold = TimeDelta::seconds(settings.venues.seat_hold_seconds.into());
        let holding = Holding {
            seats: seats.clone(),
            fixtures: fixtures.clone(),
            baskets: baskets.clone(),
            rights: rights.clone(),
            maps: maps.clone(),
            hold,
            offered: Offered::default(),
        };
        let purchasing = Purchasing {
            seats,
            fixtures,
            baskets,
            wallets: wallets.clone(),
            purchases: Commands::new(store.clone()),
            maps: maps.clone(),
            refund_until: TimeDelta::hours(settings.venues.refund_until_hours.into()),
            currency,
        };
        let topping_up = ToppingUp {
            top_ups: Commands::new(store.clone()),
            wallets: wallets.clone(),
            provider: providers::open(&settings.payments, platform, hold)?,
            vault: Vault::new(platform.database.clone()),
            clock: clock.clone(),
        };
        venues.on_deadline(HoldExpiry { holding: holding.clone(), clock: clock.clone() });
        venues.on_deadline(TopUpSettling(topping_up.clone()));
        let granting = GrantAccessRights { rights, clock: clock.clone() };
        venues.consume_from(LINKS_LOG, &GRANT_ACCESS_RIGHTS, granting);
        let shared = Shared {
            idempotent: idempotent.clone(),
            limits: VenuesLimits::declare(limits, &settings.limits),
            caught_up: CaughtUp::new(store.clone(), VENUES_PROJECTION),
            clock,
            currency,
        };
        let (stadium_reads, seat_reads) =
            (Stadiums::new(store.clone()), StadiumSeats::new(store.clone()));
        let (wallet_reads, purchase_reads) =
            (Wallets::new(store.clone()), Purchases::new(store.clone()));
        let tickets = TicketsApi {
            offering: offering.clone(),
            tickets: Tickets::new(store.clone()),
            places: seat_reads.clone(),
            maps: maps.clone(),
            shared: shared.clone(),
        };
        let routes = (
            IndexApi { public_url: settings.http.public_url().into() },
            StadiumsApi {
                commands: stadiums,
                stadiums: stadium_reads,
                seats: seat_reads.clone(),
                shared: shared.clone(),
            },
            TariffsApi {
                commands: tariffs,
                tariffs: Tariffs::new(store.clone()),
                shared: shared.clone(),
            },
            FixturesApi {
                scheduling,
                offering,
                fixtures: Fixtures::new(store.clone()),
                seats: seat_reads,
                maps: maps.clone(),
                shared: shared.clone(),
            },
            tickets,
            ReservingApi { holding, maps, shared: shared.clone() },
            WalletsApi {
                commands: wallets,
                wallets: wallet_reads.clone(),
                topping_up,
                purchasing: purchasing.clone(),
                people: People::new(platform.database.clone()),
                shared: shared.clone(),
            },
            PurchasesApi { purchasing, purchases: purchase_reads.clone(), shared },
            VenuesAdminApi { wallets: wallet_reads, purchases: purchase_reads },
        );
        Ok((routes, vec![venues]))
    }
}
