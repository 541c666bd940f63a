//! What the private node reads at its start: its settings, its plugins, and its users with the least permissions.

use std::ffi::OsString;
use std::os::unix::fs::chown;
use std::path::Path;

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::account::{Account, private_folder};
use crate::home::{Ports, write_private};
use crate::secrets::{BrokerUser, Passwords};

/// The virtual host that `make run` uses.
pub const VHOST: &str = "turnstile";

/// What a user may do in a virtual host, as regular expressions over the names of exchanges and queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permissions {
    /// Declare and delete.
    pub configure: &'static str,
    /// Publish to, and bind queues.
    pub write: &'static str,
    /// Consume from, and bind to exchanges.
    pub read: &'static str,
}

/// The least that each user needs. `rules` can not write to `links.events`, nor `ticketing` to `rules.verdicts`.
pub fn permissions(user: BrokerUser) -> Permissions {
    match user {
        BrokerUser::Ticketing => Permissions {
            configure: r"^(links\.events|rules\.verdicts|rules\.evaluate_link_requests|ticketing\..*)$",
            write: r"^(links\.events|rules\.evaluate_link_requests|ticketing\..*)$",
            read: r"^(links\.events|rules\.verdicts|ticketing\..*)$",
        },
        BrokerUser::Rules => Permissions {
            configure: r"^(rules\..*|links\.events|ticketing\.record_verdicts)$",
            write: r"^(rules\..*|ticketing\.record_verdicts)$",
            read: r"^(rules\..*|links\.events)$",
        },
        BrokerUser::Operator => Permissions { configure: ".*", write: ".*", read: ".*" },
    }
}

impl Permissions {
    /// As the management API and definitions files have them.
    pub fn to_json(self) -> Value {
        json!({ "configure": self.configure, "write": self.write, "read": self.read })
    }
}

