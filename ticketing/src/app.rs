//! The one composition root: everything the service is made of is put together here, for `main` and
//! for tests.
//!
//! Order at start: keys and addresses are read, HTTP listens (alive, not ready), then Postgres is
//! waited for, the schema is migrated, and the workers start; the broker may come at any time.
//! Order at stop: not ready, no new connections, requests finish, workers finish, connections
//! close.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use poem::endpoint::BoxEndpoint;
use poem::{Endpoint, EndpointExt, IntoResponse, Request, Response};
use poem_openapi::OpenApi;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::accounts::erase::Erasing;
use crate::accounts::grants::Grants;
use crate::accounts::http::AccountsRoutes;
use crate::accounts::keys::TokenKeys;
use crate::accounts::password::Passwords;
use crate::accounts::revocations::Revocations;
use crate::accounts::tokens::LoginTokens;
use crate::accounts::{self, Accounts};
use crate::api::authentication::Authenticator;
use crate::api::idempotent::Idempotent;
use crate::api::rate_limits::RateLimits;
use crate::api::test_clock::TestClockApi;
use crate::api::{self, Document, Parts, server};
use crate::api_error::ApiError;
use crate::bounded_context::{BoundedContext, Service};
use crate::catalogue::Catalogue;
use crate::config::Settings;
use crate::links::Links;
use crate::market::Market;
use crate::notifications::Notifications;
use crate::outings::Outings;
use crate::platform::background::{self, Background, Following};
use crate::platform::database::DatabaseError;
use crate::platform::event_store::EventStore;
use crate::platform::idempotency::Idempotency;
use crate::platform::projections::Projection;
use crate::platform::{Platform, housekeeping, telemetry};
use crate::readiness::Health;
use crate::short_links::ShortLinks;
use crate::venues::Venues;
use crate::verify::Invariant;

/// The contexts, in the order of the document: the one place that lists them. Accounts are not
/// among them, because the edge itself stands on them.
type Contexts = (Links, Market, Venues, Catalogue, ShortLinks, Outings, Notifications);
/// The routes of all.
type Routes = (AccountsRoutes, <Contexts as BoundedContext>::Routes);

/// How long to wait before Postgres is tried again at start.
const START_PAUSE: Duration = Duration::from_secs(1);
/// How often gauges are set.
const GAUGES: Duration = Duration::from_secs(1);

/// The service, put together.
pub struct App {
    platform: Platform,
    settings: Settings,
    endpoint: BoxEndpoint<'static, Response>,
    health: Arc<Health>,
    background: Vec<Background>,
    following: Vec<Following>,
    keys: TokenKeys,
    accounts: Arc<Accounts>,
    grants: Grants,
    revocations: Revocations,
    limits: Arc<RateLimits>,
    metrics: PrometheusHandle,
}

impl App {
    /// Puts the service together; reads key files, connects to nothing yet.
    ///
    /// # Errors
    /// If a setting or a key file can not be used.
    pub fn build(settings: Settings, metrics: PrometheusHandle) -> anyhow::Result<Self> {
        let platform = Platform::new(&settings)?;
        let limits = Arc::new(RateLimits::new(settings.limits.rate_limits));
        let keys = TokenKeys::open(&settings.token_keys_dir)?;
        let grants = Grants::default();
        let revocations = Revocations::default();
        let tokens = LoginTokens::new(keys.clone(), grants.clone(), revocations.clone());
        let tokens = Arc::new(tokens);
        let idempotent = Idempotent::new(platform.database.clone());
        let service = Service {
            platform: &platform,
            settings: &settings,
            limits: &limits,
            idempotent: &idempotent,
        };
        let (routes, background) = Contexts::wire(service)?;
        let following = Contexts::follow(service)?;
        let erasing = Erasing {
            erasures: Contexts::erasures(),
            leaving: background.iter().flat_map(Background::leaving).cloned().collect(),
            awaited: Contexts::awaited(),
            read: Contexts::projections().iter().map(|read| (read.log(), read.name())).collect(),
        };
        let accounts = Arc::new(Accounts {
            database: platform.database.clone(),
            clock: platform.clock.clone(),
            passwords: Passwords::new()?,
            tokens: Arc::clone(&tokens),
            revocations: revocations.clone(),
            idempotency: Idempotency::new(platform.database.clone()),
            tier_policy: settings.tier_policy,
            erasing,
        });
        let accounts_api = accounts::http::routes(&accounts, &limits, &settings)?;
        let health = Health::new(platform.clone(), &background, &following);
        let jwks = {
            let (keys, clock) = (keys.clone(), platform.clock.clone());
            Arc::new(move || keys.jwks(clock.now()))
        };
        let parts = Parts {
            settings: settings.http.clone(),
            authenticator: Authenticator::new(tokens, platform.clock.clone()),
            probe: Arc::clone(&health) as _,
            metrics: {
                let metrics = metrics.clone();
                Box::new(move || metrics.render())
            },
            jwks,
            acting_gets: acting_gets(),
            sign_outs: accounts::http::SIGN_OUTS.to_vec(),
        };
        let apis: Routes = (accounts_api, routes);
        let endpoint = if settings.test_clock {
            let (clock, database) = (platform.clock.clone(), platform.database.clone());
            edge((apis, TestClockApi { clock, database }), parts, &health)?
        } else {
            edge(apis, parts, &health)?
        };
        Ok(Self {
            platform,
            settings,
            endpoint,
            health,
            background,
            following,
            keys,
            accounts,
            grants,
            revocations,
            limits,
            metrics,
        })
    }

