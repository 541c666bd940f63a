//! The diagram of all tables in ARCHITECTURE.md, drawn from `schema/current`. A column that is
//! called like another table's key points to that table: the schema itself knows foreign keys only
//! between tables of state, because what is derived may be ahead of what it is derived from.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

const BEGIN: &str = "<!-- tables: written by `make diagram` -->\n";
const END: &str = "<!-- end of tables -->\n";

#[derive(Debug, PartialEq, Eq)]
struct Table {
    name: String,
    columns: Vec<Column>,
}

#[derive(Debug, PartialEq, Eq)]
struct Column {
    name: String,
    kind: String,
    key: bool,
}

/// Draws the diagram into ARCHITECTURE.md of the repository at `root`.
///
/// # Errors
/// If a file can not be read or written, or has no place for it.
pub fn write(root: &Path) -> Result<()> {
    let file = root.join("ARCHITECTURE.md");
    Ok(fs::write(&file, drawn(root)?)?)
}

/// ARCHITECTURE.md of the repository at `root` with the diagram as it should be.
///
/// # Errors
/// If a file can not be read, or has no place for it.
pub fn drawn(root: &Path) -> Result<String> {
    let text = fs::read_to_string(root.join("ARCHITECTURE.md"))?;
    let (before, rest) = text.split_once(BEGIN).context("ARCHITECTURE.md has no place for it")?;
    let (_, after) = rest.split_once(END).context("the place in ARCHITECTURE.md has no end")?;
    let diagram = diagram(&tables(&root.join("schema/current"))?)?;
    Ok(format!("{before}{BEGIN}{diagram}{END}{after}"))
}

fn tables(folder: &Path) -> Result<Vec<Table>> {
    let files = folder.read_dir().context("reading schema/current")?;
    let mut paths: Vec<_> = files.map(|file| Ok(file?.path())).collect::<Result<_>>()?;
    paths.sort();
    let mut tables = Vec::new();
    for path in paths {
        tables.extend(table(&fs::read_to_string(path)?));
    }
    Ok(tables)
}

/// The table that a file of the schema makes, if it makes one.
fn table(sql: &str) -> Option<Table> {
    let (_, rest) = sql.split_once("create table ")?;
    let (name, rest) = rest.split_once(" (\n")?;
    let (body, _) = rest.split_once("\n);")?;
    let mut columns = Vec::new();
    let mut keys = Vec::new();
    // What a parenthesis left open goes on with is no column.
    let mut open = 0;
    for line in body.lines() {
        let line = line.split("--").next().unwrap_or_default().trim().trim_end_matches(',');
        let goes_on = open > 0;
        open += line.matches('(').count();
        open = open.saturating_sub(line.matches(')').count());
        if goes_on {
            continue;
        }
        let is_rule = ["constraint", "primary key", "check ("].iter().any(|w| line.starts_with(w));
        if line.is_empty() || is_rule {
            if let Some((_, list)) = line.split_once("primary key (") {
                keys.extend(list.trim_end_matches(')').split(", ").map(str::to_owned));
            }
        } else if let Some((name, rest)) = line.split_once(' ') {
            let kind = rest.split(' ').next().unwrap_or_default().replace("[]", "_array");
            let key = rest.contains("primary key");
            columns.push(Column { name: name.to_owned(), kind, key });
        }
    }
    for column in &mut columns {
        column.key |= keys.contains(&column.name);
    }
    Some(Table { name: name.to_owned(), columns })
}

/// Columns that are called by what somebody or something is there.
const BY_ROLE: [(&str, &str); 6] = [
    ("buyer", "accounts"),
    ("follower", "accounts"),
    ("host", "accounts"),
    ("seller", "accounts"),
    ("title_id", "vault"),
    ("token_id", "vault"),
];

/// Columns of a table that mean another than their name says: reviews of films have nothing to do
/// with those of people, though the keys of both have one name.
const NOT_BY_NAME: [(&str, &str, &str); 2] =
    [("film_reviews", "review_id", "film_reviews"), ("review_likes", "review_id", "film_reviews")];

