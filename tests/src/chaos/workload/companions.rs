//! Those who go to the cinema together: one announces an outing with few places, more apply than
//! there are, the host takes some along; guests withdraw, come back or leave; the outing moves, has
//! more places or fewer, and is called off.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::Visitor;
use super::api::{Answer, Ask};
use super::people::Person;
use super::spectators::all_at_once;
use crate::chaos::journal::Action;

/// What stands in the title of each outing, and nowhere beside the vault.
pub const TITLE: &str = "canary-Turnstile-47";
/// A film that is in cinemas from the beginning.
const FILM: &str = "23536729-1e1f-4639-a9cf-0883634143ab";
/// The pause between two outings, each of which makes about thirty events: so long that others
/// hardly notice, so short that there are some whenever somebody listens for a while.
const BETWEEN_OUTINGS: Range<Duration> = Duration::from_millis(1_000)..Duration::from_millis(1_800);
/// An outing begins at one of so many hours and takes two: so few that people are elsewhere now and
/// then.
const HOURS: u64 = 20;
const LASTS_MINUTES: u32 = 120;
/// How many days ahead: no outing begins, and nobody is reminded, while a run lasts.
const AHEAD: TimeDelta = TimeDelta::days(30);
/// Whoever has an answer thinks it over for so long: by then replicas know of new bookings.
const DECIDING: Range<Duration> = Duration::from_millis(250)..Duration::from_millis(700);
/// Places of an outing, or one more; one more person than that applies.
const FEW: u32 = 2;
/// Outings that a client leaves standing at most: nobody is engaged without end.
const KEPT: usize = 2;

/// The beginning of that hour.
#[expect(clippy::disallowed_methods, reason = "people go out in a time of their own")]
pub fn hour(hour: u64) -> DateTime<Utc> {
    let midnight = (Utc::now() + AHEAD).date_naive().and_time(NaiveTime::MIN).and_utc();
    midnight + TimeDelta::hours(i64::try_from(hour).unwrap_or_default())
}

/// Announces an outing.
pub fn announce(host: &Person, starts_at: DateTime<Utc>, places: u32) -> Ask {
    let body = json!({ "status": "Alive", "title": TITLE, "description": "We meet at the box",
        "sub_only": false, "is_free": true, "tickets_count": places, "event_time": starts_at,
        "event_location": "Hall 2", "duration": LASTS_MINUTES });
    let ask = Ask::get(Action::Announce, format!("/app/v1/announcement/{FILM}"));
    ask.posted(Some(body)).by(Some(host.token.clone())).keyed()
}

/// Applies for a place.
pub fn apply(outing: Uuid, guest: &Person) -> Ask {
    let ask = Ask::get(Action::Apply, format!("/app/v1/booking/{outing}")).about(outing);
    ask.posted(None).by(Some(guest.token.clone())).keyed()
}

/// Says yes or no to a booking, as its host or as its guest.
pub fn say(action: Action, booking: Uuid, by: &Person) -> Ask {
    let yes = matches!(action, Action::Accept | Action::Confirm);
    let ask = Ask::get(action, format!("/app/v1/booking/{booking}")).about(booking);
    let ask = Ask { body: Some(json!({ "my_status": yes })), ..ask.put() };
    ask.by(Some(by.token.clone())).keyed()
}

/// An outing that somebody has announced.
struct Announced {
    id: Uuid,
    host: Person,
    hour: u64,
    places: u32,
}

impl Announced {
    fn change(&self, what: Value) -> Ask {
        let ask = Ask::get(Action::Change, self.path()).about(self.id);
        Ask { body: Some(what), ..ask.put() }.by(Some(self.host.token.clone())).keyed()
    }

    fn call_off(&self) -> Ask {
        let ask = Ask::get(Action::CallOff, self.path()).about(self.id);
        ask.delete().by(Some(self.host.token.clone())).keyed()
    }

    fn path(&self) -> String {
        format!("/app/v1/announcement/{}", self.id)
    }
}

/// Somebody with a booking.
#[derive(Clone)]
struct Guest {
    person: Person,
    booking: Uuid,
}

impl Guest {
    fn says(&self, action: Action) -> Ask {
        say(action, self.booking, &self.person)
    }

    fn leave(&self) -> Ask {
        let path = format!("/app/v1/booking/{}", self.booking);
        let ask = Ask::get(Action::Leave, path).about(self.booking);
        ask.delete().by(Some(self.person.token.clone())).keyed()
    }
}

fn is_yes(answer: &Answer) -> bool {
    answer.reply.status == 200
}

impl Visitor {
    /// Goes out until told to stop; then calls off what was left, so that people have time again.
    pub(super) async fn go_out_on(mut self, mut people: Vec<Person>) -> Result<()> {
        let mut left = VecDeque::new();
        while !self.stop.is_cancelled() {
            self.dice.shuffle(&mut people);
            if let [host, others @ ..] = people.as_slice() {
                left.extend(self.go_out(host, others).await?);
            }
            if left.len() > KEPT
                && let Some(outing) = left.pop_front()
            {
                self.all(&[outing.call_off()]).await?;
            }
            self.pause(BETWEEN_OUTINGS).await;
        }
        for outing in &left {
            self.all(&[outing.call_off()]).await?;
        }
        Ok(())
    }

