//! What the private node reads at its start: its settings, its plugins, and its users with the
//! least permissions.

use std::ffi::OsString;
use std::os::unix::fs::chown;
use std::path::Path;

use anyhow::{Context, Result};

use crate::account::{Account, private_folder};
use crate::files::write_private;
use crate::ports::Ports;
use crate::rabbitmq::definitions;
use crate::secrets::Passwords;

/// How long Erlang's threads spin before they sleep. Not at all under load: on a small machine that
/// costs others their cores, and a link takes a quarter longer to come. But each of the six
/// thousand look-ups of files at a start falls asleep then, and a start takes twice as long. So
/// debug builds, which is what tests are, spin: they start many and load none.
const SPINNING: &str = if cfg!(debug_assertions) { "very_short" } else { "none" };

/// The node's environment: all it knows of this machine.
pub fn variables(
    folder: &Path,
    ports: &Ports,
    node_name: &str,
    path: &str,
) -> Vec<(String, OsString)> {
    let erlang = format!(
        "-kernel inet_dist_use_interface {{127,0,0,1}} +sbwt {SPINNING} +sbwtdcpu none \
         +sbwtdio {SPINNING}"
    );
    let file = |name: &str| folder.join(name).into_os_string();
    [
        ("PATH", path.into()),
        ("LANG", "C.UTF-8".into()),
        // Erlang keeps the node's cookie there.
        ("HOME", folder.into()),
        ("ERL_EPMD_ADDRESS", "127.0.0.1".into()),
        ("ERL_EPMD_PORT", ports.epmd.to_string().into()),
        // Erlang would start an epmd that outlives the node and that nobody stops.
        ("ERL_FLAGS", "-start_epmd false".into()),
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
        // The distribution on loopback too.
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
        ("definitions.json", format!("{:#}\n", definitions::all(passwords)?)),
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
