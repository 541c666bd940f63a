//! Sends what is due by e-mail, on every replica: decides, claims, hands over, records.
//!
//! At most once. The intent to hand a mail over is recorded and committed after the server has
//! asked for the text and before any of it goes out. If the process dies between that and the
//! record of the server's reply, whoever comes next finds an intent without a result whose lease is
//! over: the mail is recorded as unknown and not sent again, because nobody can know whether the
//! server has it (RFC 5321, section 4.5.3.2.6, is about this gap; it can be made short, not
//! closed). It stays listed in the product. What the server has put off is tried again with growing
//! pauses, as long as it is sent at all. A server that is away, or does not let us in, is held
//! against no mail: the worker pauses. Whoever waited is asked again before it is sent. No
//! transaction is open while a server is talked to.
//!
//! Not here: what is due (the projections), what is looked at (`looks.rs`), what an answer means
//! (`outcome.rs`), and the conversation with the server (`smtp.rs`).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use lettre::message::Mailbox;
use shared_events::AccountId;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::deliveries::{Candidate, Claimed, Deliveries};
use super::kind::Kind;
use super::leads::Leads;
use super::looks::{Look, Looked, Looks};
use super::mail::{Head, MailError, mail};
use super::outcome::{Age, Outcome, why_not};
use super::reading::{Found, Reading};
use super::server_pause::{Server, ServerPause};
use super::smtp::{Handed, NotHanded, Smtp};
use super::stops::StopToken;
use super::words::{Facts, Words};
use crate::accounts::{Contact, People};
use crate::platform::causes::causes;
use crate::platform::clock::Clock;
use crate::platform::database::DatabaseError;

/// Mails in flight at once, on each replica.
const AT_ONCE: usize = 8;
/// How often it looks when nothing is due.
const POLL: Duration = Duration::from_millis(300);
/// What a stop waits for a mail that is being handed over.
const STOP_PATIENCE: Duration = Duration::from_secs(8);
/// How long it is tried to record what became of a mail: within its lease.
const RECORD_PATIENCE: Duration = Duration::from_secs(45);
const FIRST_RECORD_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_RECORD_PAUSE: Duration = Duration::from_secs(5);

/// Sends mails; [`Mailer::run`] starts it.
pub(super) struct Mailer {
    pub(super) deliveries: Deliveries,
    pub(super) reading: Reading,
    pub(super) people: People,
    pub(super) words: Words,
    pub(super) leads: Leads,
    pub(super) smtp: Smtp,
    pub(super) from: Mailbox,
    pub(super) clock: Clock,
}

/// A mail that is ready to be handed over, and what it needs.
struct Prepared {
    found: Found,
    facts: Facts,
    reader: Contact,
}

/// A mail that is claimed, ready to be handed over or with what becomes of it instead.
struct Mail {
    claimed: Claimed,
    prepared: Result<Prepared, Outcome>,
}

/// What the mails of a step need.
struct Needed {
    found: HashMap<Uuid, Found>,
    facts: HashMap<Uuid, Facts>,
    standing: HashMap<Uuid, Candidate>,
    contacts: HashMap<AccountId, Contact>,
}

/// What a step has done.
struct Step {
    /// How far the look came; `None` if it failed.
    looked: Option<Looked>,
    /// How many were settled because they make no sense any more. There may be others, and none is
    /// claimed before them.
    late: u64,
    claimed: Vec<Mail>,
}

impl Mailer {
    /// Works until cancelled.
    pub(super) async fn run(self, shutdown: CancellationToken) {
        let patience_ends = async {
            shutdown.cancelled().await;
            sleep(STOP_PATIENCE).await;
        };
        tokio::select! {
            () = Arc::new(self).work(&shutdown) => {}
            // What is not over then is known by its intent.
            () = patience_ends => {}
        }
    }

    async fn work(self: Arc<Self>, shutdown: &CancellationToken) {
        let mut begun = false;
        let mut looks = Looks::new(self.clock.now(), Instant::now());
        let mut pause = ServerPause::default();
        let mut in_flight = JoinSet::new();
        while !shutdown.is_cancelled() {
            let now = self.clock.now();
            if !begun {
                begun = self.deliveries.begin(now).await.map_err(|error| warn(&error)).is_ok();
            }
            let look = looks.next(now, Instant::now());
            // One that is slow takes the room of one.
            let room = pause.room(AT_ONCE, Instant::now()).saturating_sub(in_flight.len());
            let step = self.step(look, now, room).await.map_err(|error| warn(&error));
            let goes_on = step.is_ok_and(|step| {
                for mail in step.claimed {
                    in_flight.spawn(Arc::clone(&self).send(mail));
                }
                looks.note(look, step.looked) || step.late > 0
            });
            let mut over = match goes_on {
                true => in_flight.try_join_next(),
                false => tokio::select! {
                    over = in_flight.join_next(), if !in_flight.is_empty() => over,
                    () = sleep(POLL) => None,
                    () = shutdown.cancelled() => None,
                },
            };
            while let Some(sent) = over {
                // One that panicked has said why, and is claimed again when its lease is over.
                pause.note(sent.unwrap_or(Server::Unasked), Instant::now());
                over = in_flight.try_join_next();
            }
        }
        while in_flight.join_next().await.is_some() {}
    }