/// The node's environment: all it knows of this machine.
pub fn variables(
    folder: &Path,
    ports: &Ports,
    node_name: &str,
    path: &str,
) -> Vec<(String, OsString)> {
    let erlang =
        "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none";
    let file = |name: &str| folder.join(name).into_os_string();
    [
        ("PATH", path.into()),
        ("LANG", "C.UTF-8".into()),
        // Erlang keeps the node's cookie there.
        ("HOME", folder.into()),
        ("ERL_EPMD_ADDRESS", "127.0.0.1".into()),
        ("ERL_EPMD_PORT", ports.epmd.to_string().into()),
        // Without it /etc/rabbitmq/rabbitmq-env.conf would be read.
        ("RABBITMQ_CONF_ENV_FILE", file("rabbitmq-env.conf")),
        ("RABBITMQ_CONFIG_FILE", file("rabbitmq.conf")),
        ("RABBITMQ_ADVANCED_CONFIG_FILE", file("advanced.config")),
        ("RABBITMQ_ENABLED_PLUGINS_FILE", file("enabled_plugins")),
        ("RABBITMQ_MNESIA_BASE", file("data")),
        ("RABBITMQ_LOG_BASE", file("log")),
        ("RABBITMQ_LOGS", "-".into()),
        ("RABBITMQ_GENERATED_CONFIG_DIR", file("generated")),
        ("RABBITMQ_SCHEMA_DIR", file("schema")),
        ("RABBITMQ_PID_FILE", file("node.pid")),
        ("RABBITMQ_NODENAME", node_name.into()),
        ("RABBITMQ_DIST_PORT", ports.distribution.to_string().into()),
        // The distribution on loopback too; no spinning while idle, which costs a small machine its cores.
        ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", erlang.into()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

/// Writes all files, anew at each start: ports may have changed.
///
/// # Errors
/// If they can not be written or handed to `account`.
pub fn write(
    folder: &Path,
    account: Option<Account>,
    ports: &Ports,
    passwords: &Passwords,
) -> Result<()> {
    for name in ["data", "log", "generated", "schema"] {
        private_folder(&folder.join(name), account)?;
    }
    let definitions = folder.join("definitions.json");
    for (name, text) in [
        ("rabbitmq-env.conf", String::new()),
        ("advanced.config", "[].\n".to_owned()),
        ("enabled_plugins", "[rabbitmq_management,rabbitmq_prometheus].\n".to_owned()),
        ("rabbitmq.conf", settings(ports, &definitions)),
        ("definitions.json", format!("{:#}\n", self::definitions(passwords)?)),
    ] {
        let path = folder.join(name);
        write_private(&path, text.as_bytes())?;
        if let Some(account) = account {
            chown(&path, Some(account.uid), Some(account.gid))
                .with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

fn settings(ports: &Ports, definitions: &Path) -> String {
    let Ports { amqp, management, prometheus, .. } = ports;
    let definitions = definitions.display();
    format!(
        "listeners.tcp.1 = 127.0.0.1:{amqp}\n\
         management.tcp.ip = 127.0.0.1\n\
         management.tcp.port = {management}\n\
         prometheus.tcp.ip = 127.0.0.1\n\
         prometheus.tcp.port = {prometheus}\n\
         load_definitions = {definitions}\n\
         log.console.level = info\n"
    )
}

/// Users, the virtual host and permissions; with definitions loaded the user `guest` is not made.
fn definitions(passwords: &Passwords) -> Result<Value> {
    let mut users = Vec::new();
    let mut granted = Vec::new();
    for user in BrokerUser::ALL {
        let tags = if user == BrokerUser::Operator { "administrator" } else { "" };
        users.push(json!({
            "name": user.name(),
            "password_hash": password_hash(uuid::Uuid::new_v4().as_bytes(), passwords.of(user))?,
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": tags,
        }));
        let mut permissions = permissions(user).to_json();
        if let Some(members) = permissions.as_object_mut() {
            members.insert("user".into(), user.name().into());
            members.insert("vhost".into(), VHOST.into());
        }
        granted.push(permissions);
    }
    Ok(json!({ "users": users, "vhosts": [{ "name": VHOST }], "permissions": granted }))
}

/// RabbitMQ's salted hash: base64 of four bytes of salt and SHA-256 of salt and password
/// (rabbitmq.com, "Password hashing").
fn password_hash(random: &[u8], password: &str) -> Result<String> {
    let salt = random.first_chunk::<4>().context("too little salt")?;
    let mut bytes = salt.to_vec();
    let digest = Sha256::new().chain_update(salt).chain_update(password.as_bytes()).finalize();
    bytes.extend_from_slice(&digest);
    Ok(STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_hashed_as_the_documentation_shows() {
        // The worked example of rabbitmq.com/docs/passwords: salt 908DC60A, password test12.
        let hash = password_hash(&[0x90, 0x8D, 0xC6, 0x0A], "test12").expect("hashed");
        assert_eq!(hash, "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR");
    }

    #[test]
    fn every_user_has_permissions_in_the_virtual_host_and_only_the_operator_administers() {
        let definitions = definitions(&Passwords::generate()).expect("definitions");
        let permissions = definitions["permissions"].as_array().expect("permissions");
        for (user, granted) in BrokerUser::ALL.into_iter().zip(permissions) {
            assert_eq!(granted["user"], user.name());
            assert_eq!(granted["vhost"], VHOST);
        }
        let tags = definitions["users"].as_array().expect("users").iter().map(|user| &user["tags"]);
        assert_eq!(tags.collect::<Vec<_>>(), ["", "", "administrator"]);
    }

    #[test]
    fn no_password_stands_in_the_definitions() {
        let passwords = Passwords::generate();
        let definitions = definitions(&passwords).expect("definitions").to_string();
        for user in BrokerUser::ALL {
            assert!(!definitions.contains(passwords.of(user)));
        }
    }

    #[test]
    fn neither_service_may_write_what_the_other_says() {
        assert!(!permissions(BrokerUser::Rules).write.contains(r"links\.events"));
        assert!(!permissions(BrokerUser::Ticketing).write.contains(r"rules\.verdicts"));
    }
}
