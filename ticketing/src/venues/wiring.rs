//! How the venues hang together: their log with projection, deadlines and consumer, the seat maps
//! in memory, and their routes.

use std::sync::Arc;

use chrono::TimeDelta;
use shared_events::topology::{
    GRANT_ACCESS_RIGHTS, LINKS_LOG, PROJECT_VENUE_NOTICES, PROJECT_VENUES, Queue, VENUES_EVENTS,
    VENUES_LOG,
};

use super::consumer::GrantAccessRights;
use super::fixtures::Fixtures;
use super::granting::Granting;
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
use super::stadium::Stadium;
use super::stadium_seats::StadiumSeats;
use super::stadiums::Stadiums;
use super::tariff::Tariff;
use super::tariffs::Tariffs;
use super::tickets::Tickets;
use super::topping_up::{TopUpSettling, ToppingUp};
use super::wallet::Wallet;
use super::wallets::Wallets;
use crate::accounts::People;
use crate::bounded_context::{BoundedContext, Service};
use crate::platform::background::Background;
use crate::platform::caught_up::CaughtUp;
use crate::platform::commands::Commands;
use crate::platform::erasure::Erasure;
use crate::platform::event_store::EventStore;
use crate::platform::projections::Projection;
use crate::platform::relay::Route;
use crate::platform::vault::Vault;
use crate::providers::Providers;
use crate::verify::Invariant;

const FED: [Queue; 2] = [PROJECT_VENUES, PROJECT_VENUE_NOTICES];
const ROUTE: Route = Route { exchange: VENUES_EVENTS, queues: &FED, answers: &[] };

/// Buyers who are busy at a time, and whose baskets are kept in memory: most are of a few hundred
/// bytes.
const BUYERS: u64 = 16_384;

/// A wallet's history knows accounts by their ids alone.
const ERASURES: [Erasure; 1] = [Erasure {
    what: "sources of top-ups",
    statement: "delete from vault v using events e \
                where v.name = 'top_up_source' and v.expires_at is not null \
                and e.aggregate = 'top_up' and e.aggregate_id = v.id and e.sequence = 1 \
                and e.payload->>'account_id' = $1::uuid::text",
}];

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

    fn erasures() -> Vec<Erasure> {
        ERASURES.to_vec()
    }

    fn wire(service: Service<'_>) -> anyhow::Result<(Self::Routes, Vec<Background>)> {
        let Service { platform, settings, limits, idempotent } = service;
        let clock = platform.clock.clone();
        let mut venues = Background::open(platform, VENUES_LOG, ROUTE, &Self::projections());
        let store = venues.store().clone();
        let processes = Processes::of(service, &store)?;
        let maps = processes.maps.clone();
        venues.report("seat maps", move || (!maps.is_ready()).then_some("being filled"));
        let (maps, now) = (processes.maps.clone(), clock.clone());
        venues.work("seat maps", move |stop| maps.follow(now, stop));
        let (holding, topping_up) = (processes.holding.clone(), processes.topping_up.clone());
        let granting = GrantAccessRights { rights: holding.rights.clone(), clock: clock.clone() };
        venues.on_deadline(HoldExpiry(holding));
        venues.on_deadline(TopUpSettling(topping_up));
        venues.consume_from(LINKS_LOG, &GRANT_ACCESS_RIGHTS, granting);
        let shared = Shared {
            idempotent: idempotent.clone(),
            limits: VenuesLimits::declare(limits, &settings.limits),
            caught_up: CaughtUp::new(store.clone(), VENUES_PROJECTION),
            clock,
            currency: settings.payments.currency.into(),
        };
        let people = People::new(platform.database.clone());
        let public_url = settings.http.public_url().into();
        Ok((routes(processes, &store, &shared, people, public_url), vec![venues]))
    }
}