impl Table {
    /// What a column is called that points here: `orders` are meant by `order_id`, `logs` by `log`.
    fn reference(&self) -> Option<String> {
        let one = self.name.strip_suffix('s')?;
        let (one, by_id) = (one.to_owned(), format!("{one}_id"));
        let mut keys = self.columns.iter().filter(|column| column.key);
        match (keys.next()?.name.as_str(), keys.next()) {
            ("id", None) => Some(by_id),
            (key, None) if key == by_id => Some(by_id),
            (key, None) if key == one => Some(one),
            _ => None,
        }
    }
}

/// A column of a table that means another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Relation<'a> {
    to: &'a str,
    from: &'a str,
    column: &'a str,
}

fn relations(tables: &[Table]) -> Vec<Relation<'_>> {
    let mut relations = Vec::new();
    for to in tables {
        let reference = to.reference();
        let points = |from: &Table, column: &Column| {
            let is_it = |(table, name, _): &&(&str, &str, &str)| {
                (*table, *name) == (from.name.as_str(), column.name.as_str())
            };
            if let Some((_, _, table)) = NOT_BY_NAME.iter().find(is_it) {
                return *table == to.name;
            }
            let by_role = |(name, table): &(&str, &str)| *name == column.name && *table == to.name;
            reference.as_ref() == Some(&column.name) || BY_ROLE.iter().any(by_role)
        };
        for from in tables.iter().filter(|from| from.name != to.name) {
            let pointing = from.columns.iter().filter(|column| points(from, column));
            relations.extend(pointing.map(|column| Relation {
                to: &to.name,
                from: &from.name,
                column: &column.name,
            }));
        }
    }
    relations
}

fn diagram(tables: &[Table]) -> Result<String> {
    let mut text = String::from("```mermaid\nerDiagram\n");
    for Relation { to, from, column } in relations(tables) {
        writeln!(text, "    {to} ||--o{{ {from} : {column}")?;
    }
    for table in tables {
        writeln!(text, "    {} {{", table.name)?;
        for column in &table.columns {
            let key = if column.key { " PK" } else { "" };
            writeln!(text, "        {} {}{key}", column.kind, column.name)?;
        }
        writeln!(text, "    }}")?;
    }
    text.push_str("```\n");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDERS: &str = "create table orders (\n    order_id uuid primary key,\n    \
                          roles text[] not null, -- a note\n    log text not null,\n    \
                          buyer uuid not null,\n    check (\n        log <> ''\n    )\n);\ncomment …";
    const ACCOUNTS: &str = "create table accounts (\n    id uuid primary key\n);\n";
    const LOGS: &str =
        "create table logs (\n    log text not null,\n    constraint k primary key (log)\n);\n";

    #[test]
    fn a_table_is_drawn_with_its_columns_keys_and_what_points_to_it() {
        let tables = [ACCOUNTS, LOGS, ORDERS].map(|sql| table(sql).unwrap());
        let drawn = diagram(&tables).unwrap();
        assert!(!drawn.contains("<>"), "{drawn}");
        for line in [
            "    accounts ||--o{ orders : buyer",
            "    logs ||--o{ orders : log",
            "        uuid order_id PK",
            "        text_array roles",
            "        text log PK",
        ] {
            assert!(drawn.lines().any(|drawn| drawn == line), "{line} is not in\n{drawn}");
        }
    }

    #[test]
    fn a_column_means_one_table_and_no_two_mean_each_other_by_one_name() {
        let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/current");
        let tables = tables(&schema).unwrap();
        let relations = relations(&tables);
        assert!(!relations.is_empty());
        for (number, one) in relations.iter().enumerate() {
            for other in relations.iter().skip(number + 1).filter(|it| it.column == one.column) {
                assert_ne!(one.from, other.from, "{one:?}, {other:?}");
                assert_ne!((one.from, one.to), (other.to, other.from), "{one:?}, {other:?}");
            }
        }
    }

    #[test]
    fn what_does_not_mean_what_it_is_called_is_there() {
        let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/current");
        let tables = tables(&schema).unwrap();
        for (from, name, to) in NOT_BY_NAME {
            let of = |name: &str| tables.iter().find(|table| table.name == name);
            assert!(of(from).unwrap().columns.iter().any(|column| column.name == name), "{from}");
            assert!(of(to).is_some(), "{to}");
        }
    }

    #[test]
    fn what_is_no_table_is_not_drawn() {
        assert_eq!(table("create function append_events() returns void as $$ $$;"), None);
    }
}
