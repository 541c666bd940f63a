//! A season to try things out: ten stadiums, a hundred matches, seats on sale. Through the same
//! commands as everything else; what is there already stays, so that it can be run again.

use chrono::{DateTime, Duration, TimeDelta, Timelike, Utc};
use shared_events::{
    AccountId, Currency, FixtureId, Price, SectionPlan, StadiumId, TariffId, TransactionId,
    WalletId,
};
use uuid::Uuid;

use super::error::VenuesError;
use super::fixture::{Details, FixtureError};
use super::offering::{Offer, Offering, Which};
use super::scheduling::{Refused, Scheduling};
use super::seat_maps::SeatMaps;
use super::stadium::{DefineStadium, PlanSeats, Stadium, StadiumCommand, StadiumError};
use super::tariff::{DefineTariff, Tariff, TariffCommand, TariffError};
use super::wallet::{OpenWallet, OpeningSum, Wallet, WalletCommand, WalletError};
use crate::platform::append::{Attached, Origin};
use crate::platform::commands::{CommandError, Commands, Execution};
use crate::platform::event_store::EventStore;

/// What the ids of the season are made of.
const NAMESPACE: Uuid = Uuid::from_u128(0x7075_7270_6c65_4000_8000_7365_6173_6f6e);
/// The stadiums: name, sections, rows of a section, seats of a row.
const STADIUMS: [(&str, u32, u32, u32); 10] = [
    ("National Stadium", 20, 50, 50),
    ("Harbour Park", 12, 25, 40),
    ("Northern Arena", 6, 25, 40),
    ("Riverside", 4, 25, 40),
    ("Old Mill", 4, 20, 25),
    ("City Hall", 2, 20, 25),
    ("Garden Court", 2, 20, 20),
    ("Station Hall", 2, 15, 20),
    ("School Hall", 1, 20, 20),
    ("Village Green", 1, 10, 20),
];
/// Matches of each stadium, a week apart.
const MATCHES: i64 = 10;
/// Matches of a stadium that are on sale; of a large one only the next.
const ON_SALE: i64 = 4;
const LARGE: u64 = 10_000;
/// What everybody has at first, in hundredths.
const OPENING: i64 = 100_000;

/// What was found to be there or made.
#[derive(Clone, Debug, Default)]
pub struct Season {
    /// Stadiums.
    pub stadiums: usize,
    /// Matches.
    pub matches: usize,
    /// Seats that are new on sale.
    pub tickets: u64,
    /// The next match that is on sale; `None` if all have begun.
    pub on_sale: Option<(FixtureId, String)>,
}

fn title(stadium: &str, week: i64) -> String {
    format!("{stadium}, match {week}")
}

