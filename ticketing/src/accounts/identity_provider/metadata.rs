//! What an OpenID provider says of itself, with its keys: asked for again every ten minutes. While
//! it is asked, and while it does not answer, what it said before goes on. One that does not answer
//! is not asked again by everybody who comes: that would be five seconds each.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use openidconnect::IssuerUrl;
use openidconnect::core::CoreProviderMetadata;

use super::{ProviderError, away, call, settings};
use crate::platform::causes::causes;

/// How long what a provider says of itself is believed without asking.
const KEPT: Duration = Duration::from_secs(600);
/// How long one that did not answer is left alone.
const PAUSE: Duration = Duration::from_secs(5);

/// What one provider said of itself.
#[derive(Default)]
pub(super) struct Metadata(Mutex<Heard<CoreProviderMetadata>>);

impl Metadata {
    /// The present metadata. Nobody waits for somebody else's question.
    ///
    /// # Errors
    /// [`ProviderError::Away`] if nothing was ever heard and nothing is now.
    pub(super) async fn read(
        &self,
        issuer: &str,
        http: &reqwest::Client,
    ) -> Result<CoreProviderMetadata, ProviderError> {
        let next = self.lock().next(Instant::now());
        match next {
            Next::Use(metadata) => return Ok(metadata),
            Next::Pause => return Err(away("it did not answer a moment ago")),
            Next::Ask => {}
        }
        let issuer = IssuerUrl::new(issuer.to_owned()).map_err(settings)?;
        let ask = |request| call(http.clone(), request);
        let answer = CoreProviderMetadata::discover_async(issuer, &ask).await;
        let mut heard = self.lock();
        match answer {
            Ok(metadata) => Ok(heard.keep(metadata, Instant::now())),
            Err(error) => {
                let error = away(error);
                let before = heard.fail(Instant::now());
                if before.is_some() {
                    let error = causes(&error);
                    tracing::warn!(error, "what a sign-in provider said before goes on");
                }
                before.ok_or(error)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Heard<CoreProviderMetadata>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was heard last, and since when it is not asked for.
struct Heard<T> {
    last: Option<(Instant, T)>,
    /// When it was asked for in vain, or by somebody who may still be waiting.
    paused: Option<Instant>,
}

/// What somebody does who needs it.
#[derive(Debug, PartialEq, Eq)]
enum Next<T> {
    /// Uses this.
    Use(T),
    /// Asks, and tells what came of it.
    Ask,
    /// Does without.
    Pause,
}

impl<T> Default for Heard<T> {
    fn default() -> Self {
        Self { last: None, paused: None }
    }
}

impl<T: Clone> Heard<T> {
    fn next(&mut self, now: Instant) -> Next<T> {
        let within = |since: Instant, span| now.saturating_duration_since(since) < span;
        let paused = self.paused.is_some_and(|since| within(since, PAUSE));
        match &self.last {
            Some((since, last)) if paused || within(*since, KEPT) => Next::Use(last.clone()),
            None if paused => Next::Pause,
            Some(_) => {
                // One asks, the others go on.
                self.paused = Some(now);
                Next::Ask
            }
            None => Next::Ask,
        }
    }

    fn keep(&mut self, answer: T, now: Instant) -> T {
        *self = Self { last: Some((now, answer.clone())), paused: None };
        answer
    }

    /// What was heard before, if anything was.
    fn fail(&mut self, now: Instant) -> Option<T> {
        self.paused = Some(now);
        self.last.as_ref().map(|(_, last)| last.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_heard_is_used_for_ten_minutes_and_goes_on_while_one_asks_again() {
        let (mut heard, start) = (Heard::default(), Instant::now());
        assert_eq!(heard.next(start), Next::Ask);
        assert_eq!(heard.next(start), Next::Ask, "nobody waits for somebody else's question");
        assert_eq!(heard.keep(1, start), 1);
        let late = start + KEPT;
        assert_eq!(heard.next(late - Duration::from_millis(1)), Next::Use(1));
        assert_eq!(heard.next(late), Next::Ask);
        assert_eq!(heard.next(late), Next::Use(1), "one asks");
        assert_eq!(heard.next(late + PAUSE), Next::Ask, "who asked has left");
        assert_eq!(heard.keep(2, late), 2);
        assert_eq!(heard.next(late), Next::Use(2));
    }

    #[test]
    fn who_does_not_answer_is_left_alone_for_five_seconds() {
        let (mut heard, start) = (Heard::default(), Instant::now());
        assert_eq!(heard.fail(start), None);
        assert_eq!(heard.next(start), Next::Pause);
        assert_eq!(heard.next(start + PAUSE), Next::Ask);
        heard.keep(1, start);
        assert_eq!(heard.next(start + KEPT), Next::Ask);
        assert_eq!(heard.fail(start + KEPT), Some(1), "what was heard before goes on");
        assert_eq!(heard.next(start + KEPT + PAUSE / 2), Next::Use(1));
        assert_eq!(heard.next(start + KEPT + PAUSE), Next::Ask);
    }
}
