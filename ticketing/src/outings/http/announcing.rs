//! Announcing an outing, changing it, calling it off, each as one call: what it speaks of is looked
//! up when it is known to be no repeat, and what it is answered is what its command decided on.
//! Only the host changes an announcement. Not here: the routes (`announcements.rs`).

use std::sync::Arc;

use chrono::{DateTime, Utc};
use http::StatusCode;
use poem_openapi::payload::Json;
use shared_events::{AnnouncementId, FilmId, TextId};
use uuid::Uuid;

use super::super::announcement::{Announcement, Change, Span, Terms};
use super::super::planner::Turn;
use super::super::texts::{DESCRIPTION, LOCATION, TITLE, in_vault};
use super::announcements::AnnouncementsApi;
use super::answers::{AnnouncementSeen, Gone, One, Plain, Tagged};
use super::errors::{EffectError, of_command, unknown_announcement};
use super::requests::{AnnouncementChange, Judge, NewAnnouncement};
use super::views::{Known, View};
use super::{as_answered, call, failed};
use crate::accounts::Caller;
use crate::api::Context;
use crate::api::body::Body;
use crate::api::idempotent::Keep;
use crate::api::if_match::etag;
use crate::api::timestamp::Timestamp;
use crate::api_error::{ApiError, Code, FieldError};
use crate::platform::append::{Attached, NewSecret};
use crate::platform::commands::{ATTEMPTS, CommandError, Done, Execution};

type Answer = Tagged<AnnouncementSeen>;

/// What is to be announced, judged.
struct Planned {
    open: bool,
    title: String,
    description: String,
    location: String,
    sub_only: bool,
    is_free: bool,
    places: u32,
    starts_at: DateTime<Utc>,
    minutes: Option<u32>,
}

impl Planned {
    fn judged(new: &NewAnnouncement) -> Result<Self, ApiError> {
        let mut judge = Judge::default();
        let planned = Self {
            open: judge.status(new.status.as_ref()).unwrap_or(false),
            title: judge.line("title", &new.title),
            description: judge.long("description", &new.description),
            location: judge.line("event_location", &new.event_location),
            sub_only: new.sub_only,
            is_free: new.is_free,
            places: judge.count("tickets_count", new.tickets_count),
            starts_at: judge.time(&new.event_time),
            minutes: new.duration.map(|duration| judge.count("duration", duration)),
        };
        judge.verdict().map(|()| planned)
    }
}

/// What is to be changed, judged; texts that are `None` stay.
struct Wanted {
    title: Option<String>,
    description: Option<String>,
    location: Option<String>,
    /// All but the texts.
    rest: Change,
}

impl Wanted {
    fn judged(asked: &AnnouncementChange) -> Result<Self, ApiError> {
        let mut judge = Judge::default();
        let open = judge.status(asked.status.as_ref());
        let wanted = Self {
            title: asked.title.as_ref().map(|text| judge.line("title", text)),
            description: asked.description.as_ref().map(|text| judge.long("description", text)),
            location: asked.event_location.as_ref().map(|text| judge.line("event_location", text)),
            rest: Change {
                open,
                sub_only: asked.sub_only,
                is_free: asked.is_free,
                places: asked.tickets_count.map(|count| judge.count("tickets_count", count)),
                starts_at: asked.event_time.as_ref().map(|time| judge.time(time)),
                duration_minutes: asked.duration.map(|minutes| judge.count("duration", minutes)),
                ..Change::default()
            },
        };
        judge.verdict().map(|()| wanted)
    }

