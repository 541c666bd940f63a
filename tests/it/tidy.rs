//! Guards the house: the arrows that must never exist, the size of files, and that each says what
//! it owns.
//!
//! It reads the source as text. Contexts are found by their folders, projections and consumers by
//! what they implement, names in the topology: what is new is guarded without a word here. Each
//! rule has a control: a line that breaks it, on which it has to turn red.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use shared_events::topology::{EXCHANGES, QUEUES};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const LONGEST_FILE: usize = 500;
const LONGEST_LINE: usize = 100;
/// SQL and messages lose by being cut.
const LONGEST_LINE_WITH_TEXT: usize = 135;
/// Commands that have to stand as they are typed.
const VERBATIM: &str = "tests/it/gate/transcripts.rs";
/// Folders of `ticketing/src` that are no contexts.
const NO_CONTEXTS: [&str; 4] = ["api", "api_error", "platform", "providers"];
/// The stores that every context may ask, and what each has to offer: nothing else of them is known
/// outside.
const OFFERED: [(&str, &[&str]); 3] = [
    ("accounts", &["Caller", "Contact", "DeliveryType", "Language", "People", "Role"]),
    ("catalogue", &["Catalogue", "Film"]),
    ("short_links", &["ShortLinks"]),
];

/// A source file with its path from the root.
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

/// The contexts of the trade, one a folder; none may know the others.
fn contexts() -> BTreeSet<String> {
    let folder = fs::read_dir(Path::new(ROOT).join("ticketing/src")).expect("a folder");
    let folders = folder.map(|entry| entry.expect("an entry")).filter(|e| e.path().is_dir());
    let names = folders.map(|entry| entry.file_name().into_string().expect("a name"));
    let contexts = names.filter(|name| !NO_CONTEXTS.contains(&name.as_str()));
    let contexts: BTreeSet<String> = contexts.collect();
    assert!(contexts.contains("accounts") && contexts.contains("links"), "{contexts:?}");
    contexts
}

/// The names of the public types of this kind in the files that `place` picks.
fn types(place: impl Fn(&Source) -> bool, keyword: &str) -> Vec<String> {
    let mut names = Vec::new();
    for source in sources().iter().filter(|source| place(source)) {
        for line in product(&source.text).lines() {
            if let Some(rest) = line.strip_prefix(keyword) {
                let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
                names.push(rest.get(..end).unwrap_or(rest).to_owned());
            }
        }
    }
    names
}

/// What read tables are read with: the types beside a projection, which is in the context's folder.
fn readers() -> Vec<String> {
    let readers = types(|source| is_projection(&source.path, &source.text), "pub struct ");
    assert!(readers.iter().any(|name| name == "LinkStatuses"), "{readers:?}");
    readers
}

/// The aggregates, by their events.
fn aggregates() -> Vec<String> {
    let events = types(|source| source.path.starts_with("shared-events/"), "pub enum ");
    let aggregates = events.iter().filter_map(|name| name.strip_suffix("Event"));
    let aggregates: Vec<_> = aggregates.map(str::to_owned).collect();
    assert!(aggregates.iter().any(|name| name == "LinkRequest"), "{aggregates:?}");
    aggregates
}

/// A rule: what must not stand in the files that `applies` picks.
struct Rule {
    name: &'static str,
    applies: fn(path: &str, product: &str) -> bool,
    forbidden: Vec<String>,
}

impl Rule {
    fn violations(&self, path: &str, text: &str) -> Vec<String> {
        let product = product(text);
        if !(self.applies)(path, &product) {
            return Vec::new();
        }
        let found = self.forbidden.iter().filter(|word| has_word(&product, word));
        found.map(|word| format!("{path}: {word} ({})", self.name)).collect()
    }
}