fn id(name: &str) -> Uuid {
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

/// Makes what is not there of the season, and a wallet for each of the people.
///
/// # Errors
/// [`Refused`] if something can not be written.
pub async fn generate(
    store: EventStore,
    currency: Currency,
    people: &[AccountId],
    now: DateTime<Utc>,
) -> Result<Season, Refused> {
    let season = Making {
        stadiums: Commands::new(store.clone()),
        tariffs: Commands::new(store.clone()),
        wallets: Commands::new(store.clone()),
        scheduling: Scheduling {
            stadiums: Commands::new(store.clone()),
            fixtures: Commands::new(store.clone()),
            maps: SeatMaps::new(store.clone()),
        },
        offering: Offering {
            stadiums: Commands::new(store.clone()),
            tariffs: Commands::new(store.clone()),
            fixtures: Commands::new(store.clone()),
            seats: Commands::new(store),
        },
        currency,
        now,
    };
    season.make(people).await
}

struct Making {
    stadiums: Commands<Stadium>,
    tariffs: Commands<Tariff>,
    wallets: Commands<Wallet>,
    scheduling: Scheduling,
    offering: Offering,
    currency: Currency,
    now: DateTime<Utc>,
}

impl Making {
    fn execution(&self) -> Execution {
        Execution::new(Origin::new(), self.now)
    }

    async fn make(&self, people: &[AccountId]) -> Result<Season, Refused> {
        let tariff = TariffId(id("adults"));
        self.tariff(tariff).await?;
        for account in people {
            self.wallet(*account).await?;
        }
        let mut season = Season::default();
        for (name, sections, rows, seats_per_row) in STADIUMS {
            let stadium = StadiumId(id(name));
            let section = |n| SectionPlan { name: format!("Section {n}"), rows, seats_per_row };
            let sections: Vec<_> = (1..=sections).map(section).collect();
            let seats: u64 = sections.iter().map(SectionPlan::seats).sum();
            self.stadium(stadium, name, sections).await?;
            season.stadiums += 1;
            for week in 1..=MATCHES {
                let fixture = FixtureId(id(&format!("{name} {week}")));
                self.fixture(fixture, stadium, name, week).await?;
                season.matches += 1;
                if week == 1 || week <= ON_SALE && seats <= LARGE {
                    // What has begun by now was on sale before.
                    let Some(tickets) = self.offer(fixture, tariff).await? else { continue };
                    season.tickets += tickets;
                    season.on_sale.get_or_insert_with(|| (fixture, title(name, week)));
                }
            }
        }
        Ok(season)
    }

    async fn tariff(&self, tariff: TariffId) -> Result<(), Refused> {
        let price = Price { price_minor: 2_500, currency: self.currency };
        let define = TariffCommand::Define(DefineTariff { name: "Adults".to_owned(), price });
        let made =
            self.tariffs.execute(tariff.0, define, self.execution(), |_| Attached::default()).await;
        or_there(made.map(drop), &TariffError::AlreadyDefined)
    }

    async fn wallet(&self, owner: AccountId) -> Result<(), Refused> {
        let transaction = TransactionId(Uuid::now_v7());
        let sum = OpeningSum { by: owner, transaction, amount_minor: OPENING };
        let open = OpenWallet { owner, currency: self.currency, sum: Some(sum) };
        let (open, wallet) = (WalletCommand::Open(open), WalletId::of(owner).0);
        let made =
            self.wallets.execute(wallet, open, self.execution(), |_| Attached::default()).await;
        or_there(made.map(drop), &WalletError::AlreadyOpen)
    }

    async fn stadium(
        &self,
        stadium: StadiumId,
        name: &str,
        sections: Vec<SectionPlan>,
    ) -> Result<(), Refused> {
        let (name, description) = (name.to_owned(), "A sample stadium".to_owned());
        let define = StadiumCommand::Define(DefineStadium { name, description });
        let plan = StadiumCommand::PlanSeats(PlanSeats { sections });
        for command in [define, plan] {
            let made = self
                .stadiums
                .execute(stadium.0, command, self.execution(), |_| Attached::default());
            or_there(made.await.map(drop), &StadiumError::AlreadyDefined)?;
        }
        Ok(())
    }

    async fn fixture(
        &self,
        fixture: FixtureId,
        stadium: StadiumId,
        name: &str,
        week: i64,
    ) -> Result<(), Refused> {
        let known = self.scheduling.fixtures.store().load::<super::fixture::Fixture>(fixture.0);
        if known.await?.state.details().is_some() {
            return Ok(());
        }
        let evening = self.now.date_naive().and_hms_opt(18, 0, 0).unwrap_or_default().and_utc();
        let starts_at = (evening + TimeDelta::weeks(week)).with_nanosecond(0).unwrap_or(evening);
        let details = Details {
            stadium,
            title: title(name, week).into(),
            starts_at,
            ends_at: starts_at + Duration::hours(2),
            requires_link: false,
        };
        let nothing = |_: &_| Attached::default();
        let made = self.scheduling.schedule(fixture, details, self.execution(), nothing).await;
        match made {
            Ok(_) => Ok(()),
            Err(CommandError::Refused(VenuesError::Fixture(FixtureError::AlreadyScheduled))) => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// How many seats are new on sale; `None` if the match has begun or is no more.
    async fn offer(&self, fixture: FixtureId, tariff: TariffId) -> Result<Option<u64>, Refused> {
        let offer = Offer { fixture, tariff, which: Which::All };
        let nothing = |_: &_| Attached::default();
        match self.offering.offer(&offer, self.execution(), nothing).await {
            Ok(done) => Ok(Some(done.events.iter().map(super::fixture::seats_offered).sum())),
            Err(CommandError::Refused(VenuesError::Fixture(
                FixtureError::Begun | FixtureError::Unknown,
            ))) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// That something is there already is what was wanted.
fn or_there<E>(outcome: Result<(), CommandError<E>>, there: &E) -> Result<(), Refused>
where
    E: std::error::Error + PartialEq + Into<VenuesError>,
{
    match outcome {
        Err(CommandError::Refused(refusal)) if refusal == *there => Ok(()),
        Err(CommandError::Refused(refusal)) => Err(CommandError::Refused(refusal.into())),
        Err(CommandError::Conflict) => Err(CommandError::Conflict),
        Err(CommandError::KeyTaken) => Err(CommandError::KeyTaken),
        Err(CommandError::Append(error)) => Err(CommandError::Append(error)),
        Err(CommandError::Read(error)) => Err(CommandError::Read(error)),
        Ok(()) => Ok(()),
    }
}