    /// What changes of these terms, with the texts that are new: to the vault, and to be shown.
    fn change(&self, terms: &Terms, known: &mut Known) -> (Change, Vec<NewSecret>) {
        let mut secrets = Vec::new();
        let mut changed = |text: &Option<String>, before: TextId, name: &'static str| {
            // The same text again is no change.
            let text = text.as_ref().filter(|text| known.texts.get(&before) != Some(*text))?;
            let id = TextId(Uuid::now_v7());
            secrets.push(in_vault(id, name, text));
            known.texts.insert(id, text.clone());
            Some(id)
        };
        let title = changed(&self.title, terms.title, TITLE);
        let description = changed(&self.description, terms.description, DESCRIPTION);
        let location = changed(&self.location, terms.location, LOCATION);
        (Change { title, description, location, ..self.rest }, secrets)
    }
}

impl AnnouncementsApi {
    pub(super) async fn announce(
        &self,
        caller: &Caller,
        context: &Context,
        film: FilmId,
        key: Option<&str>,
        body: Body<NewAnnouncement>,
    ) -> Result<One<AnnouncementSeen>, ApiError> {
        let Body { value: new, bytes } = body;
        let planned = Planned::judged(&new)?;
        let execution = self.0.execution(context, None)?;
        let path = format!("/app/v1/announcement/{film}");
        let call = call(caller, key, "POST", &path, &bytes);
        let announce = |keep: Arc<Keep<_>>| self.announced(caller, film, planned, execution, keep);
        let answer = as_answered::<Answer>;
        let made = self.0.idempotent.run(call, StatusCode::OK, answer, announce).await?;
        Ok(One::One(Json(self.0.announcement_named(made.body).await?), etag(made.sequence)))
    }

    async fn announced<F: Fn(&Answer) -> Answer>(
        &self,
        caller: &Caller,
        film: FilmId,
        planned: Planned,
        execution: Execution,
        keep: Arc<Keep<F>>,
    ) -> Result<Answer, EffectError> {
        let found = self.0.catalogue.film(film).await.map_err(ApiError::from)?;
        let found = found.ok_or_else(|| ApiError::new(Code::NotFound, "There is no such film"))?;
        if !found.in_cinemas {
            let rule = "must be a film that is in cinemas";
            return Err(ApiError::invalid_fields(vec![FieldError::new("movie_id", rule)]).into());
        }
        let as_film = || u32::try_from(found.duration_minutes).unwrap_or(1).clamp(1, 1_440);
        let (id, host) = (AnnouncementId(Uuid::now_v7()), caller.account);
        let [title_id, description_id, location_id] = [(); 3].map(|()| TextId(Uuid::now_v7()));
        let Planned { open, title, description, location, .. } = planned;
        let secrets = [
            in_vault(title_id, TITLE, &title),
            in_vault(description_id, DESCRIPTION, &description),
            in_vault(location_id, LOCATION, &location),
        ];
        let texts = [(title_id, title), (description_id, description), (location_id, location)];
        let duration_minutes = planned.minutes.unwrap_or_else(as_film);
        let terms = Terms {
            host,
            film,
            title: title_id,
            description: description_id,
            location: location_id,
            sub_only: planned.sub_only,
            is_free: planned.is_free,
            places: planned.places,
            span: Span { starts_at: planned.starts_at, duration_minutes },
        };
        let view = View::of(caller, execution.now);
        let names = self.0.people.names(&[host]).await.map_err(ApiError::from)?;
        let averages = self.0.reviews.averages(&[host], view.now).await?;
        let film = found.title;
        let known =
            Known { texts: texts.into_iter().collect(), film, names, averages, times: None };
        let answer = answer(known, id, view);
        let attach = |done: &Done<Announcement>| {
            let secrets = secrets.to_vec();
            Attached { secrets, ..keep.attach(&answer(done)) }
        };
        let done = self.0.planner.announce(id, terms, open, execution, attach).await;
        Ok(answer(&done.map_err(of_command)?))
    }

