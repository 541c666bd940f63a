//! What the operations on accounts take, with the rules of each member as the document tells them.
//! They are judged by the use cases (`register.rs`, `password.rs`), which name each broken one.

use poem_openapi::Object;
use poem_openapi::registry::MetaSchema;
use poem_openapi::types::Example;

use super::super::password;
use super::super::people::LONGEST_NAME;
use super::super::profile::{DeliveryType, GENDERS, LONGEST_COUNTRY, Language};
use super::super::register::{LONGEST_ADDRESS, USERNAME_LENGTH};
use crate::api::text::{Any, Rule, Text};

/// A new account.
#[derive(Object)]
#[oai(rename = "Registration", example)]
pub(super) struct Registration {
    /// Where mail reaches the user; unique whatever its case.
    pub(super) email: Text<Address>,
    /// 3 to 64 letters (a-z), digits, dots, underscores or hyphens; unique whatever its case.
    pub(super) username: Text<Username>,
    /// 8 to 128 characters, and none of the most common passwords.
    pub(super) password: Text<NewPassword>,
    /// The tier asked for.
    pub(super) role: Text<TierAsked>,
}

impl Example for Registration {
    fn example() -> Self {
        Self {
            email: Text::new("john@gmail.com"),
            username: Text::new("john"),
            password: Text::new("1q2W3E4r"),
            role: Text::new("premium"),
        }
    }
}

/// A username and its password.
#[derive(Object)]
#[oai(rename = "Credentials", example)]
pub(super) struct Credentials {
    /// The username, whatever its case.
    pub(super) username: Text<Any>,
    /// The password.
    pub(super) password: Text<Password>,
}

impl Example for Credentials {
    fn example() -> Self {
        Self { username: Text::new("john"), password: Text::new("1q2W3E4r") }
    }
}

/// An e-mail address.
pub(super) struct Address;

impl Rule for Address {
    fn schema() -> MetaSchema {
        let max_length = Some(LONGEST_ADDRESS);
        MetaSchema { max_length, ..MetaSchema::new_with_format("string", "email") }
    }
}

/// The name of a new account.
pub(super) struct Username;

impl Rule for Username {
    fn schema() -> MetaSchema {
        MetaSchema {
            min_length: Some(*USERNAME_LENGTH.start()),
            max_length: Some(*USERNAME_LENGTH.end()),
            pattern: Some("^[A-Za-z0-9._-]+$".to_owned()),
            ..MetaSchema::new("string")
        }
    }
}

/// A first or last name.
pub(super) struct Name;

impl Rule for Name {
    fn schema() -> MetaSchema {
        MetaSchema { max_length: Some(LONGEST_NAME), ..MetaSchema::new("string") }
    }
}

/// A password to log in with.
pub(super) struct Password;

impl Rule for Password {
    fn schema() -> MetaSchema {
        MetaSchema::new_with_format("string", "password")
    }
}

/// The password of a new account. That it is none of the most common ones is beyond a schema.
pub(super) struct NewPassword;

impl Rule for NewPassword {
    fn schema() -> MetaSchema {
        MetaSchema {
            min_length: Some(password::SHORTEST),
            max_length: Some(password::LONGEST),
            ..Password::schema()
        }
    }
}

/// The tier that a new account asks for.
pub(super) struct TierAsked;

impl Rule for TierAsked {
    fn schema() -> MetaSchema {
        let enum_items = ["premium", "standard", "default"].map(Into::into).to_vec();
        MetaSchema { enum_items, ..MetaSchema::new("string") }
    }
}

/// Text of a profile that is empty if it is not told any more: what fits is said by its pattern.
macro_rules! told {
    ($($(#[$doc:meta])* $name:ident = $schema:expr;)+) => {
        $(
            $(#[$doc])*
            pub(super) struct $name;

            impl Rule for $name {
                fn schema() -> MetaSchema {
                    $schema
                }
            }
        )+
    };
}

told! {
    /// A phone number.
    Phone = pattern(r"^(\+?[0-9 ()-]{7,30})?$");
    /// A name at Telegram.
    TelegramName = pattern("^(@?[A-Za-z0-9_]{5,32})?$");
    /// Where somebody lives.
    Country = MetaSchema { max_length: Some(LONGEST_COUNTRY), ..MetaSchema::new("string") };
    /// A time zone.
    Zone = MetaSchema { max_length: Some(64), ..MetaSchema::new("string") };
    /// A day.
    Date = pattern(r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$");
    /// A gender.
    GenderName = one_of(&GENDERS);
    /// A way to be told.
    DeliveryName = one_of(DeliveryType::NAMES);
    /// A language.
    LanguageName = one_of(Language::NAMES);
}

fn pattern(pattern: &str) -> MetaSchema {
    MetaSchema { pattern: Some(pattern.to_owned()), ..MetaSchema::new("string") }
}

fn one_of(names: &[&'static str]) -> MetaSchema {
    let names = names.iter().chain(&[""]).map(|name| (*name).into());
    MetaSchema { enum_items: names.collect(), ..MetaSchema::new("string") }
}

/// Text to search for: no NUL, which Postgres does not take.
pub(super) struct SearchText;

impl Rule for SearchText {
    fn schema() -> MetaSchema {
        MetaSchema { pattern: Some(r"^[^\u0000]*$".to_owned()), ..MetaSchema::new("string") }
    }
}
