//! What the operations on accounts take, with the rules of each member as the document tells them.
//! They are judged by the use cases (`register.rs`, `password.rs`), which name each broken one.

use poem_openapi::Object;
use poem_openapi::registry::MetaSchema;
use poem_openapi::types::Example;

use super::super::password;
use super::super::people::LONGEST_NAME;
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

/// Text to search for: no NUL, which Postgres does not take.
pub(super) struct SearchText;

impl Rule for SearchText {
    fn schema() -> MetaSchema {
        MetaSchema { pattern: Some(r"^[^\u0000]*$".to_owned()), ..MetaSchema::new("string") }
    }
}