/// What changes the venues.
struct Processes {
    stadiums: Commands<Stadium>,
    tariffs: Commands<Tariff>,
    wallets: Commands<Wallet>,
    scheduling: Scheduling,
    offering: Offering,
    holding: Holding,
    purchasing: Purchasing,
    topping_up: ToppingUp,
    maps: SeatMaps,
}

impl Processes {
    fn of(service: Service<'_>, store: &EventStore) -> anyhow::Result<Self> {
        let Service { platform, settings, .. } = service;
        let maps = SeatMaps::new(store.clone());
        let (stadiums, tariffs) = (Commands::new(store.clone()), Commands::new(store.clone()));
        let (fixtures, seats) = (Commands::new(store.clone()), Commands::new(store.clone()));
        let baskets = Commands::keeping(store.clone(), BUYERS);
        let wallets = Commands::with_snapshots(store.clone());
        let hold = TimeDelta::seconds(settings.venues.seat_hold_seconds.into());
        Ok(Self {
            scheduling: Scheduling {
                stadiums: stadiums.clone(),
                fixtures: fixtures.clone(),
                maps: maps.clone(),
            },
            offering: Offering {
                stadiums: stadiums.clone(),
                tariffs: tariffs.clone(),
                fixtures: fixtures.clone(),
                seats: seats.clone(),
            },
            holding: Holding {
                seats: seats.clone(),
                fixtures: fixtures.clone(),
                baskets: baskets.clone(),
                rights: Commands::new(store.clone()),
                maps: maps.clone(),
                hold,
                clock: platform.clock.clone(),
                offered: Offered::default(),
            },
            purchasing: Purchasing {
                seats,
                fixtures,
                baskets,
                wallets: wallets.clone(),
                purchases: Commands::new(store.clone()),
                maps: maps.clone(),
                refund_until: TimeDelta::hours(settings.venues.refund_until_hours.into()),
            },
            topping_up: ToppingUp {
                top_ups: Commands::new(store.clone()),
                wallets: wallets.clone(),
                providers: Providers::open(&settings.payments, platform, hold)?,
                vault: Vault::new(platform.database.clone()),
                clock: platform.clock.clone(),
            },
            stadiums,
            tariffs,
            wallets,
            maps,
        })
    }
}

fn routes(
    processes: Processes,
    store: &EventStore,
    shared: &Shared,
    people: People,
    public_url: Arc<str>,
) -> <Venues as BoundedContext>::Routes {
    let Processes { stadiums, tariffs, wallets, maps, .. } = processes;
    let Processes { scheduling, offering, holding, purchasing, topping_up, .. } = processes;
    let shared = || shared.clone();
    let seats = StadiumSeats::new(store.clone());
    let granting = Granting { rights: holding.rights.clone() };
    let (read_wallets, purchases) = (Wallets::new(store.clone()), Purchases::new(store.clone()));
    (
        IndexApi { public_url },
        StadiumsApi {
            commands: stadiums,
            stadiums: Stadiums::new(store.clone()),
            seats: seats.clone(),
            shared: shared(),
        },
        TariffsApi { commands: tariffs, tariffs: Tariffs::new(store.clone()), shared: shared() },
        FixturesApi {
            scheduling,
            offering: offering.clone(),
            fixtures: Fixtures::new(store.clone()),
            seats: seats.clone(),
            maps: maps.clone(),
            shared: shared(),
        },
        TicketsApi {
            offering,
            tickets: Tickets::new(store.clone()),
            places: seats,
            maps: maps.clone(),
            shared: shared(),
        },
        ReservingApi { holding, granting, maps, shared: shared() },
        WalletsApi {
            commands: wallets,
            wallets: read_wallets.clone(),
            topping_up,
            purchasing: purchasing.clone(),
            people,
            shared: shared(),
        },
        PurchasesApi { purchasing, purchases: purchases.clone(), shared: shared() },
        VenuesAdminApi { wallets: read_wallets, purchases },
    )
}
