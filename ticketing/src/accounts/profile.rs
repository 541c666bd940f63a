//! What people tell of themselves beyond what they log in with: read by others without what reaches
//! them, changed by themselves. A row there is only after something was told. Not here: what is
//! sent to whom.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, Utc};
use shared_events::account::AccountId;
use tokio_postgres::Row;

use super::Accounts;
use super::directory::{called, stored};
use super::people::check_name;
use super::time_zone::TimeZone;
use crate::platform::database::DatabaseError;

/// Digits of a phone number (ITU-T E.164; the shortest national ones have 7).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// Characters of a name at Telegram.
const TELEGRAM_LENGTH: std::ops::RangeInclusive<usize> = 5..=32;
/// The longest country, in characters.
pub(super) const LONGEST_COUNTRY: usize = 100;
/// The year in which nobody was born who is alive.
const FIRST_YEAR: i32 = 1900;

/// A closed list of names, the first of which holds if none was told.
macro_rules! names {
    ($(#[$doc:meta])*
     $name:ident { $($(#[$told:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $name { #[default] $($(#[$told])* $variant,)+ }

        impl $name {
            /// All names on the wire.
            pub const NAMES: &[&str] = &[$($text,)+];

            /// The name on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl FromStr for $name {
            type Err = UnknownName;

            fn from_str(text: &str) -> Result<Self, UnknownName> {
                match text { $($text => Ok(Self::$variant),)+ _ => Err(UnknownName) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

/// The text is not one of the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is none of the names")]
pub struct UnknownName;

names! {
    /// In which language somebody is written to.
    Language {
        /// English.
        En = "en",
        /// Russian.
        Ru = "ru",
    }
}

names! {
    /// How somebody wants to be told what concerns them.
    DeliveryType {
        /// In the product and by e-mail.
        Email = "email",
        /// In the product only.
        InProduct = "in_product",
    }
}

/// Genders that can be told.
pub(super) const GENDERS: [&str; 3] = ["female", "male", "other"];

/// What is known of somebody.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    pub(super) id: AccountId,
    /// The first name, or what others call them.
    pub(super) name: String,
    pub(super) last_name: Option<String>,
    pub(super) email: Option<String>,
    pub(super) phone_number: Option<String>,
    pub(super) telegram_name: Option<String>,
    pub(super) gender: Option<String>,
    pub(super) country: Option<String>,
    pub(super) time_zone: TimeZone,
    pub(super) birthday: Option<NaiveDate>,
    pub(super) delivery_type: DeliveryType,
    pub(super) language: Language,
    /// How often something was told; 0 while nothing was.
    pub(super) sequence: i64,
}

/// What changes of a profile: what is `None` stays, what is empty is not told any more.
#[derive(Clone, Debug, Default)]
pub(super) struct ProfileChange {
    pub(super) name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) phone_number: Option<String>,
    pub(super) telegram_name: Option<String>,
    pub(super) gender: Option<String>,
    pub(super) country: Option<String>,
    pub(super) time_zone: Option<String>,
    pub(super) birthday: Option<String>,
    pub(super) delivery_type: Option<String>,
    pub(super) language: Option<String>,
}

/// Why a profile was not changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProfileError {
    /// Members break rules: each with its rule.
    #[error("some members are not valid")]
    Invalid(Vec<(&'static str, String)>),
    /// It is not as its owner has seen it.
    #[error("the profile was changed since")]
    Changed,
    /// The account is no more.
    #[error("the account is no more")]
    Gone,
    /// Postgres did not do what was asked.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl ProfileChange {
    /// The change as it is kept: without blanks around it, and phone numbers in one form.
    fn judged(self, today: NaiveDate) -> Result<Self, ProfileError> {
        let trimmed = |text: Option<String>| text.map(|text| text.trim().to_owned());
        // Only what is empty as it is told takes something back.
        let bare = |text: String, bare: String| if bare.is_empty() { text } else { bare };
        let phone = trimmed(self.phone_number);
        let phone = phone.map(|phone| bare(phone.clone(), phone.replace([' ', '-', '(', ')'], "")));
        let telegram = trimmed(self.telegram_name);
        let telegram = telegram.map(|n| bare(n.clone(), n.trim_start_matches('@').to_owned()));
        let change = Self {
            name: trimmed(self.name),
            last_name: trimmed(self.last_name),
            phone_number: phone,
            telegram_name: telegram,
            gender: trimmed(self.gender),
            country: trimmed(self.country),
            time_zone: trimmed(self.time_zone),
            birthday: trimmed(self.birthday),
            delivery_type: trimmed(self.delivery_type),
            language: trimmed(self.language),
        };
        let broken = change.broken_rules(today);
        if broken.is_empty() { Ok(change) } else { Err(ProfileError::Invalid(broken)) }
    }

    fn broken_rules(&self, today: NaiveDate) -> Vec<(&'static str, String)> {
        let one_of = |names: &[&str]| format!("must be one of {}", names.join(", "));
        let zone = |text: &str| text.parse::<TimeZone>().map(drop).map_err(|rule| rule.to_string());
        let rules: [MemberRule<'_>; 10] = [
            ("name", &self.name, &|text| check_name(Some(text)).map_err(str::to_owned)),
            ("last_name", &self.last_name, &|text| check_name(Some(text)).map_err(str::to_owned)),
            ("phone_number", &self.phone_number, &|text| {
                is_phone(text).or_rule("must be a phone number such as +79161234567")
            }),
            ("telegram_name", &self.telegram_name, &|text| {
                is_telegram(text).or_rule("must have 5 to 32 letters (a-z), digits or underscores")
            }),
            ("gender", &self.gender, &|text| GENDERS.contains(&text).or_rule(one_of(&GENDERS))),
            ("country", &self.country, &|text| {
                (text.chars().count() <= LONGEST_COUNTRY && !text.contains(char::is_control))
                    .or_rule("must have at most 100 characters, none of them a control character")
            }),
            ("time_zone", &self.time_zone, &zone),
            ("birthday", &self.birthday, &|text| {
                is_birthday(text, today).or_rule("must be a date from 1900-01-01 to today")
            }),
            ("delivery_type", &self.delivery_type, &|text| {
                DeliveryType::NAMES.contains(&text).or_rule(one_of(DeliveryType::NAMES))
            }),
            ("language", &self.language, &|text| {
                Language::NAMES.contains(&text).or_rule(one_of(Language::NAMES))
            }),
        ];
        let mut broken = Vec::new();
        for (member, value, rule) in rules {
            // What is taken back breaks no rule.
            let told = value.as_deref().filter(|text| !text.is_empty());
            if let Some(Err(rule)) = told.map(rule) {
                broken.push((member, rule));
            }
        }
        broken
    }
}

/// A member, what is told of it, and the rule that what is told has to keep.
type MemberRule<'a> = (&'static str, &'a Option<String>, &'a dyn Fn(&str) -> Result<(), String>);

/// A truth as a rule that holds or is told.
trait OrRule {
    fn or_rule(self, rule: impl Into<String>) -> Result<(), String>;
}

impl OrRule for bool {
    fn or_rule(self, rule: impl Into<String>) -> Result<(), String> {
        if self { Ok(()) } else { Err(rule.into()) }
    }
}

fn is_phone(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    PHONE_DIGITS.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_telegram(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    TELEGRAM_LENGTH.contains(&text.len()) && text.bytes().all(fits)
}

/// In the form of RFC 3339, and of somebody who may be alive.
fn is_birthday(text: &str, today: NaiveDate) -> bool {
    let first = NaiveDate::from_yo_opt(FIRST_YEAR, 1).unwrap_or_default();
    // The library reads more forms than this one.
    let born = text.parse().ok().filter(|born: &NaiveDate| born.to_string() == text);
    born.is_some_and(|born| (first..=today).contains(&born))
}

const FIND: &str = "select a.id, a.username, a.first_name, a.last_name, a.email, p.phone_number, \
        p.telegram_name, p.gender, p.country, p.time_zone, p.birthday, p.delivery_type, p.language, \
        coalesce(p.sequence, 0) \
    from accounts a left join profiles p on p.account_id = a.id \
    where a.id = $1 and a.erased_at is null";

fn profile(row: &Row) -> Result<Profile, tokio_postgres::Error> {
    let (first, last): (Option<String>, Option<String>) = (row.try_get(2)?, row.try_get(3)?);
    let id = row.try_get(0)?;
    Ok(Profile {
        id: AccountId(id),
        name: called(id, row.try_get(1)?, first.as_deref(), None),
        last_name: last,
        email: row.try_get(4)?,
        phone_number: row.try_get(5)?,
        telegram_name: row.try_get(6)?,
        gender: row.try_get(7)?,
        country: row.try_get(8)?,
        time_zone: stored(row, 9)?,
        birthday: row.try_get(10)?,
        delivery_type: stored(row, 11)?,
        language: stored(row, 12)?,
        sequence: row.try_get(13)?,
    })
}

/// What is null stays, what is empty becomes null.
const NAMES: &str = "update accounts set \
        first_name = case when $2::text is null then first_name else nullif($2, '') end, \
        last_name = case when $3::text is null then last_name else nullif($3, '') end \
    where id = $1 and erased_at is null";
const SEQUENCE: &str = "select coalesce((select sequence from profiles where account_id = $1), 0)";
const TELL: &str = "insert into profiles as p (account_id, phone_number, telegram_name, gender, \
        country, time_zone, birthday, delivery_type, language, changed_at, sequence) \
    values ($1, nullif($2::text, ''), nullif($3::text, ''), nullif($4::text, ''), \
        nullif($5::text, ''), nullif($6::text, ''), nullif($7::text, '')::date, \
        nullif($8::text, ''), nullif($9::text, ''), $10, 1) \
    on conflict (account_id) do update set \
        phone_number = case when $2 is null then p.phone_number else nullif($2, '') end, \
        telegram_name = case when $3 is null then p.telegram_name else nullif($3, '') end, \
        gender = case when $4 is null then p.gender else nullif($4, '') end, \
        country = case when $5 is null then p.country else nullif($5, '') end, \
        time_zone = case when $6 is null then p.time_zone else nullif($6, '') end, \
        birthday = case when $7 is null then p.birthday else nullif($7, '')::date end, \
        delivery_type = case when $8 is null then p.delivery_type else nullif($8, '') end, \
        language = case when $9 is null then p.language else nullif($9, '') end, \
        changed_at = $10, sequence = p.sequence + 1";

impl Accounts {
    /// The profile of this account; `None` if there is no such account.
    pub(super) async fn profile(&self, id: AccountId) -> Result<Option<Profile>, DatabaseError> {
        let client = self.database.get().await?;
        let statement = client.prepare_cached(FIND).await?;
        let row = client.query_opt(&statement, &[&id.0]).await?;
        Ok(row.as_ref().map(profile).transpose()?)
    }

    /// Changes a profile, where a sequence is expected only if it has that one, and tells how it is
    /// then.
    ///
    /// # Errors
    /// [`ProfileError`] says why not.
    pub(super) async fn change_profile(
        &self,
        id: AccountId,
        change: ProfileChange,
        expected: Option<i64>,
    ) -> Result<Profile, ProfileError> {
        let now = self.clock.now();
        let change = change.judged(now.date_naive())?;
        self.tell(id, &change, expected, now).await
    }

    async fn tell(
        &self,
        id: AccountId,
        it: &ProfileChange,
        expected: Option<i64>,
        now: DateTime<Utc>,
    ) -> Result<Profile, ProfileError> {
        let mut client = self.database.get().await?;
        let names = client.prepare_cached(NAMES).await.map_err(DatabaseError::from)?;
        let tell = client.prepare_cached(TELL).await.map_err(DatabaseError::from)?;
        let find = client.prepare_cached(FIND).await.map_err(DatabaseError::from)?;
        let transaction = client.transaction().await.map_err(DatabaseError::from)?;
        let named = transaction.execute(&names, &[&id.0, &it.name, &it.last_name]).await;
        if named.map_err(DatabaseError::from)? == 0 {
            return Err(ProfileError::Gone);
        }
        // The account's row is locked by now, so nobody else changes the profile meanwhile, nor
        // erases the account.
        if let Some(expected) = expected {
            let row = transaction.query_one(SEQUENCE, &[&id.0]).await;
            let sequence: i64 = row.and_then(|row| row.try_get(0)).map_err(DatabaseError::from)?;
            if sequence != expected {
                return Err(ProfileError::Changed);
            }
        }
        transaction
            .execute(
                &tell,
                &[
                    &id.0,
                    &it.phone_number,
                    &it.telegram_name,
                    &it.gender,
                    &it.country,
                    &it.time_zone,
                    &it.birthday,
                    &it.delivery_type,
                    &it.language,
                    &now,
                ],
            )
            .await
            .map_err(DatabaseError::from)?;
        let row = transaction.query_opt(&find, &[&id.0]).await.map_err(DatabaseError::from)?;
        let told = row.as_ref().map(profile).transpose().map_err(DatabaseError::from)?;
        transaction.commit().await.map_err(DatabaseError::from)?;
        told.ok_or(ProfileError::Gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn today() -> NaiveDate {
        "2027-01-31".parse().unwrap()
    }

    fn text(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn every_member_that_breaks_a_rule_is_named() {
        let change = ProfileChange {
            name: Some("x".repeat(101)),
            last_name: Some("x".repeat(101)),
            phone_number: text("12 34"),
            telegram_name: text("@me"),
            gender: text("yes"),
            country: Some("x".repeat(101)),
            time_zone: text("Moscow"),
            birthday: text("2027-02-01"),
            delivery_type: text("pigeon"),
            language: text("de"),
        };
        let Err(ProfileError::Invalid(broken)) = change.judged(today()) else { panic!("judged") };
        let members: Vec<_> = broken.iter().map(|(member, _)| *member).collect();
        assert_eq!(members.len(), 10, "{broken:?}");
        assert_eq!(broken[4].1, "must be one of female, male, other");
    }

    #[test]
    fn what_is_told_is_kept_in_one_form_and_empty_takes_it_back() {
        let change = ProfileChange {
            name: text(" John "),
            phone_number: text("+7 (916) 123-45-67"),
            telegram_name: text("@john_doe"),
            country: text(""),
            birthday: text("1990-05-17"),
            language: text("ru"),
            ..ProfileChange::default()
        };
        let kept = change.judged(today()).unwrap();
        assert_eq!(kept.name.as_deref(), Some("John"));
        assert_eq!(kept.phone_number.as_deref(), Some("+79161234567"));
        assert_eq!(kept.telegram_name.as_deref(), Some("john_doe"));
        assert_eq!(kept.country.as_deref(), Some(""));
        assert_eq!((kept.gender, kept.last_name), (None, None));
    }

    #[test]
    fn a_birthday_is_a_date_on_which_somebody_alive_may_be_born() {
        for good in ["1900-01-01", "2000-02-29", "2027-01-31"] {
            assert!(is_birthday(good, today()), "{good}");
        }
        for bad in [
            "1899-12-31",
            "2027-02-01",
            "2001-02-29",
            "17.05.1990",
            "+1990-05-17",
            "+1990-5-17",
            "1990-05- 7",
            "1990",
        ] {
            assert!(!is_birthday(bad, today()), "{bad}");
        }
    }
}