    /// Decides of what became due, and claims some of what waits, as much as there is room for.
    async fn step(
        &self,
        look: Look,
        now: DateTime<Utc>,
        room: usize,
    ) -> Result<Step, DatabaseError> {
        let given_up = self.deliveries.give_up(now).await?;
        if given_up > 0 {
            tracing::warn!(mails = given_up, "it is not known whether mails were sent");
            count("unknown", given_up);
        }
        let held = self.deliveries.held_back(now).await?;
        // What waits is sent all the same.
        let looked = self.decide(look, now, &held).await.map_err(|error| warn(&error)).ok();
        let backlog = self.deliveries.backlog().await?;
        metrics::gauge!("ticketing_mail_backlog").set(backlog as f64);
        let mut step = Step { looked, late: 0, claimed: Vec::new() };
        if room == 0 || backlog == 0 {
            return Ok(step);
        }
        step.late = self.deliveries.settle_late(now).await?;
        if step.late > 0 {
            count("late", step.late);
        } else {
            step.claimed = self.claim(room, now, &held).await?;
        }
        Ok(step)
    }

    async fn decide(
        &self,
        look: Look,
        now: DateTime<Utc>,
        held: &[Kind],
    ) -> Result<Looked, DatabaseError> {
        let candidates = self.deliveries.candidates(look.after, now, held).await?;
        let looked = Looked { more: candidates.more, held_back: !held.is_empty() };
        if candidates.all.is_empty() {
            return Ok(looked);
        }
        let people: Vec<_> = candidates.all.iter().map(|one| AccountId(one.person)).collect();
        let contacts = self.people.contacts(&people).await?;
        let judge = |candidate: Candidate| {
            let contact = contacts.get(&AccountId(candidate.person))?;
            let reason = why_not(&candidate, contact);
            Some((candidate, reason))
        };
        let decided: Vec<_> = candidates.all.into_iter().filter_map(judge).collect();
        self.deliveries.decide(&decided, now).await?;
        Ok(looked)
    }

    /// Claims some of what waits, and finds what it needs.
    async fn claim(
        &self,
        room: usize,
        now: DateTime<Utc>,
        held: &[Kind],
    ) -> Result<Vec<Mail>, DatabaseError> {
        let claimed = self.deliveries.claim(now, room).await?;
        if claimed.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<Uuid> = claimed.iter().map(|one| one.notice).collect();
        let found = self.reading.find(&ids).await?;
        let facts = self.reading.facts(&found.values().collect::<Vec<_>>()).await?;
        let standing = self.deliveries.standing(&ids, now).await?;
        let people: Vec<_> = claimed.iter().map(|one| AccountId(one.person)).collect();
        let contacts = self.people.contacts(&people).await?;
        let mut needed = Needed { found, facts, standing, contacts };
        let mail = |claimed: Claimed| {
            let prepared = needed.take(&claimed, now, held);
            Mail { claimed, prepared }
        };
        Ok(claimed.into_iter().map(mail).collect())
    }

    /// Sends a mail and records what became of it: how far the server came into it.
    async fn send(self: Arc<Self>, mail: Mail) -> Server {
        self.try_to_settle(mail).await.unwrap_or_else(|error| {
            warn(&error);
            Server::Unasked
        })
    }

    async fn try_to_settle(&self, mail: Mail) -> Result<Server, DatabaseError> {
        let Mail { claimed, prepared } = mail;
        let (server, outcome) = match prepared {
            Err(outcome) => (Server::Unasked, outcome),
            Ok(it) => match self.try_to_send(&claimed, it).await? {
                (server, Some(outcome)) => (server, outcome),
                // Somebody else has it by now.
                (server, None) => return Ok(server),
            },
        };
        match &outcome {
            Outcome::Failed(_) | Outcome::Refused(_) | Outcome::Bounced(_) => {
                tracing::warn!(notice = %claimed.notice, outcome = ?outcome, "a mail was not sent");
            }
            Outcome::Again(_, reason) if server == Server::Away => {
                tracing::warn!(reason, "the mail server is away, or does not let us in");
            }
            _ => {}
        }
        self.record(&claimed, &outcome).await?;
        if let Some(outcome) = outcome.counts_as() {
            count(outcome, 1);
        }
        Ok(server)
    }