    /// Serves until `shutdown` is cancelled or a worker fails; returns when everything has
    /// finished.
    ///
    /// # Errors
    /// If a worker failed: the process should be started again.
    pub async fn serve(
        self,
        listener: TcpListener,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        let Self {
            platform,
            settings,
            endpoint,
            health,
            background,
            following,
            keys,
            accounts,
            grants,
            revocations,
            limits,
            metrics,
        } = self;
        let workers = platform.workers.clone();
        let closing = CancellationToken::new();
        let connections = settings.http.max_connections;
        let http = tokio::spawn(server::serve(listener, endpoint, connections, closing.clone()));
        tokio::select! {
            started = start(&platform, &settings, (&grants, &revocations)) => started?,
            () = shutdown.cancelled() => return Ok(()),
        }
        let Platform { database, clock, .. } = &platform;
        let (test_clock, stop) = (settings.test_clock, workers.stop_signal());
        let failed = workers.failed();
        workers.spawn_droppable("clock", clock.clone().run(database.clone(), test_clock));
        workers.spawn_droppable("grants", grants.run(database.clone(), clock.clone()));
        let revoked = revocations.run(database.clone(), clock.clone());
        workers.spawn_droppable("revocations", revoked);
        workers.spawn_droppable("token keys", keys.run());
        workers.spawn_droppable("rate limits", async move { limits.run().await });
        workers.spawn_droppable("metrics", telemetry::keep_metrics(metrics));
        let stores = background.iter().map(|background| background.store().clone()).collect();
        workers.spawn_droppable("gauges", gauges(stores));
        let rules = [accounts::SERVED_THEIR_TIME.to_vec(), Contexts::served_their_time()].concat();
        let swept = housekeeping::run(database.clone(), clock.clone(), rules, stop.clone());
        workers.spawn("erasures", accounts.erase_again(stop));
        workers.spawn("housekeeping", swept);
        background::start(&platform, background, following);
        health.start();
        workers.spawn_droppable("readiness", Arc::clone(&health).run());
        tracing::info!("ready");
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = failed.cancelled() => {}
        }
        tracing::info!("stopping");
        health.drain();
        closing.cancel();
        http.await?;
        workers.stop().await;
        platform.database.close();
        anyhow::ensure!(!failed.is_cancelled(), "a worker has failed");
        tracing::info!("stopped");
        Ok(())
    }
}

/// The projections of every context, for `rebuild` and `verify`.
pub fn projections() -> Vec<Arc<dyn Projection>> {
    Contexts::projections()
}

/// What must hold of every context's history.
pub fn invariants() -> Vec<Invariant> {
    Contexts::invariants()
}

/// Patterns of all paths whose GET acts, such as `/buy_ticket/{token}`.
pub fn acting_gets() -> Vec<&'static str> {
    [accounts::http::ACTING_GETS.to_vec(), Contexts::acting_gets()].concat()
}

/// The OpenAPI document, as `openapi.yaml` holds it.
pub fn document() -> Document {
    api::document::<Routes>()
}

fn edge<A: OpenApi + 'static>(
    apis: A,
    parts: Parts,
    health: &Health,
) -> anyhow::Result<BoxEndpoint<'static, Response>> {
    let endpoint = api::endpoint(apis, parts)?;
    Ok(NotBeforeStart { endpoint, started: health.started() }.boxed())
}

/// Refuses commands and queries until the schema is there.
struct NotBeforeStart<E> {
    endpoint: E,
    started: Arc<AtomicBool>,
}

impl<E: Endpoint<Output = Response>> Endpoint for NotBeforeStart<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        let path = request.uri().path();
        let always = ["/livez", "/readyz", "/metrics", "/docs", "/openapi"];
        let allowed = always.iter().any(|always| path.starts_with(always));
        if allowed || self.started.load(Ordering::Relaxed) {
            return self.endpoint.call(request).await;
        }
        Ok(ApiError::overloaded().into_response())
    }
}

/// Waits for Postgres, migrates, and sets the clock. Only what waiting can not mend is an error.
async fn start(
    platform: &Platform,
    settings: &Settings,
    overriding: (&Grants, &Revocations),
) -> anyhow::Result<()> {
    let mut complained = false;
    loop {
        match prepare(platform, settings, overriding).await {
            Ok(()) => return Ok(()),
            Err(
                error @ (DatabaseError::Unsafe(_)
                | DatabaseError::Migration(_)
                | DatabaseError::PassedOver(_)),
            ) => return Err(error.into()),
            Err(error) if !complained => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, cause, "waiting for Postgres");
                complained = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(START_PAUSE).await;
    }
}

async fn prepare(
    platform: &Platform,
    settings: &Settings,
    (grants, revocations): (&Grants, &Revocations),
) -> Result<(), DatabaseError> {
    let Platform { database, clock, .. } = platform;
    for migration in database.migrate().await? {
        tracing::info!(migration, "migrated");
    }
    if !settings.database.allow_unsafe_database {
        database.assert_durable().await?;
    }
    clock.measure(database).await?;
    if settings.test_clock {
        clock.follow_test_clock(database).await?;
    }
    grants.refresh(database, clock.now()).await?;
    revocations.refresh(database, clock.now()).await
}

async fn gauges(stores: Vec<EventStore>) {
    let mut period = tokio::time::interval(GAUGES);
    loop {
        period.tick().await;
        for store in &stores {
            let gauge = metrics::gauge!("ticketing_append_queue_depth", "log" => store.log());
            gauge.set(store.queue_depth() as f64);
        }
    }
}