    /// All of these, one after the other or at the same moment, sometimes twice: who asks again
    /// with the same key has asked once.
    async fn all(&mut self, asks: &[Ask]) -> Result<Vec<Answer>> {
        let answers = if self.dice.in_a_hundred(25) {
            all_at_once(&self.api, self.number, asks).await?
        } else {
            let mut answers = Vec::with_capacity(asks.len());
            for ask in asks {
                answers.push(self.decided(ask).await?);
            }
            answers
        };
        if self.dice.in_a_hundred(15) {
            all_at_once(&self.api, self.number, asks).await?;
        }
        Ok(answers)
    }

    /// Announces an outing and takes others along; `None` if the host has no time for it.
    async fn go_out(&mut self, host: &Person, others: &[Person]) -> Result<Option<Announced>> {
        let (hour_of, places) = (self.dice.below(HOURS), FEW + self.dice.below(2) as u32);
        let asked = self.all(&[announce(host, hour(hour_of), places)]).await?;
        let Some(answer) = asked.first().filter(|answer| is_yes(answer)) else { return Ok(None) };
        let id = answer.reply.made.context("an announcement")?;
        let mut outing = Announced { id, host: host.clone(), hour: hour_of, places };
        let applicants = others.get(..places as usize + 1).unwrap_or(others);
        let asks: Vec<Ask> = applicants.iter().map(|guest| apply(id, guest)).collect();
        let answers = self.all(&asks).await?;
        let mut guests = Vec::with_capacity(applicants.len());
        for (person, answer) in applicants.iter().zip(&answers).filter(|(_, one)| is_yes(one)) {
            let booking = answer.reply.made.context("a booking")?;
            guests.push(Guest { person: person.clone(), booking });
        }
        self.pause(DECIDING).await;
        let accepting: Vec<Ask> =
            guests.iter().map(|guest| say(Action::Accept, guest.booking, host)).collect();
        let answers = self.all(&accepting).await?;
        let (came, wait) = split(&guests, &answers);
        self.think_again(&mut outing, came, wait).await?;
        Ok(Some(outing))
    }

    /// What was agreed on is thought over: whoever waits is accepted again, others withdraw and the
    /// outing changes, perhaps at the same moment; some come back, leave, or are declined.
    async fn think_again(
        &mut self,
        outing: &mut Announced,
        mut came: Vec<Guest>,
        mut wait: Vec<Guest>,
    ) -> Result<()> {
        let host = outing.host.clone();
        let mut asks: Vec<Ask> =
            wait.iter().map(|guest| say(Action::Accept, guest.booking, &host)).collect();
        let left = came.pop();
        asks.extend(left.iter().map(|guest| guest.says(Action::Withdraw)));
        self.all_and_change(asks, outing).await?;
        self.pause(DECIDING).await;
        let mut asks = Vec::new();
        if let Some(guest) = left {
            asks.push(match self.dice.below(3) {
                0 => guest.leave(),
                _ => guest.says(Action::Confirm),
            });
        }
        if let Some(guest) = wait.pop().filter(|_| self.dice.in_a_hundred(50)) {
            asks.push(say(Action::Decline, guest.booking, &host));
        }
        if let Some(guest) = came.pop().filter(|_| self.dice.in_a_hundred(30)) {
            asks.push(guest.leave());
        }
        self.all_and_change(asks, outing).await
    }

    /// All of these, and perhaps a change of the outing; each is another than before.
    async fn all_and_change(&mut self, mut asks: Vec<Ask>, outing: &mut Announced) -> Result<()> {
        let wanted = match self.dice.below(4) {
            0 | 1 => {
                let hour_of = (outing.hour + 1 + self.dice.below(HOURS - 1)) % HOURS;
                asks.push(outing.change(json!({ "event_time": hour(hour_of) })));
                (hour_of, outing.places)
            }
            2 => {
                let places = if outing.places == FEW { FEW + 1 } else { FEW };
                asks.push(outing.change(json!({ "tickets_count": places })));
                (outing.hour, places)
            }
            _ => (outing.hour, outing.places),
        };
        let answers = self.all(&asks).await?;
        if answers.last().is_some_and(is_yes) {
            (outing.hour, outing.places) = wanted;
        }
        Ok(())
    }
}

/// Those who were told yes, and the others.
fn split(guests: &[Guest], answers: &[Answer]) -> (Vec<Guest>, Vec<Guest>) {
    let both = || guests.iter().cloned().zip(answers);
    let only = |yes| both().filter(move |(_, one)| is_yes(one) == yes).map(|(guest, _)| guest);
    (only(true).collect(), only(false).collect())
}