    /// Records what became of a mail; while Postgres is away, again and again: if it stayed
    /// unrecorded, nobody would know that it was sent.
    async fn record(&self, claimed: &Claimed, outcome: &Outcome) -> Result<(), DatabaseError> {
        let until = Instant::now() + RECORD_PATIENCE;
        let mut pause = FIRST_RECORD_PAUSE;
        loop {
            match self.deliveries.record(claimed, outcome, self.clock.now()).await {
                Err(error) if error.is_away() && Instant::now() + pause < until => {
                    warn(&error);
                    sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_RECORD_PAUSE);
                }
                recorded => return recorded,
            }
        }
    }

    /// What became of it, and how far the server came into it. No outcome if the claim was lost:
    /// then nothing was handed over.
    async fn try_to_send(
        &self,
        claimed: &Claimed,
        it: Prepared,
    ) -> Result<(Server, Option<Outcome>), DatabaseError> {
        let unasked = |outcome| Ok((Server::Unasked, Some(outcome)));
        let Some(address) = it.reader.address.as_deref() else {
            return unasked(Outcome::Off("no_address"));
        };
        let mut leads = self.leads.of(&[&it.found]).await?;
        let link = leads.remove(&it.found.id).unwrap_or_default();
        let token = StopToken::new();
        let stop = token.url(&self.leads.public_url);
        let said = self.words.say(it.found.kind, &it.facts, &it.reader);
        let letter = said.and_then(|said| self.words.write(&said, &link, &stop, &it.reader));
        let Ok(letter) = letter else {
            tracing::error!(kind = %it.found.kind, "a notice can not be put into words");
            return unasked(Outcome::Failed("words".to_owned()));
        };
        let now = self.clock.now();
        let head = Head { notice: claimed.notice, from: &self.from, to: address, stop: &stop, now };
        let (to, text) = match mail(letter, head) {
            Ok(mail) => mail,
            Err(MailError::Address) => return unasked(Outcome::Bounced("address".to_owned())),
            Err(MailError::Unwritable) => return unasked(Outcome::Failed("mail".to_owned())),
        };
        let age = || Age { due_at: it.found.due_at, now: self.clock.now() };
        let ready = match self.smtp.begin(&self.from.email, &to).await {
            Ok(ready) => ready,
            Err(why) => {
                let away = matches!(why, NotHanded::Away(_));
                let server = if away { Server::Away } else { Server::There };
                return Ok((server, Some(Outcome::not_handed(why, claimed.put_off, age()))));
            }
        };
        // Whatever is dropped here takes the conversation with it: the server has no text.
        let stop = (token, address);
        match self.deliveries.intend(claimed, stop, self.clock.now()).await {
            Ok(true) => {}
            Ok(false) => return Ok((Server::There, None)),
            // Perhaps it is recorded, and only its reply was lost: it is taken back.
            Err(error) => {
                warn(&error);
                let again = Outcome::again("database", self.clock.now());
                return Ok((Server::There, Some(again)));
            }
        }
        let outcome = match ready.hand_over(&text).await {
            Handed::Taken => Outcome::Sent,
            Handed::Later(reason) => Outcome::put_off(reason, claimed.put_off, age()),
            Handed::Never(reason) => Outcome::Refused(reason),
            Handed::Unknown => Outcome::Unknown,
        };
        Ok((Server::There, Some(outcome)))
    }
}

impl Needed {
    /// All that a mail needs, or what becomes of it if it is not to be sent, or not now. What is
    /// there and can not be read is for a replica that knows its kind.
    fn take(
        &mut self,
        claimed: &Claimed,
        now: DateTime<Utc>,
        held: &[Kind],
    ) -> Result<Prepared, Outcome> {
        let gone = || Outcome::Off("gone");
        let reader = self.contacts.get(&AccountId(claimed.person)).ok_or_else(gone)?.clone();
        let standing = self.standing.get(&claimed.notice).ok_or_else(gone)?;
        let read = self.found.remove(&claimed.notice).zip(self.facts.remove(&claimed.notice));
        let (found, facts) = read.ok_or_else(|| Outcome::again("unknown_kind", now))?;
        // What the person wants may have changed while it waited.
        let against = why_not(standing, &reader);
        match senseless(&found, against, now, held) {
            Some(outcome) => Err(outcome),
            None => Ok(Prepared { found, facts, reader }),
        }
    }
}

/// What becomes of a mail that is not to be sent, or not now; `None` if it is to be sent.
fn senseless(
    found: &Found,
    against: Option<&'static str>,
    now: DateTime<Utc>,
    held: &[Kind],
) -> Option<Outcome> {
    if found.withdrawn {
        Some(Outcome::Off("withdrawn"))
    } else if found.until.is_some_and(|until| until <= now)
        || (Age { due_at: found.due_at, now }).is_over()
    {
        Some(Outcome::Late)
    } else if let Some(reason) = against {
        Some(Outcome::Off(reason))
    } else if held.contains(&found.kind) {
        Some(Outcome::again("held_back", now))
    } else {
        None
    }
}

fn warn(error: &DatabaseError) {
    tracing::warn!(error = causes(error), "mails could not be sent or recorded");
}

fn count(outcome: &'static str, mails: u64) {
    metrics::counter!("ticketing_mails_total", "outcome" => outcome).increment(mails);
}