/// Whether `word` stands in `text`; the name of a type not as a part of another word (`Order` is
/// none in `Ordering`, but it is in `OrderEvent`).
fn has_word(text: &str, word: &str) -> bool {
    let is_type = word.starts_with(char::is_uppercase);
    let within = |before: &str, after: &str| {
        let ends_it = before.ends_with(|c: char| c.is_alphanumeric());
        is_type && (ends_it || after.starts_with(|c: char| c.is_lowercase()))
    };
    text.match_indices(word).any(|(start, _)| !within(&text[..start], &text[start + word.len()..]))
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn in_ticketing(path: &str) -> bool {
    path.starts_with("ticketing/src/")
}

/// Files that hold decisions: the aggregates and the use cases, wherever they are.
fn is_decision(path: &str, product: &str) -> bool {
    let decides = product.contains("fn decide(self") || product.contains("impl Aggregate for");
    path.starts_with("ticketing/src/") && decides
}

/// Files that build read tables.
fn is_projection(path: &str, product: &str) -> bool {
    in_ticketing(path) && product.contains("impl Projection for")
}

/// Files that turn messages into commands.
fn is_consumer(path: &str, product: &str) -> bool {
    in_ticketing(path) && product.contains("impl Handler for")
}

/// Files with operations, and what belongs to them.
fn is_http(path: &str, product: &str) -> bool {
    let in_context = contexts().iter().any(|c| path.starts_with(&format!("ticketing/src/{c}/")));
    let named = path.ends_with("/http.rs") || path.contains("/http/");
    in_context && (named || product.contains("#[OpenApi"))
}

fn rules() -> Vec<Rule> {
    let rule =
        |name, applies, forbidden: &[&str]| Rule { name, applies, forbidden: words(forbidden) };
    let mut rules = vec![
        rule(
            "1: shared-events knows no transport, no database, no service",
            |path, _| path.starts_with("shared-events/"),
            &["poem::", "lapin::", "tokio_postgres", "ticketing::"],
        ),
        rule(
            "2: rules knows neither ticketing nor a database",
            |path, _| path.starts_with("rules/"),
            &["ticketing::", "tokio_postgres", "deadpool"],
        ),
        rule(
            "4: decisions know no I/O, no clock, no chance",
            is_decision,
            &["tokio::", "deadpool", "lapin", "poem", "clock", "now_v7", "new_v4", "platform::"],
        ),
        rule(
            "5: http.rs knows no SQL, no event store, no broker",
            is_http,
            &["select ", "insert into", "tokio_postgres", "event_store", "lapin"],
        ),
        rule(
            "6: a projection commands and publishes nothing",
            is_projection,
            &["Commands", "AppendQueue", "basic_publish", ".append("],
        ),
        rule(
            "6: a consumer reads no table",
            is_consumer,
            &["select ", "tokio_postgres", "deadpool", "platform::database"],
        ),
        rule(
            "8: only config.rs reads the environment",
            |path, _| !path.starts_with("tests/") && !path.ends_with("/config.rs"),
            &["env::var", "env = \""],
        ),
        rule(
            "8: only the clock reads time",
            |path, _| in_ticketing(path) && path != "ticketing/src/platform/clock.rs",
            &["Utc::now", "SystemTime::now", "now()\"", "current_timestamp"],
        ),
        rule(
            "8: only these publish",
            |path, _| {
                let publishers = [
                    "ticketing/src/platform/relay.rs",
                    "ticketing/src/platform/dead_letters.rs",
                    "rules/src/consumer.rs",
                ];
                !path.starts_with("tests/") && !publishers.contains(&path)
            },
            &["basic_publish"],
        ),
    ];
    rules.extend(rules_about_names());
    rules
}

/// The rules whose words are found in the source.
fn rules_about_names() -> [Rule; 3] {
    let mut of_contexts = words(&["crate::api", "crate::bounded_context"]);
    for context in contexts() {
        of_contexts.push(format!("crate::{context}"));
        of_contexts.push(format!("{}_", context.to_uppercase()));
    }
    of_contexts.extend(aggregates());
    let mut of_topology: Vec<_> =
        EXCHANGES.iter().map(|exchange| exchange.name.to_owned()).collect();
    of_topology.extend(QUEUES.iter().map(|queue| queue.name.to_owned()));
    [
        Rule {
            name: "6: a consumer knows no reader of a read table",
            applies: is_consumer,
            forbidden: readers(),
        },
        Rule {
            name: "7: the platform knows no context",
            applies: |path, _| path.starts_with("ticketing/src/platform/"),
            forbidden: of_contexts,
        },
        Rule {
            name: "names of exchanges and queues stand in topology.rs alone",
            applies: |path, _| {
                !path.starts_with("tests/") && path != "shared-events/src/topology.rs"
            },
            forbidden: of_topology,
        },
    ]
}

#[test]
fn no_arrow_points_where_it_must_not() {
    let rules = rules();
    let violations: Vec<String> = sources()
        .iter()
        .flat_map(|source| {
            rules.iter().flat_map(|rule| rule.violations(&source.path, &source.text))
        })
        .collect();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
}

/// Rule 3: contexts meet only in shared-events, platform, providers and what the stores offer.
fn arrows_between_contexts(contexts: &BTreeSet<String>, path: &str, text: &str) -> Vec<String> {
    let mine = contexts.iter().find(|mine| path.starts_with(&format!("ticketing/src/{mine}/")));
    let Some(mine) = mine else { return Vec::new() };
    let product = product(text);
    let mut found = Vec::new();
    for other in contexts.iter().filter(|other| *other != mine) {
        let arrow = format!("crate::{other}");
        let offered = OFFERED.iter().find(|(store, _)| store == other).map(|(_, names)| *names);
        let arrows = match offered {
            // Not even their tests may know a context.
            None => text.matches(&arrow).map(str::to_owned).collect(),
            Some(offered) => {
                let named = product.split(&arrow).skip(1).flat_map(names);
                let unoffered = named.filter(|name| !offered.contains(name));
                unoffered.map(|name| format!("{arrow}::{name}")).collect::<Vec<_>>()
            }
        };
        found.extend(arrows.into_iter().map(|arrow| format!("{path}: {arrow}")));
    }
    found
}

/// What is named of a module: the first segments of what follows on its name, each of a list's.
fn names(rest: &str) -> Vec<&str> {
    let rest = rest.strip_prefix("::").unwrap_or_default();
    let first = |text: &str| text.find(|c: char| !c.is_alphanumeric() && c != '_');
    let first = |text| -> &str { &text[..first(text).unwrap_or(text.len())] };
    match rest.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
        Some((list, _)) => {
            list.split(',').map(str::trim).filter(|name| !name.is_empty()).map(first).collect()
        }
        None => vec![first(rest)],
    }
}

