//! Sends what is due by e-mail, on every replica: decides, claims, hands over, records.
//!
//! At most once. The intent to hand a mail over is recorded and committed after the server has
//! asked for the text and before any of it goes out. If the process dies between that and the
//! record of the server's reply, whoever comes next finds an intent without a result whose lease is
//! over: the mail is recorded as unknown and not sent again, because nobody can know whether the
//! server has it (RFC 5321, section 4.5.3.2.6, is about this gap; it can be made short, not
//! closed). It stays listed in the product. What failed before the intent, or was refused for the
//! time being by the server, is tried again with growing pauses. No transaction is open while a
//! server is talked to.
//!
//! Not here: what is due (the projections), and the conversation with the server (`smtp.rs`).

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use lettre::message::Mailbox;
use shared_events::AccountId;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::deliveries::{Candidate, Claimed, Deliveries, Outcome, STALE};
use super::mail::{MailError, mail};
use super::reading::{Found, Reading};
use super::smtp::{Handed, NotHanded, Smtp};
use super::words::{Facts, Words};
use crate::accounts::{Contact, DeliveryType, People};
use crate::platform::causes::causes;
use crate::platform::clock::Clock;
use crate::platform::database::DatabaseError;
use crate::short_links::ShortLinks;

/// Mails in flight at once, on each replica.
const AT_ONCE: i64 = 8;
/// How often it looks when nothing is due.
const POLL: Duration = Duration::from_millis(300);
/// How far back it looks, before the last look: what is projected later is found by a thorough
/// look.
const GLANCE: TimeDelta = TimeDelta::minutes(5);
/// How often it looks as far back as anything is sent.
const THOROUGH: Duration = Duration::from_secs(30);
/// How often a mail is tried.
const ATTEMPTS: i32 = 8;
/// The pause after a first failure; it doubles with each up to the longest.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(30);
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(1);
/// Doublings after which every pause is the longest.
const MOST_DOUBLINGS: u32 = 10;
/// How long a short link in a mail leads there.
const LINK_LASTS: TimeDelta = TimeDelta::days(90);
/// What a stop waits for a mail that is being handed over.
const STOP_PATIENCE: Duration = Duration::from_secs(8);

/// Sends mails; [`Mailer::run`] starts it.
pub(super) struct Mailer {
    pub(super) deliveries: Deliveries,
    pub(super) reading: Reading,
    pub(super) people: People,
    pub(super) words: Words,
    pub(super) links: ShortLinks,
    pub(super) smtp: Smtp,
    pub(super) from: Mailbox,
    pub(super) clock: Clock,
    /// What links to the product begin with, without a slash at its end.
    pub(super) public_url: String,
}

/// A mail that is ready to be handed over, and what it needs.
struct Prepared {
    found: Found,
    facts: Facts,
    reader: Contact,
}

