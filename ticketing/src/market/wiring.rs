//! How the market hangs together: its log with projection and deadlines, its payment provider, and
//! its routes.

use std::sync::Arc;

use chrono::TimeDelta;
use secrecy::SecretString;
use shared_events::topology::{
    MARKET_EVENTS, MARKET_LOG, PROJECT_MARKET, PROJECT_MARKET_NOTICES, Queue,
};

use super::buying::{Buying, OrderExpiry};
use super::http::{ListingsApi, MarketAdminApi, MarketLimits, OrdersApi, PaymentsApi, WebhooksApi};
use super::invariants::INVARIANTS;
use super::leaving::LeavingMarket;
use super::listings::Listings;
use super::orders::Orders;
use super::paying::{Paying, PaymentSettling};
use super::payments::Payments;
use super::projection::MarketProjection;
use crate::bounded_context::{BoundedContext, Service};
use crate::platform::background::Background;
use crate::platform::caught_up::CaughtUp;
use crate::platform::commands::Commands;
use crate::platform::erasure::Erasure;
use crate::platform::projections::Projection;
use crate::platform::relay::Route;
use crate::platform::vault::Vault;
use crate::providers::Providers;
use crate::providers::stripe_signature::WebhookSecret;
use crate::verify::Invariant;

const FED: [Queue; 2] = [PROJECT_MARKET, PROJECT_MARKET_NOTICES];
const ROUTE: Route = Route { exchange: MARKET_EVENTS, queues: &FED, answers: &[] };

/// A title stands in the vault once for each time it was written.
const ERASURES: [Erasure; 2] = [
    Erasure {
        what: "titles of listings",
        statement: "delete from vault where name = 'listing_title' and id in (\
                    select (e.payload->>'title_id')::uuid from listings l \
                    join events e on e.aggregate = 'listing' and e.aggregate_id = l.listing_id \
                    where l.seller = $1 and e.event_type in ('Listed', 'Edited'))",
    },
    Erasure {
        what: "sources of payments",
        statement: "delete from vault v using events e \
                    where v.name = 'payment_source' and v.expires_at is not null \
                    and e.aggregate = 'payment' and e.aggregate_id = v.id and e.sequence = 1 \
                    and e.payload->>'buyer_id' = $1::uuid::text",
    },
];

/// The market.
pub struct Market;

impl BoundedContext for Market {
    type Routes = (ListingsApi, OrdersApi, PaymentsApi, WebhooksApi, MarketAdminApi);

    fn projections() -> Vec<Arc<dyn Projection>> {
        vec![Arc::new(MarketProjection)]
    }

    fn invariants() -> Vec<Invariant> {
        INVARIANTS.to_vec()
    }

    fn erasures() -> Vec<Erasure> {
        ERASURES.to_vec()
    }

    fn wire(service: Service<'_>) -> anyhow::Result<(Self::Routes, Vec<Background>)> {
        let Service { platform, settings, limits, idempotent } = service;
        let clock = &platform.clock;
        let mut market = Background::open(platform, MARKET_LOG, ROUTE, &Self::projections());
        let store = market.store().clone();
        let (listings, orders) = (Commands::new(store.clone()), Commands::new(store.clone()));
        let hold = TimeDelta::seconds(settings.payments.hold_seconds.into());
        let longer = TimeDelta::seconds(settings.payments.payment_seconds.into());
        let buying = Buying::new(listings.clone(), orders.clone(), hold);
        let paying = Paying {
            listings: listings.clone(),
            orders,
            payments: Commands::new(store.clone()),
            providers: Providers::open(&settings.payments, platform, hold + longer)?,
            vault: Vault::new(platform.database.clone()),
            clock: clock.clone(),
            longer,
        };
        market.on_deadline(OrderExpiry { buying: buying.clone(), clock: clock.clone() });
        market.on_deadline(PaymentSettling(paying.clone()));
        let limits = MarketLimits::declare(limits, &settings.limits);
        let reads = (Listings::new(store.clone()), Orders::new(store.clone()));
        let payments = Payments::new(store.clone());
        let caught_up = CaughtUp::new(store, MarketProjection.name());
        market.on_leaving(LeavingMarket {
            commands: listings.clone(),
            listings: reads.0.clone(),
            caught_up: caught_up.clone(),
            clock: clock.clone(),
        });
        let listings_api = ListingsApi {
            commands: listings,
            listings: reads.0.clone(),
            caught_up: caught_up.clone(),
            idempotent: idempotent.clone(),
            limits: limits.clone(),
            clock: clock.clone(),
            currency: settings.payments.currency.into(),
        };
        let orders_api = OrdersApi {
            buying,
            orders: reads.1.clone(),
            listings: reads.0,
            caught_up,
            idempotent: idempotent.clone(),
            limits: limits.clone(),
            clock: clock.clone(),
        };
        let secret = settings.payments.stripe_webhook_secret.clone().map(SecretString::from);
        let webhooks = WebhooksApi {
            paying: paying.clone(),
            secret: secret.as_ref().map(WebhookSecret::new),
            clock: clock.clone(),
        };
        let payments_api = PaymentsApi {
            paying,
            payments: payments.clone(),
            orders: reads.1.clone(),
            idempotent: idempotent.clone(),
            limits,
            clock: clock.clone(),
        };
        let admin = MarketAdminApi { orders: reads.1, payments, clock: clock.clone() };
        Ok(((listings_api, orders_api, payments_api, webhooks, admin), vec![market]))
    }
}
