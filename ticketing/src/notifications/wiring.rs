//! How notifications hang together: a projection for each log that has something to tell, the
//! worker that sends mails if there is a server for them, and the routes.

use std::sync::Arc;

use anyhow::Context;
use lettre::message::Mailbox;

use super::deliveries::Deliveries;
use super::http::{NotificationLimits, NotificationsApi, UnsubscribingApi};
use super::invariants::INVARIANTS;
use super::leads::Leads;
use super::mailer::Mailer;
use super::reading::Reading;
use super::settings::Switches;
use super::smtp::Smtp;
use super::stops::{SERVED_THEIR_TIME, Stops};
use super::words::Words;
use super::{LinkNotices, MarketNotices, OutingNotices, VenueNotices};
use crate::accounts::People;
use crate::bounded_context::{BoundedContext, Service};
use crate::config::Settings;
use crate::platform::Platform;
use crate::platform::background::{Background, Following};
use crate::platform::caught_up::CaughtUp;
use crate::platform::erasure::Erasure;
use crate::platform::housekeeping::Rule;
use crate::platform::projections::Projection;
use crate::short_links::ShortLinks;
use crate::verify::Invariant;

/// What was told knows accounts by their ids alone, and is put into words when it is read.
const ERASURES: [Erasure; 1] = [Erasure {
    what: "switches of notifications",
    statement: "delete from switched_off where account_id = $1",
}];

/// Notifications.
pub struct Notifications;

impl BoundedContext for Notifications {
    type Routes = (NotificationsApi, UnsubscribingApi);

    fn projections() -> Vec<Arc<dyn Projection>> {
        vec![
            Arc::new(LinkNotices),
            Arc::new(MarketNotices),
            Arc::new(VenueNotices),
            Arc::new(OutingNotices),
        ]
    }

    fn invariants() -> Vec<Invariant> {
        INVARIANTS.to_vec()
    }

    fn served_their_time() -> Vec<Rule> {
        SERVED_THEIR_TIME.to_vec()
    }

    fn erasures() -> Vec<Erasure> {
        ERASURES.to_vec()
    }

    fn wire(service: Service<'_>) -> anyhow::Result<(Self::Routes, Vec<Background>)> {
        let Service { platform, settings, limits, .. } = service;
        let database = &platform.database;
        let caught_up = Self::projections().into_iter().map(|projection| {
            CaughtUp::following(database.clone(), projection.log(), projection.name())
        });
        let words = Words::open()?;
        let limits = NotificationLimits::declare(limits, &settings.limits);
        let unsubscribing = UnsubscribingApi {
            stops: Stops(database.clone()),
            words: words.clone(),
            limits: limits.clone(),
            clock: platform.clock.clone(),
        };
        let notifications = NotificationsApi {
            reading: Reading::new(database.clone()),
            switches: Switches(database.clone()),
            people: People::new(database.clone()),
            words,
            caught_up: caught_up.collect(),
            limits,
            clock: platform.clock.clone(),
            leads: leads(platform, settings)?,
        };
        Ok(((notifications, unsubscribing), Vec::new()))
    }

    fn follow(service: Service<'_>) -> anyhow::Result<Vec<Following>> {
        let mut following = Following::open(service.platform, "notifications", Self::projections());
        if let Some(mailer) = mailer(service)? {
            following.work("mails", |stop| mailer.run(stop));
        }
        Ok(vec![following])
    }
}

/// Who sends mails; nobody if there is no server for them.
fn mailer(service: Service<'_>) -> anyhow::Result<Option<Mailer>> {
    let Service { platform, settings, .. } = service;
    let (Some(url), Some(from)) = (&settings.mail.smtp_url, &settings.mail.mail_from) else {
        return Ok(None);
    };
    let from: Mailbox = from.parse().context("MAIL_FROM is no address")?;
    let database = &platform.database;
    Ok(Some(Mailer {
        deliveries: Deliveries(database.clone()),
        reading: Reading::new(database.clone()),
        people: People::new(database.clone()),
        words: Words::open()?,
        leads: leads(platform, settings)?,
        smtp: Smtp::open(url, from.email.domain())?,
        from,
        clock: platform.clock.clone(),
    }))
}

fn leads(platform: &Platform, settings: &Settings) -> anyhow::Result<Leads> {
    let links = ShortLinks::open(platform, settings)?;
    Ok(Leads { links, public_url: settings.http.public_url() })
}
