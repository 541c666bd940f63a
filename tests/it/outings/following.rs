//! Guests who follow an outing that moves, run by run, on a real Postgres: each run of these comes
//! when its time is over.

use chrono::TimeDelta;
use shared_events::topology::OUTINGS_LOG;
use shared_events::{
    AccountId, AnnouncementEvent, AnnouncementId, BookingId, EngagementsId, FilmId, TextId,
};
use ticketing::outings::announcement::{Span, Terms};
use ticketing::outings::engagements::{Engagements, Time};
use ticketing::outings::planner::{Current, Planner};
use ticketing::platform::append::{Append, Attached, NewEvent, Origin, StreamAppend};
use ticketing::platform::clock::Clock;
use ticketing::platform::commands::Execution;
use ticketing::platform::event_store::EventStore;
use tokio::time::Instant;
use uuid::Uuid;

use crate::harness::Place;

/// More than a run looks at when its time is over.
const GUESTS: usize = 20;

/// An outing and all who want to come along.
struct Crowd {
    _place: Place,
    planner: Planner,
    clock: Clock,
    outing: AnnouncementId,
    guests: Vec<AccountId>,
}

impl Crowd {
    async fn given() -> Self {
        let (place, database) = Place::migrated().await;
        let clock = Clock::default();
        let planner = Planner::new(&EventStore::open(OUTINGS_LOG, database), clock.clone());
        let outing = AnnouncementId(Uuid::now_v7());
        let text = TextId(Uuid::now_v7());
        let span = Span { starts_at: clock.now() + TimeDelta::days(1), duration_minutes: 120 };
        let terms = Terms {
            host: AccountId(Uuid::now_v7()),
            film: FilmId(Uuid::now_v7()),
            title: text,
            description: text,
            location: text,
            sub_only: false,
            is_free: true,
            places: 1_000,
            span,
        };
        let execution = || Execution::new(Origin::new(), clock.now());
        let nothing = |_: &_| Attached::default();
        planner.announce(outing, terms, true, execution(), nothing).await.unwrap();
        let guests: Vec<_> = (0..GUESTS).map(|_| AccountId(Uuid::now_v7())).collect();
        for guest in &guests {
            let booking = BookingId(Uuid::now_v7());
            planner.apply(outing, booking, *guest, execution(), nothing).await.unwrap();
        }
        Self { _place: place, planner, clock, outing, guests }
    }

    /// It is an hour later than it was.
    async fn moves(&self) -> Time {
        let Current { state, sequence } = self.planner.load(self.outing).await.unwrap();
        let Span { starts_at, duration_minutes } = state.announced().unwrap().terms.span;
        let span = Span { starts_at: starts_at + TimeDelta::hours(1), duration_minutes };
        let moved = AnnouncementEvent::Moved { starts_at: span.starts_at, duration_minutes };
        let append = Append {
            streams: vec![StreamAppend {
                aggregate: "announcement",
                id: self.outing.0,
                expected: sequence,
                events: vec![NewEvent::of(&moved).unwrap()],
            }],
            origin: Origin::new(),
            recorded_at: self.clock.now(),
            attached: Attached::default(),
        };
        self.planner.store().append(append).await.unwrap();
        Time { starts_at: span.starts_at, ends_at: span.ends_at() }
    }

    /// Whether all have followed after one run more.
    async fn run(&self) -> bool {
        self.planner.guests_follow(self.outing, &self.clock, Instant::now()).await.unwrap()
    }

    /// How many runs it takes.
    async fn runs(&self) -> usize {
        let mut runs = 1;
        while !self.run().await {
            runs += 1;
            assert!(runs <= GUESTS + 1, "a run came no further than the one before");
        }
        runs
    }

    /// How many guests are engaged at this time.
    async fn there_at(&self, time: Time) -> usize {
        let mut count = 0;
        for guest in &self.guests {
            let id = EngagementsId::of(*guest).0;
            let engaged = self.planner.store().load::<Engagements>(id).await.unwrap().state;
            count += usize::from(engaged.time_of(self.outing) == Some(time));
        }
        count
    }
}

/// An earlier version read them all first, and was stopped while it did if they were many.
#[tokio::test]
async fn a_run_whose_time_is_over_goes_on_after_those_whom_others_have_looked_at() {
    let crowd = Crowd::given().await;
    assert!(crowd.runs().await > 1, "nobody is behind, and nobody had the time to see that");
    assert!(crowd.runs().await > 1, "the next time begins with the first guest");
}

#[tokio::test]
async fn all_follow_however_late_each_run_is() {
    let crowd = Crowd::given().await;
    let later = crowd.moves().await;
    assert!(!crowd.run().await);
    let some = crowd.there_at(later).await;
    assert!((1..GUESTS).contains(&some), "{some} have followed in a run");
    crowd.runs().await;
    assert_eq!(crowd.there_at(later).await, GUESTS);
}

#[tokio::test]
async fn who_has_followed_follows_the_next_move_too() {
    let crowd = Crowd::given().await;
    crowd.moves().await;
    for _ in 0..GUESTS / 2 {
        assert!(!crowd.run().await);
    }
    let later = crowd.moves().await;
    crowd.runs().await;
    assert_eq!(crowd.there_at(later).await, GUESTS);
}
