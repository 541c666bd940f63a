//! What can be set in containers: compose.yaml passes every setting of the services on, and
//! `.env.example` names them all. Both are read as they are, the settings from the two `config.rs`.

use std::collections::BTreeSet;
use std::fs;

use serde_yaml_ng::Value;

/// What is not passed: whom tests ask in place of Stripe and the providers, what else is for tests
/// alone, and the address inside a container.
const NOT_PASSED: [&str; 8] = [
    "ALLOW_UNSAFE_DATABASE",
    "BIND_ADDRESS",
    "FACEBOOK_AUTHORIZE_URL",
    "FACEBOOK_TOKEN_URL",
    "FACEBOOK_USER_URL",
    "GOOGLE_ISSUER",
    "STRIPE_URL",
    "TEST_CLOCK",
];
/// What compose reads for itself.
const OF_COMPOSE: &str = "COMPOSE_PROJECT_NAME";

/// The files that have to agree.
#[derive(Clone)]
struct Files {
    /// The settings of each service.
    configs: [(&'static str, String); 2],
    compose: String,
    example: String,
}

impl Files {
    fn read() -> Self {
        let read = |path: &str| {
            let file = format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"));
            fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"))
        };
        let config = |service| (service, read(&format!("{service}/src/config.rs")));
        Self {
            configs: ["ticketing", "rules"].map(config),
            compose: read("docker/compose.yaml"),
            example: read("docker/.env.example"),
        }
    }

    /// Where they do not agree.
    fn faults(&self) -> Vec<String> {
        let compose: Value = serde_yaml_ng::from_str(&self.compose).expect("YAML");
        let taken = taken(&compose, &self.compose);
        let listed: BTreeSet<_> = listed(&self.example).map(|(name, ..)| name).collect();
        let mut faults = Vec::new();
        for (service, config) in &self.configs {
            let passed = &compose["services"][service]["environment"];
            assert!(passed.is_mapping(), "{service} has no environment");
            let missing = settings(config).filter(|name| !NOT_PASSED.contains(name));
            let missing = missing.filter(|name| passed.get(name).is_none());
            faults.extend(missing.map(|name| format!("{name} is not passed to {service}")));
        }
        let unlisted = taken.difference(&listed);
        faults.extend(unlisted.map(|name| format!("{name} is not listed")));
        let idle = listed.difference(&taken).filter(|name| *name != OF_COMPOSE);
        faults.extend(idle.map(|name| format!("{name} is listed and does nothing")));
        for (name, value, in_force) in listed_defaults(&self.example) {
            let written = |(_, config): &(_, String)| config.contains(&default(&name, &value));
            let in_compose = self.compose.contains(&format!("${{{name}:-{value}}}"));
            let is_default = in_compose || (!in_force && self.configs.iter().any(written));
            if !is_default {
                faults.push(format!("{value} is not the default of {name}"));
            }
        }
        faults
    }
}

/// The settings of a service.
fn settings(config: &str) -> impl Iterator<Item = &str> {
    config.split("env = \"").skip(1).filter_map(|rest| rest.split('"').next())
}

/// What a service's table of settings says of this default.
fn default(name: &str, value: &str) -> String {
    format!("//! | `{name}` | `{value}` |")
}

/// What compose takes from `.env`: what it names, and what it passes as it is.
fn taken(compose: &Value, text: &str) -> BTreeSet<String> {
    let named = text.split("${").skip(1).map(name_at).filter(|name| !name.is_empty());
    let mut taken: BTreeSet<_> = named.map(str::to_owned).collect();
    for (_, service) in compose["services"].as_mapping().expect("services") {
        let Some(environment) = service["environment"].as_mapping() else { continue };
        let as_it_is = environment.iter().filter(|(_, value)| value.is_null());
        taken.extend(as_it_is.filter_map(|(name, _)| name.as_str()).map(str::to_owned));
    }
    taken
}

fn name_at(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_uppercase() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// What `.env.example` names, with its value, and whether that is in force or an example.
fn listed(example: &str) -> impl Iterator<Item = (String, String, bool)> {
    example.lines().filter_map(|line| {
        let (name, value) = line.trim_start_matches('#').split_once('=')?;
        let is_name = !name.is_empty() && name_at(name) == name;
        is_name.then(|| (name.to_owned(), value.to_owned(), !line.starts_with('#')))
    })
}

/// Those whose values are defaults: what is in force, and numbers.
fn listed_defaults(example: &str) -> impl Iterator<Item = (String, String, bool)> {
    listed(example).filter(|(name, value, in_force)| {
        let is_number = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
        name != OF_COMPOSE && (*in_force || is_number)
    })
}

#[test]
fn every_setting_can_be_set_in_containers_and_is_listed() {
    let files = Files::read();
    assert_eq!(files.faults(), Vec::<String>::new());
    let [(_, ticketing), _] = &files.configs;
    for name in NOT_PASSED {
        assert!(settings(ticketing).any(|setting| setting == name), "there is no {name}");
        assert!(!files.compose.contains(name), "{name} is passed");
    }
}

#[test]
fn control_a_setting_that_is_forgotten_turns_red() {
    let files = Files::read();
    let without = |text: &str, line: &str| {
        assert!(text.contains(line), "{line}");
        text.replace(line, "")
    };
    let mut forgotten = [(); 4].map(|()| files.clone());
    forgotten[0].compose = without(&files.compose, "      TIER_POLICY:\n");
    forgotten[1].example = without(&files.example, "#TIER_POLICY=entitled\n");
    forgotten[2].example = files.example.replace("#HOLD_SECONDS=900", "#HOLD_SECONDS=90");
    forgotten[3].configs[1].1.push_str("#[arg(long, env = \"RULES_NEW\")]\n");
    let faults = forgotten.map(|files| files.faults().join("; "));
    assert_eq!(
        faults,
        [
            "TIER_POLICY is not passed to ticketing; TIER_POLICY is listed and does nothing",
            "TIER_POLICY is not listed",
            "90 is not the default of HOLD_SECONDS",
            "RULES_NEW is not passed to rules",
        ]
    );
}
