//! The broker's users, their least permissions, and policies. The private node has those of the
//! container: `docker/rabbitmq/definitions.json` is the one place where they stand, so what works
//! here works there. In it `rules` can not write to `links.events`, nor `ticketing` to
//! `rules.verdicts`.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::secrets::{BrokerUser, Passwords};

/// The virtual host that `make run` uses, as the container does.
pub const VHOST: &str = "turnstile";
const CONTAINER: &str = include_str!("../../../docker/rabbitmq/definitions.json");

/// A definitions file (rabbitmq.com, "Schema Definition Export and Import").
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Definitions {
    users: Vec<Named>,
    vhosts: Vec<Named>,
    permissions: Vec<OfUser>,
    policies: Vec<Named>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Named {
    name: String,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Serialize, Deserialize)]
struct OfUser {
    user: String,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// Something to write to the management API so that a virtual host is like the container's.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// `permissions` or `policies`.
    pub kind: &'static str,
    /// The user, or the policy.
    pub name: String,
    /// What it may do, or says.
    pub body: Value,
}

fn container() -> Result<Definitions> {
    serde_json::from_str(CONTAINER).context("docker/rabbitmq/definitions.json")
}

/// The definitions that the private node loads. With them loaded the user `guest` is not made.
///
/// # Errors
/// If the container's definitions can not be read or lack one of the users.
pub fn all(passwords: &Passwords) -> Result<Value> {
    let mut definitions = container()?;
    for user in BrokerUser::ALL {
        let found = definitions.users.iter_mut().find(|known| known.name == user.name());
        let found = found.with_context(|| format!("no user {} is defined", user.name()))?;
        found.rest.insert("password".into(), passwords.of(user).into());
    }
    Ok(serde_json::to_value(definitions)?)
}

/// What another virtual host needs to be like the container's.
///
/// # Errors
/// If the container's definitions can not be read.
pub fn parts() -> Result<Vec<Part>> {
    let definitions = container()?;
    let permissions = definitions.permissions.into_iter();
    let permissions = permissions.map(|one| part("permissions", one.user, one.rest));
    let policies = definitions.policies.into_iter();
    let policies = policies.map(|one| part("policies", one.name, one.rest));
    Ok(permissions.chain(policies).collect())
}

fn part(kind: &'static str, name: String, mut body: Map<String, Value>) -> Part {
    // The path of the call names it.
    body.remove("vhost");
    Part { kind, name, body: body.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_user_gets_its_own_password_and_no_placeholder_stays() {
        let passwords = Passwords::generate();
        let text = all(&passwords).expect("definitions").to_string();
        for user in BrokerUser::ALL {
            assert!(text.contains(passwords.of(user)), "{}", user.name());
        }
        assert!(!text.contains("_PASSWORD@"), "{text}");
    }

    #[test]
    fn only_the_operator_administers() {
        let definitions = container().expect("definitions");
        let administers = definitions.users.iter().filter(|user| user.rest["tags"] != "");
        assert_eq!(administers.map(|user| user.name.as_str()).collect::<Vec<_>>(), ["operator"]);
    }

    #[test]
    fn neither_service_may_write_what_the_other_says() {
        let parts = parts().expect("definitions");
        let write = |user: BrokerUser| {
            let part = parts.iter().find(|part| part.name == user.name()).expect("permissions");
            part.body["write"].as_str().expect("a pattern").to_owned()
        };
        assert!(!write(BrokerUser::Rules).contains(r"links\.events"));
        assert!(!write(BrokerUser::Ticketing).contains(r"rules\.verdicts"));
        // The exchange of any log but what is the rule service's.
        assert!(write(BrokerUser::Ticketing).contains(r"(?!rules\.)[a-z_]+\.events"));
    }

    #[test]
    fn all_that_is_defined_is_of_the_one_virtual_host() {
        let definitions = container().expect("definitions");
        assert_eq!(definitions.vhosts.iter().map(|vhost| &vhost.name).collect::<Vec<_>>(), [VHOST]);
        for one in definitions.permissions.iter().map(|one| &one.rest) {
            assert_eq!(one["vhost"], VHOST);
        }
    }
}