#[test]
fn no_context_knows_another() {
    let contexts = contexts();
    let arrows = |source: &Source| arrows_between_contexts(&contexts, &source.path, &source.text);
    let found: Vec<_> = sources().iter().flat_map(arrows).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn control_an_arrow_between_contexts_turns_red() {
    let contexts =
        ["accounts", "catalogue", "links", "market", "short_links"].map(str::to_owned).into();
    let found = |path, text| arrows_between_contexts(&contexts, path, text).len();
    assert_eq!(found("ticketing/src/links/a.rs", "use crate::market::order::Order;"), 1);
    assert_eq!(found("ticketing/src/accounts/a.rs", "use crate::links::check;"), 1);
    assert_eq!(found("ticketing/src/market/order/a.rs", "use crate::accounts::tokens;"), 1);
    assert_eq!(found("ticketing/src/market/order/a.rs", "use crate::accounts::Caller;"), 0);
    for (text, arrows) in [
        ("use crate::accounts::{Caller, Role};", 0),
        ("use crate::accounts::{\n    Caller, People,\n};", 0),
        ("use crate::accounts::{Caller, tokens::LoginTokens};", 1),
        ("use crate::accounts::{self, Caller};", 1),
        ("use crate::accounts;", 1),
        ("if caller.roles.contains(crate::accounts::Role::Admin) {}", 0),
        ("use crate::catalogue::{Catalogue, Film};", 0),
        ("use crate::catalogue::films::Film;", 1),
        ("use crate::short_links::ShortLinks;", 0),
        ("use crate::short_links::visit::Visited;", 1),
    ] {
        assert_eq!(found("ticketing/src/market/a.rs", text), arrows, "{text}");
    }
    assert_eq!(found("ticketing/src/app.rs", "use crate::links::Links;"), 0);
}

#[test]
fn control_every_rule_turns_red() {
    let places = [
        "shared-events/src/a.rs",
        "rules/src/a.rs",
        "ticketing/src/links/buy_ticket.rs",
        "ticketing/src/links/http.rs",
        "ticketing/src/links/a.rs",
        "ticketing/src/platform/a.rs",
    ];
    let kinds = "fn decide(self) {}\nimpl Projection for X {}\nimpl Handler for X {}";
    for rule in rules() {
        for word in &rule.forbidden {
            let text = format!("{kinds}\n{word}");
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
    let mut found = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if lines > LONGEST_FILE {
            found.push(format!("{} has {lines} lines", source.path));
        }
        for (number, line) in source.text.lines().enumerate() {
            let width = line.chars().count();
            let text = line.contains('"') || line.contains("//! |") || line.ends_with('\\');
            let limit = if text { LONGEST_LINE_WITH_TEXT } else { LONGEST_LINE };
            if width > limit && source.path != VERBATIM {
                found.push(format!("{}:{} is {width} wide", source.path, number + 1));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
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
