//! Guards the house: the arrows that must never exist, the size of files, and that each says what
//! it owns.
//!
//! It reads the source as text. Each rule has a control: a line that breaks it, on which it has to
//! turn red.

use std::fs;
use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const LONGEST_FILE: usize = 500;
const LONGEST_LINE: usize = 100;
/// SQL and messages lose by being cut.
const LONGEST_LINE_WITH_TEXT: usize = 125;
/// The contexts of the trade; each may not know the others.
const CONTEXTS: [&str; 1] = ["links"];

/// A source file with its path from the root, its text without tests where only the product counts.
struct Source {
    path: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let mut files = Vec::new();
    for folder in ["shared-events/src", "rules/src", "ticketing/src", "tests/src", "tests/it"] {
        collect(&Path::new(ROOT).join(folder), &mut files);
    }
    assert!(files.len() > 50, "the source was not found");
    files
        .iter()
        .map(|file| Source {
            path: file.strip_prefix(ROOT).expect("below the root").display().to_string(),
            text: fs::read_to_string(file).expect("readable"),
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The product's part of a file: comments and the tests at its end left out.
fn product(text: &str) -> String {
    let end = text.find("#[cfg(test)]").unwrap_or(text.len());
    let lines = text.get(..end).unwrap_or(text).lines();
    lines.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// A rule: what must not stand in the files that `applies` picks.
struct Rule {
    name: &'static str,
    applies: fn(path: &str, product: &str) -> bool,
    forbidden: &'static [&'static str],
}

impl Rule {
    fn violations(&self, path: &str, text: &str) -> Vec<String> {
        let product = product(text);
        if !(self.applies)(path, &product) {
            return Vec::new();
        }
        let found = self.forbidden.iter().filter(|word| product.contains(**word));
        found.map(|word| format!("{path}: {word} ({})", self.name)).collect()
    }
}

fn in_ticketing(path: &str) -> bool {
    path.starts_with("ticketing/src/")
}

/// Files that hold decisions: the aggregates and the use cases, wherever they are.
fn is_decision(path: &str, product: &str) -> bool {
    let decides = product.contains("fn decide(self") || product.contains("impl Aggregate for");
    path.starts_with("ticketing/src/") && decides
}

const RULES: &[Rule] = &[
    Rule {
        name: "1: shared-events knows no transport, no database, no service",
        applies: |path, _| path.starts_with("shared-events/"),
        forbidden: &["poem::", "lapin::", "tokio_postgres", "ticketing::"],
    },
    Rule {
        name: "2: rules knows neither ticketing nor a database",
        applies: |path, _| path.starts_with("rules/"),
        forbidden: &["ticketing::", "tokio_postgres", "deadpool"],
    },
    Rule {
        name: "4: decisions know no I/O, no clock, no chance",
        applies: is_decision,
        forbidden: &[
            "tokio::",
            "deadpool",
            "lapin",
            "poem",
            "clock",
            "now_v7",
            "new_v4",
            "platform::",
        ],
    },
    Rule {
        name: "5: http.rs knows no SQL, no event store, no broker",
        applies: |path, _| {
            in_ticketing(path) && (path.ends_with("/http.rs") || path.contains("/http/"))
        },
        forbidden: &["select ", "insert into", "tokio_postgres", "event_store", "lapin"],
    },
    Rule {
        name: "6: a projection commands and publishes nothing",
        applies: |path, _| in_ticketing(path) && path.ends_with("/status.rs"),
        forbidden: &["Commands", "AppendQueue", "basic_publish", ".append("],
    },
    Rule {
        name: "6: a consumer reads no read table",
        applies: |path, _| in_ticketing(path) && path.ends_with("/consumer.rs"),
        forbidden: &["LinkStatuses", "select ", "link_status"],
    },
    Rule {
        name: "7: the platform knows no context",
        applies: |path, _| path.starts_with("ticketing/src/platform/"),
        forbidden: &["crate::links", "crate::accounts", "crate::api", "LinkRequest", "LINKS_"],
    },
    Rule {
        name: "8: only these publish",
        applies: |path, _| {
            let publishers = [
                "ticketing/src/platform/relay.rs",
                "ticketing/src/platform/dead_letters.rs",
                "rules/src/consumer.rs",
            ];
            !path.starts_with("tests/") && !publishers.contains(&path)
        },
        forbidden: &["basic_publish"],
    },
    Rule {
        name: "8: only config.rs reads the environment",
        applies: |path, _| !path.starts_with("tests/") && !path.ends_with("/config.rs"),
        forbidden: &["env::var", "env = \""],
    },
    Rule {
        name: "8: only the clock reads time",
        applies: |path, _| in_ticketing(path) && path != "ticketing/src/platform/clock.rs",
        forbidden: &["Utc::now", "SystemTime::now", "now()\"", "current_timestamp"],
    },
    Rule {
        name: "names of exchanges and queues stand in topology.rs alone",
        applies: |path, _| !path.starts_with("tests/") && path != "shared-events/src/topology.rs",
        forbidden: &[
            "links.events\"",
            "rules.verdicts\"",
            "\"ticketing.record",
            "\"rules.evaluate",
        ],
    },
];

#[test]
fn no_arrow_points_where_it_must_not() {
    let violations: Vec<String> = sources()
        .iter()
        .flat_map(|source| {
            RULES.iter().flat_map(|rule| rule.violations(&source.path, &source.text))
        })
        .collect();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

/// Rule 3: contexts meet only in shared-events, platform, providers and what accounts offers.
#[test]
fn no_context_knows_another() {
    for source in sources() {
        for mine in CONTEXTS {
            let others = CONTEXTS.iter().filter(|other| **other != mine);
            if source.path.starts_with(&format!("ticketing/src/{mine}/")) {
                for other in others {
                    let arrow = format!("crate::{other}");
                    assert!(!source.text.contains(&arrow), "{}: {arrow}", source.path);
                }
                let product = product(&source.text);
                for line in product.lines().filter(|line| line.contains("crate::accounts")) {
                    let offered =
                        ["Caller", "People", "Role"].iter().any(|name| line.contains(name));
                    assert!(offered, "{}: {line}", source.path);
                }
            }
        }
    }
}

#[test]
fn control_every_rule_turns_red() {
    let places = [
        "shared-events/src/a.rs",
        "rules/src/a.rs",
        "ticketing/src/links/buy_ticket.rs",
        "ticketing/src/links/http.rs",
        "ticketing/src/links/status.rs",
        "ticketing/src/links/consumer.rs",
        "ticketing/src/platform/a.rs",
    ];
    for rule in RULES {
        for word in rule.forbidden {
            let text = format!("fn decide(self) {{}}\n{word}");
            let red = places.iter().any(|place| !rule.violations(place, &text).is_empty());
            assert!(red, "{}: {word} passes everywhere", rule.name);
        }
    }
}

#[test]
fn every_file_says_what_it_owns() {
    for source in sources() {
        assert!(source.text.starts_with("//!"), "{} opens without //!", source.path);
    }
}

#[test]
fn no_file_is_too_long_to_read() {
    for source in sources() {
        let lines = source.text.lines().count();
        assert!(lines <= LONGEST_FILE, "{} has {lines} lines", source.path);
        for (number, line) in source.text.lines().enumerate() {
            let width = line.chars().count();
            let text = line.contains('"') || line.contains("//! |") || line.ends_with('\\');
            let limit = if text { LONGEST_LINE_WITH_TEXT } else { LONGEST_LINE };
            assert!(width <= limit, "{}:{} is {width} wide", source.path, number + 1);
        }
    }
}

#[test]
fn nothing_is_left_undone_or_hidden() {
    let forbidden = ["TODO", "FIXME", "dbg!(", "#[ignore", "todo!(", "unimplemented!(", "#[allow("];
    for source in sources().iter().filter(|source| !source.path.ends_with("it/tidy.rs")) {
        for word in forbidden {
            assert!(!source.text.contains(word), "{}: {word}", source.path);
        }
    }
}