impl Mailer {
    /// Works until cancelled.
    pub(super) async fn run(self, shutdown: CancellationToken) {
        let (mut thorough, mut looked) = (Instant::now(), self.clock.now());
        while !shutdown.is_cancelled() {
            let now = self.clock.now();
            let mut since = (looked - GLANCE).max(now - STALE);
            if Instant::now() >= thorough {
                thorough = Instant::now() + THOROUGH;
                since = now - STALE;
            }
            let step = self.step(since, now);
            tokio::pin!(step);
            let stepped = tokio::select! {
                stepped = &mut step => stepped,
                // What is not over then is known by its intent.
                () = shutdown.cancelled() => {
                    let _ = timeout(STOP_PATIENCE, step).await;
                    return;
                }
            };
            match stepped {
                Ok((0, sent)) => {
                    looked = now;
                    if sent > 0 {
                        continue;
                    }
                }
                Ok(_) => continue,
                Err(error) => {
                    tracing::warn!(error = causes(&error), "mails could not be sent or recorded");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// Decides of what became due since then, and sends some of what waits. Returns how much it has
    /// decided and sent.
    async fn step(
        &self,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<(usize, usize), DatabaseError> {
        let given_up = self.deliveries.give_up(now).await?;
        if given_up > 0 {
            tracing::warn!(mails = given_up, "it is not known whether mails were sent");
            count("unknown", given_up);
        }
        let decided = self.decide(since, now).await?;
        let claimed = self.deliveries.claim(now, AT_ONCE).await?;
        let sent = claimed.len();
        self.send_all(claimed, now).await?;
        let backlog = self.deliveries.backlog().await?;
        metrics::gauge!("ticketing_mail_backlog").set(backlog as f64);
        Ok((decided, sent))
    }

    async fn decide(
        &self,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<usize, DatabaseError> {
        let candidates = self.deliveries.candidates(since, now).await?;
        if candidates.is_empty() {
            return Ok(0);
        }
        let people: Vec<_> = candidates.iter().map(|one| AccountId(one.person)).collect();
        let contacts = self.people.contacts(&people).await?;
        let judge = |candidate: Candidate| {
            let contact = contacts.get(&AccountId(candidate.person))?;
            let reason = why_not(&candidate, contact);
            Some((candidate, reason))
        };
        let decided: Vec<_> = candidates.into_iter().filter_map(judge).collect();
        self.deliveries.decide(&decided, now).await?;
        Ok(decided.len())
    }

    async fn send_all(
        &self,
        claimed: Vec<Claimed>,
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        if claimed.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = claimed.iter().map(|one| one.notice).collect();
        let mut found = self.reading.find(&ids).await?;
        let mut facts = self.reading.facts(&found.values().collect::<Vec<_>>()).await?;
        let people: Vec<_> = claimed.iter().map(|one| AccountId(one.person)).collect();
        let contacts = self.people.contacts(&people).await?;
        let sending = claimed.into_iter().map(|claimed| {
            let prepared = prepared(&claimed, &mut found, &mut facts, &contacts);
            self.send(claimed, prepared, now)
        });
        join_all(sending).await.into_iter().collect()
    }

    async fn send(
        &self,
        claimed: Claimed,
        prepared: Option<Prepared>,
        now: DateTime<Utc>,
    ) -> Result<(), DatabaseError> {
        let outcome = match prepared {
            None => Outcome::Off("gone"),
            Some(it) if it.found.withdrawn => Outcome::Off("withdrawn"),
            Some(it) if it.found.until.is_some_and(|until| until <= now) => Outcome::Late,
            Some(it) => match self.try_to_send(&claimed, it).await? {
                Some(outcome) => outcome,
                // Somebody else has it by now.
                None => return Ok(()),
            },
        };
        if matches!(outcome, Outcome::Failed(_) | Outcome::Refused(_) | Outcome::Bounced(_)) {
            tracing::warn!(notice = %claimed.notice, outcome = ?outcome, "a mail was not sent");
        }
        self.deliveries.record(&claimed, &outcome, self.clock.now()).await?;
        count(if outcome.state() == "waiting" { "put_off" } else { outcome.state() }, 1);
        Ok(())
    }

    /// `None` if the claim was lost: then nothing was handed over.
    async fn try_to_send(
        &self,
        claimed: &Claimed,
        it: Prepared,
    ) -> Result<Option<Outcome>, DatabaseError> {
        let link = self.link(claimed, &it.found).await?;
        let Some(address) = it.reader.address.as_deref() else {
            return Ok(Some(Outcome::Off("no_address")));
        };
        let said = self.words.say(it.found.kind, &it.facts, &it.reader);
        let letter = said.and_then(|said| self.words.write(&said, &link, &it.reader));
        let Ok(letter) = letter else {
            tracing::error!(kind = %it.found.kind, "a notice can not be put into words");
            return Ok(Some(Outcome::Failed("words".to_owned())));
        };
        let now = self.clock.now();
        let (to, text) = match mail(letter, claimed.notice, &self.from, address, now) {
            Ok(mail) => mail,
            Err(MailError::Address) => return Ok(Some(Outcome::Bounced("address".to_owned()))),
            Err(MailError::Unwritable) => return Ok(Some(Outcome::Failed("mail".to_owned()))),
        };
        let ready = match self.smtp.begin(&self.from.email, &to).await {
            Ok(ready) => ready,
            Err(why) => return Ok(Some(not_handed(why, claimed.attempts, self.clock.now()))),
        };
        // Whatever is dropped here takes the conversation with it: the server has no text.
        if !self.deliveries.intend(claimed, self.clock.now()).await? {
            return Ok(None);
        }
        Ok(Some(match ready.hand_over(&text).await {
            Handed::Taken => Outcome::Sent,
            Handed::Later(reason) => put_off(reason, claimed.attempts, self.clock.now()),
            Handed::Never(reason) => Outcome::Refused(reason),
            Handed::Unknown => Outcome::Unknown,
        }))
    }

    /// A short link to what the notice is about, the same at every attempt. Where none can be made,
    /// the long one.
    async fn link(&self, claimed: &Claimed, found: &Found) -> Result<String, DatabaseError> {
        if let Some(link) = &claimed.link {
            return Ok(link.clone());
        }
        let long = format!("{}{}", self.public_url, found.kind.path(found.about));
        let expires = self.clock.now() + LINK_LASTS;
        let link = match self.links.shorten(&long, Some(expires)).await {
            Ok(short) => short,
            Err(error) => {
                tracing::warn!(error = causes(&error), "a mail has no short link");
                return Ok(long);
            }
        };
        self.deliveries.keep_link(claimed, &link).await?;
        Ok(link)
    }
}

/// All that a mail needs; `None` if the person or the notice is gone.
fn prepared(
    claimed: &Claimed,
    found: &mut HashMap<Uuid, Found>,
    facts: &mut HashMap<Uuid, Facts>,
    contacts: &HashMap<AccountId, Contact>,
) -> Option<Prepared> {
    Some(Prepared {
        found: found.remove(&claimed.notice)?,
        facts: facts.remove(&claimed.notice)?,
        reader: contacts.get(&AccountId(claimed.person))?.clone(),
    })
}

/// Why a notice is not sent to somebody; `None` if it is.
fn why_not(candidate: &Candidate, contact: &Contact) -> Option<&'static str> {
    if contact.address.is_none() {
        Some("no_address")
    } else if contact.delivery != DeliveryType::Email {
        Some("in_product")
    } else if candidate.switched_off {
        Some("switched_off")
    } else if candidate.bounced {
        Some("bounced_before")
    } else {
        None
    }
}

fn not_handed(why: NotHanded, attempts: i32, now: DateTime<Utc>) -> Outcome {
    match why {
        NotHanded::Later(reason) => put_off(reason, attempts, now),
        NotHanded::NoSuchAddress(reason) => Outcome::Bounced(reason),
        NotHanded::Never(reason) => Outcome::Refused(reason),
    }
}

fn put_off(reason: String, attempts: i32, now: DateTime<Utc>) -> Outcome {
    if attempts >= ATTEMPTS {
        return Outcome::Failed(reason);
    }
    Outcome::Waiting(now + pause_after(attempts), reason)
}

fn pause_after(attempts: i32) -> TimeDelta {
    let doublings = attempts.unsigned_abs().saturating_sub(1).min(MOST_DOUBLINGS);
    (FIRST_PAUSE * 2_i32.pow(doublings)).min(LONGEST_PAUSE)
}

fn count(outcome: &'static str, mails: u64) {
    metrics::counter!("ticketing_mails_total", "outcome" => outcome).increment(mails);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::Language;

    fn contact(address: Option<&str>, delivery: DeliveryType) -> Contact {
        Contact {
            name: "Ann".to_owned(),
            address: address.map(str::to_owned),
            delivery,
            language: Language::En,
            time_zone: "+00:00".parse().unwrap(),
        }
    }

    fn candidate(switched_off: bool, bounced: bool) -> Candidate {
        let id = Uuid::nil();
        Candidate { notice: id, person: id, bounced, switched_off }
    }

    #[test]
    fn only_who_wants_a_mail_and_has_an_address_gets_one() {
        let ann = contact(Some("ann@example.com"), DeliveryType::Email);
        assert_eq!(why_not(&candidate(false, false), &ann), None);
        assert_eq!(why_not(&candidate(true, false), &ann), Some("switched_off"));
        assert_eq!(why_not(&candidate(false, true), &ann), Some("bounced_before"));
        let nowhere = contact(None, DeliveryType::Email);
        assert_eq!(why_not(&candidate(false, false), &nowhere), Some("no_address"));
        let inside = contact(Some("ann@example.com"), DeliveryType::InProduct);
        assert_eq!(why_not(&candidate(false, false), &inside), Some("in_product"));
    }

    #[test]
    fn what_fails_is_tried_again_with_growing_pauses_but_not_for_ever() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let later = |attempts| not_handed(NotHanded::Later("421".to_owned()), attempts, now);
        assert_eq!(later(1), Outcome::Waiting(now + FIRST_PAUSE, "421".to_owned()));
        assert_eq!(later(2), Outcome::Waiting(now + FIRST_PAUSE * 2, "421".to_owned()));
        assert_eq!(pause_after(ATTEMPTS), LONGEST_PAUSE);
        assert_eq!(later(ATTEMPTS), Outcome::Failed("421".to_owned()));
    }

    #[test]
    fn what_is_refused_for_good_is_not_tried_again() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let code = || "550".to_owned();
        assert_eq!(not_handed(NotHanded::NoSuchAddress(code()), 1, now), Outcome::Bounced(code()));
        assert_eq!(not_handed(NotHanded::Never(code()), 1, now), Outcome::Refused(code()));
    }
}