    pub(super) async fn change(
        &self,
        caller: &Caller,
        context: &Context,
        id: AnnouncementId,
        (key, if_match): (Option<&str>, Option<&str>),
        body: Body<AnnouncementChange>,
    ) -> Result<One<AnnouncementSeen>, ApiError> {
        let Body { value: asked, bytes } = body;
        let wanted = Wanted::judged(&asked)?;
        let execution = self.0.execution(context, if_match)?;
        let path = format!("/app/v1/announcement/{id}");
        let call = call(caller, key, "PUT", &path, &bytes);
        let change = |keep: Arc<Keep<_>>| async move {
            let turn = self.0.planner.turn(id).await;
            let execution = self.0.planner.now(execution);
            for _ in 1..ATTEMPTS {
                let now = execution.clone();
                match self.changed(caller, (&turn, id), &wanted, now, &keep).await {
                    Err(CommandError::Conflict) if execution.expected.is_none() => {}
                    otherwise => return otherwise,
                }
            }
            self.changed(caller, (&turn, id), &wanted, execution, &keep).await
        };
        let answer = as_answered::<Answer>;
        let changed = self.0.idempotent.run(call, StatusCode::OK, answer, change).await;
        let changed = changed.map_err(|error| failed(error, if_match))?;
        Ok(One::One(Json(self.0.announcement_named(changed.body).await?), etag(changed.sequence)))
    }

    /// Changes an announcement as it is read now, and no other state of it: what it is answered is
    /// told with the texts and names of that state, and a text is no change only if it is that
    /// state's.
    async fn changed<F: Fn(&Answer) -> Answer>(
        &self,
        caller: &Caller,
        (turn, id): (&Turn<'_>, AnnouncementId),
        wanted: &Wanted,
        execution: Execution,
        keep: &Keep<F>,
    ) -> Result<Answer, EffectError> {
        let loaded = self.0.visible(id, caller).await?;
        let outing = loaded.state.outing().ok_or_else(unknown_announcement)?;
        let view = View::of(caller, execution.now);
        let mut known = self.0.known(id, outing, view).await?;
        let (change, secrets) = wanted.change(&outing.terms, &mut known);
        let expected = execution.expected.unwrap_or(loaded.sequence);
        let answer = answer(known, id, view);
        let attach = |done: &Done<Announcement>| {
            let secrets = secrets.clone();
            Attached { secrets, ..keep.attach(&answer(done)) }
        };
        let (planner, of) = (&self.0.planner, (id, caller.account));
        let done = planner.change(turn, of, change, execution.at(expected), attach).await;
        Ok(answer(&done.map_err(of_command)?))
    }

    pub(super) async fn cancel(
        &self,
        caller: &Caller,
        context: &Context,
        id: AnnouncementId,
        (key, if_match): (Option<&str>, Option<&str>),
    ) -> Result<Plain<Gone>, ApiError> {
        let execution = self.0.execution(context, if_match)?;
        let path = format!("/app/v1/announcement/{id}");
        let call = call(caller, key, "DELETE", &path, &[]);
        let answer = |_: &Done<Announcement>| Gone { id: id.0 };
        let cancel = |keep: Arc<Keep<_>>| async move {
            // Whoever may not see it is not told that they may not call it off.
            self.0.visible(id, caller).await?;
            let attach = |done: &_| keep.attach(done);
            let done = self.0.planner.cancel(id, caller.account, execution, attach).await;
            done.map_err(of_command)
        };
        let gone = self.0.idempotent.run(call, StatusCode::OK, answer, cancel).await;
        Ok(Plain::Plain(Json(gone.map_err(|error| failed(error, if_match))?)))
    }
}

fn unseen() -> AnnouncementSeen {
    poem_openapi::types::Example::example()
}

/// What a command on an announcement came to, as its host sees it.
fn answer(
    known: Known,
    id: AnnouncementId,
    view: View,
) -> impl Fn(&Done<Announcement>) -> Tagged<AnnouncementSeen> {
    move |done| {
        let mut body = known.announcement(id, &done.state, view).unwrap_or_else(unseen);
        if !done.events.is_empty() {
            body.modified = Timestamp(view.now);
        }
        Tagged { body, sequence: done.sequence }
    }
}
