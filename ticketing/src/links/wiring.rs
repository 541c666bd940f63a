//! How this context hangs together: its log with projection, consumer and sweep, and its routes.

use std::sync::Arc;

use chrono::TimeDelta;
use shared_events::topology::{
    EVALUATE_LINK_REQUESTS, GRANT_ACCESS_RIGHTS, LINKS_EVENTS, LINKS_LOG, PROJECT_LINK_NOTICES,
    PROJECT_LINKS, Queue, RECORD_VERDICTS,
};

use super::check::Checks;
use super::consumer::RecordVerdicts;
use super::http::{ACTING_GETS, LinkLimits, LinksAdminApi, LinksApi};
use super::invariants::INVARIANTS;
use super::link_token::LinkKeys;
use super::status::{LinkStatusProjection, LinkStatuses};
use super::sweep;
use crate::bounded_context::{BoundedContext, Service};
use crate::platform::background::Background;
use crate::platform::commands::Commands;
use crate::platform::erasure::Erasure;
use crate::platform::projections::Projection;
use crate::platform::relay::Route;
use crate::verify::Invariant;

const FED: [Queue; 4] =
    [EVALUATE_LINK_REQUESTS, PROJECT_LINKS, PROJECT_LINK_NOTICES, GRANT_ACCESS_RIGHTS];
const ROUTE: Route = Route { exchange: LINKS_EVENTS, queues: &FED, answers: &[RECORD_VERDICTS] };

/// Who has one can use a link.
const ERASURES: [Erasure; 1] = [Erasure {
    what: "tokens of links",
    statement: "delete from vault where name = 'link_token' and id in (\
                select token_id from link_status where account_id = $1)",
}];

/// Whose token is still to come: the rule service may have been away for long.
const AWAITED: &str =
    "select account_id from link_status where rule is null and account_id is not null";

/// The access links.
pub struct Links;

impl BoundedContext for Links {
    type Routes = (LinksApi, LinksAdminApi);

    fn projections() -> Vec<Arc<dyn Projection>> {
        vec![Arc::new(LinkStatusProjection)]
    }

    fn invariants() -> Vec<Invariant> {
        INVARIANTS.to_vec()
    }

    fn erasures() -> Vec<Erasure> {
        ERASURES.to_vec()
    }

    fn awaited() -> Vec<&'static str> {
        vec![AWAITED]
    }

    fn acting_gets() -> Vec<&'static str> {
        ACTING_GETS.to_vec()
    }

    fn wire(service: Service<'_>) -> anyhow::Result<(Self::Routes, Vec<Background>)> {
        let Service { platform, settings, limits, idempotent } = service;
        let clock = &platform.clock;
        let mut links = Background::open(platform, LINKS_LOG, ROUTE, &Self::projections());
        let commands = Commands::new(links.store().clone());
        let statuses = LinkStatuses::new(links.store().clone());
        let keys = Arc::new(LinkKeys::open(&settings.link_keys_file)?);
        let (verdicts, verifying) = (commands.clone(), Arc::clone(&keys));
        links.consume(
            &RECORD_VERDICTS,
            RecordVerdicts { commands: verdicts, keys: verifying, clock: clock.clone() },
        );
        let (overdue, relay, now) = (statuses.clone(), links.relay().clone(), clock.clone());
        let patience = TimeDelta::seconds(settings.resend_after_seconds.into());
        links.work("sweep", move |stop| sweep::run(overdue, relay, now, patience, stop));
        let signal = Arc::clone(links.store().signal());
        let api = LinksApi {
            commands,
            checks: Checks::new(statuses.clone(), signal, clock.clone()),
            keys,
            idempotent: idempotent.clone(),
            limits: LinkLimits::declare(limits, &settings.limits),
            clock: clock.clone(),
            public_url: settings.http.public_url().into(),
        };
        Ok(((api, LinksAdminApi { statuses }), vec![links]))
    }
}
