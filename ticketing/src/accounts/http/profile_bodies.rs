//! What the doors of the film site take and answer, each with an example for the document.

use poem_openapi::Object;
use poem_openapi::types::Example;
use secrecy::SecretString;
use shared_events::account::Tier;
use uuid::Uuid;

use super::super::profile::{Profile, ProfileChange};
use super::super::register::Register;
use super::requests::{
    Address, Country, Date, DeliveryName, GenderName, LanguageName, Name, NewPassword, Phone,
    TelegramName, Username, Zone,
};
use crate::api::nullable::Nullable;
use crate::api::text::Text;

/// Somebody who registers at the film site.
#[derive(Object)]
#[oai(rename = "NewPerson", example, skip_serializing_if_is_none)]
pub(super) struct NewPerson {
    /// 3 to 64 letters (a-z), digits, dots, underscores or hyphens; unique whatever its case.
    username: Text<Username>,
    /// Where mail reaches the user; unique whatever its case.
    email: Text<Address>,
    /// 8 to 128 characters, and none of the most common passwords.
    password: Text<NewPassword>,
    /// The first name, at most 100 characters.
    name: Option<Text<Name>>,
    /// The last name, at most 100 characters.
    last_name: Option<Text<Name>>,
}

impl NewPerson {
    pub(super) fn into_register(self) -> Register {
        let Self { username, email, password, name, last_name } = self;
        let told = |name: Option<Text<Name>>| {
            name.map(|name| name.0.trim().to_owned()).filter(|name| !name.is_empty())
        };
        Register {
            email: email.0,
            username: username.0,
            password: SecretString::from(password.0),
            // As everybody who asks for none.
            tier: Tier::Standard,
            first_name: told(name),
            last_name: told(last_name),
        }
    }
}

impl Example for NewPerson {
    fn example() -> Self {
        Self {
            username: Text::new("john"),
            email: Text::new("john@gmail.com"),
            password: Text::new("1q2W3E4r"),
            name: Some(Text::new("John")),
            last_name: Some(Text::new("Doe")),
        }
    }
}

/// What is known of somebody. What is not, or is not for the caller, is null.
#[derive(Object)]
#[oai(rename = "UserInfo", example)]
pub(super) struct UserInfo {
    /// Which account.
    user_id: Uuid,
    /// The first name, or what else others call them; never an address.
    name: String,
    /// The last name.
    last_name: Nullable<String>,
    /// Where mail reaches them; for themselves and administrators.
    email: Nullable<String>,
    /// Their phone number; for themselves and administrators.
    phone_number: Nullable<String>,
    /// Their name at Telegram.
    telegram_name: Nullable<String>,
    /// `female`, `male` or `other`.
    gender: Nullable<String>,
    /// Where they live.
    country: Nullable<String>,
    /// A region of the IANA database or an offset; `UTC` if none was told.
    time_zone: String,
    /// When they were born.
    birthday: Nullable<Text<Date>>,
    /// How they want to be told what concerns them: `email` or `in_product`.
    delivery_type: String,
}

impl UserInfo {
    /// With what reaches them, or without.
    pub(super) fn of(profile: Profile, reachable: bool) -> Self {
        Self {
            user_id: profile.id.0,
            name: profile.name,
            last_name: Nullable(profile.last_name),
            email: Nullable(profile.email.filter(|_| reachable)),
            phone_number: Nullable(profile.phone_number.filter(|_| reachable)),
            telegram_name: Nullable(profile.telegram_name),
            gender: Nullable(profile.gender),
            country: Nullable(profile.country),
            time_zone: profile.time_zone.to_string(),
            birthday: Nullable(profile.birthday.map(|day| Text::new(day.to_string()))),
            delivery_type: profile.delivery_type.to_string(),
        }
    }
}

impl Example for UserInfo {
    fn example() -> Self {
        Self {
            user_id: Uuid::from_u128(0x0198_c0de_0000_7000_8000_0000_0000_0001),
            name: "John".to_owned(),
            last_name: Nullable(Some("Doe".to_owned())),
            email: Nullable(Some("john@gmail.com".to_owned())),
            phone_number: Nullable(None),
            telegram_name: Nullable(Some("john_doe".to_owned())),
            gender: Nullable(Some("male".to_owned())),
            country: Nullable(None),
            time_zone: "Europe/Moscow".to_owned(),
            birthday: Nullable(Some(Text::new("1990-05-17"))),
            delivery_type: "email".to_owned(),
        }
    }
}

/// One's own profile.
#[derive(Object)]
#[oai(rename = "OwnProfile", example)]
pub(super) struct OwnProfile {
    /// What is known.
    #[oai(flatten)]
    info: UserInfo,
    /// In which language one is written to: `en` or `ru`.
    language: String,
}

impl OwnProfile {
    pub(super) fn of(profile: Profile) -> Self {
        let language = profile.language.to_string();
        Self { info: UserInfo::of(profile, true), language }
    }
}

impl Example for OwnProfile {
    fn example() -> Self {
        Self { info: UserInfo::example(), language: "en".to_owned() }
    }
}

/// What changes of one's profile. What is left out stays; an empty text takes back what was told.
#[derive(Object)]
#[oai(rename = "ProfileChange", example, skip_serializing_if_is_none)]
pub(super) struct Change {
    /// The first name, at most 100 characters.
    name: Option<Text<Name>>,
    /// The last name, at most 100 characters.
    last_name: Option<Text<Name>>,
    /// 7 to 15 digits, a plus before them at will; blanks, hyphens and parentheses are dropped.
    phone_number: Option<Text<Phone>>,
    /// 5 to 32 letters (a-z), digits or underscores; an `@` before them is dropped.
    telegram_name: Option<Text<TelegramName>>,
    /// `female`, `male` or `other`.
    gender: Option<Text<GenderName>>,
    /// At most 100 characters.
    country: Option<Text<Country>>,
    /// A region of the IANA database, such as `Europe/Moscow`, or an offset such as `+03:00`.
    time_zone: Option<Text<Zone>>,
    /// From 1900-01-01 to today.
    birthday: Option<Text<Date>>,
    /// `email`, or `in_product` for no mail.
    delivery_type: Option<Text<DeliveryName>>,
    /// In which language one is written to: `en` or `ru`.
    language: Option<Text<LanguageName>>,
}

impl From<Change> for ProfileChange {
    fn from(change: Change) -> Self {
        Self {
            name: change.name.map(|text| text.0),
            last_name: change.last_name.map(|text| text.0),
            phone_number: change.phone_number.map(|text| text.0),
            telegram_name: change.telegram_name.map(|text| text.0),
            gender: change.gender.map(|text| text.0),
            country: change.country.map(|text| text.0),
            time_zone: change.time_zone.map(|text| text.0),
            birthday: change.birthday.map(|text| text.0),
            delivery_type: change.delivery_type.map(|text| text.0),
            language: change.language.map(|text| text.0),
        }
    }
}

impl Example for Change {
    fn example() -> Self {
        Self {
            name: None,
            last_name: None,
            phone_number: Some(Text::new("+7 916 123-45-67")),
            telegram_name: None,
            gender: None,
            country: None,
            time_zone: Some(Text::new("Europe/Moscow")),
            birthday: None,
            delivery_type: Some(Text::new("email")),
            language: Some(Text::new("ru")),
        }
    }
}
