//! What is said of a notice, in the reader's language: templates from files, filled with what was
//! joined. Plain text everywhere but in the HTML part of a mail, where everything is escaped. Not
//! here: who reads, and what is joined (`reading.rs`).

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use minijinja::{Environment, UndefinedBehavior, context};
use serde::{Deserialize, Serialize};

use super::kind::Kind;
use crate::accounts::{Contact, Language};

const FILES: [(Language, &str); 2] = [
    (Language::En, include_str!("templates/en.yaml")),
    (Language::Ru, include_str!("templates/ru.yaml")),
];
/// The parts of a mail, and the page that stops mail; in what is called `.html` everything is
/// escaped.
const LAYOUTS: [(&str, &str); 3] = [
    ("mail.txt", include_str!("templates/mail.txt")),
    ("mail.html", include_str!("templates/mail.html")),
    ("unsubscribe.html", include_str!("templates/unsubscribe.html")),
];
/// The longest title, in characters: a subject is one line.
const LONGEST_TITLE: usize = 150;

/// A file of templates.
#[derive(Deserialize)]
struct File {
    phrases: BTreeMap<String, String>,
    kinds: BTreeMap<String, Templates>,
}

#[derive(Deserialize)]
struct Templates {
    title: String,
    text: String,
}

/// All templates, read; cheap to clone.
#[derive(Clone)]
pub(super) struct Words(Arc<Environment<'static>>);

/// What a notice speaks of.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    /// What it is about; `None` if that was erased.
    pub(super) title: Option<String>,
    /// What the guest or the host is called; `None` if they are gone.
    pub(super) other: Option<String>,
    /// `host` or `guest`: which of the two is told.
    pub(super) role: Option<String>,
    /// When it begins.
    pub(super) starts_at: Option<DateTime<Utc>>,
    /// Until when it can be used or paid.
    pub(super) until: Option<DateTime<Utc>>,
}

/// A notice in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// One line.
    pub(super) title: String,
    pub(super) text: String,
}

/// A mail in words.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) subject: String,
    pub(super) plain: String,
    pub(super) html: String,
}

#[derive(Serialize)]
struct Known {
    title: String,
    other: String,
    role: String,
    starts_at: String,
    until: String,
}

impl Words {
    /// Reads all templates.
    ///
    /// # Errors
    /// If one can not be read.
    pub(super) fn open() -> anyhow::Result<Self> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, template) in LAYOUTS {
            environment.add_template(name, template)?;
        }
        for (language, file) in FILES {
            let File { phrases, kinds } = serde_yaml_ng::from_str(file)?;
            for (name, template) in phrases {
                environment.add_template_owned(format!("{language}/{name}"), template)?;
            }
            for (kind, Templates { title, text }) in kinds {
                environment.add_template_owned(format!("{language}/{kind}/title"), title)?;
                environment.add_template_owned(format!("{language}/{kind}/text"), text)?;
            }
        }
        Ok(Self(Arc::new(environment)))
    }

    /// What somebody is told.
    ///
    /// # Errors
    /// If a template lacks what it asks for.
    pub(super) fn say(
        &self,
        kind: Kind,
        facts: &Facts,
        reader: &Contact,
    ) -> Result<Said, minijinja::Error> {
        let language = reader.language;
        let untitled = || self.phrase(language, "untitled", ());
        let title = facts.title.clone().filter(|title| !title.trim().is_empty());
        let known = Known {
            title: one_line(&title.map_or_else(untitled, Ok)?),
            other: one_line(facts.other.as_deref().unwrap_or("—")),
            role: facts.role.clone().unwrap_or_default(),
            starts_at: facts.starts_at.map(|time| clock(time, reader)).unwrap_or_default(),
            until: facts.until.map(|time| clock(time, reader)).unwrap_or_default(),
        };
        let title = self.phrase(language, &format!("{kind}/title"), &known)?;
        let text = self.phrase(language, &format!("{kind}/text"), &known)?;
        Ok(Said { title: one_line(&title), text })
    }

    /// The same as a mail with a link, and with another one that stops all mail to the address.
    ///
    /// # Errors
    /// As [`Words::say`].
    pub(super) fn write(
        &self,
        said: &Said,
        link: &str,
        stop: &str,
        reader: &Contact,
    ) -> Result<Letter, minijinja::Error> {
        let language = reader.language;
        let parts = context! {
            language => language.as_str(),
            greeting => self.phrase(language, "greeting", context! { name => one_line(&reader.name) })?,
            open => self.phrase(language, "open", ())?,
            footer => self.phrase(language, "footer", ())?,
            title => said.title,
            text => said.text,
            link => link,
            stop_phrase => self.phrase(language, "stop", ())?,
            stop => stop,
        };
        let part = |name| self.0.get_template(name)?.render(&parts);
        let (plain, html) = (part("mail.txt")?, part("mail.html")?);
        Ok(Letter { subject: said.title.clone(), plain, html })
    }

    /// The page that the second link leads to, in all languages: nobody knows who reads it.
    ///
    /// # Errors
    /// As [`Words::say`].
    pub(super) fn stop_page(&self, stopped: bool) -> Result<String, minijinja::Error> {
        let (text, button) = if stopped { ("stopped", "resume") } else { ("ask_stop", "do_stop") };
        let mut said = Vec::new();
        for (language, _) in FILES {
            said.push(context! {
                language => language.as_str(),
                text => self.phrase(language, text, ())?,
                button => self.phrase(language, button, ())?,
            });
        }
        self.0
            .get_template("unsubscribe.html")?
            .render(context! { said, resume => stopped.to_string() })
    }

    fn phrase(
        &self,
        language: Language,
        name: &str,
        known: impl Serialize,
    ) -> Result<String, minijinja::Error> {
        self.0.get_template(&format!("{language}/{name}"))?.render(known)
    }
}

/// A time as the reader's clock shows it.
fn clock(time: DateTime<Utc>, reader: &Contact) -> String {
    let format = match reader.language {
        Language::En => "%Y-%m-%d %H:%M (UTC%:z)",
        Language::Ru => "%d.%m.%Y %H:%M (UTC%:z)",
    };
    reader.time_zone.at(time).format(format).to_string()
}

/// Without line breaks and other control characters, which would end a header, and not too long.
fn one_line(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_TITLE) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::DeliveryType;

    fn reader(language: Language) -> Contact {
        Contact {
            name: "Ann <b>".to_owned(),
            address: None,
            delivery: DeliveryType::default(),
            language,
            time_zone: "+03:00".parse().unwrap(),
        }
    }

    fn facts(title: &str) -> Facts {
        let time = DateTime::from_timestamp(1_800_000_000, 0);
        Facts {
            title: Some(title.to_owned()),
            other: Some("Bob".to_owned()),
            role: Some("host".to_owned()),
            starts_at: time,
            until: time,
        }
    }

    #[test]
    fn every_kind_is_said_in_every_language_to_both_sides() {
        let words = Words::open().unwrap();
        for (language, _) in FILES {
            for kind in Kind::ALL {
                for role in ["host", "guest"] {
                    let facts = Facts { role: Some(role.to_owned()), ..facts("Metropolis") };
                    let said = words.say(*kind, &facts, &reader(language)).unwrap();
                    assert!(!said.title.is_empty() && !said.text.is_empty(), "{kind} {language}");
                    assert!(!said.text.contains("{{"), "{kind} {language}: {}", said.text);
                    let nothing = words.say(*kind, &Facts::default(), &reader(language));
                    assert!(nothing.is_ok(), "{kind} {language}: what is erased is not missed");
                }
            }
        }
    }

    #[test]
    fn times_are_told_as_the_reader_s_clock_shows_them() {
        let words = Words::open().unwrap();
        let said = |language| {
            words.say(Kind::ReminderHour, &facts("Metropolis"), &reader(language)).unwrap().text
        };
        assert!(said(Language::En).contains("2027-01-15 11:00 (UTC+03:00)"));
        assert!(said(Language::Ru).contains("15.01.2027 11:00 (UTC+03:00)"));
    }

    #[test]
    fn what_people_wrote_ends_no_header_and_opens_no_tag() {
        let words = Words::open().unwrap();
        let title = "Metropolis\r\nBcc: everybody@example.com <script>alert(1)</script>";
        let reader = reader(Language::En);
        let said = words.say(Kind::AnnouncementMoved, &facts(title), &reader).unwrap();
        let (link, stop) = ("https://t.example/s/a?b&c", "https://t.example/stop");
        let letter = words.write(&said, link, stop, &reader).unwrap();
        assert!(!letter.subject.contains(['\r', '\n']), "{}", letter.subject);
        assert!(letter.html.contains("&lt;script&gt;") && !letter.html.contains("<script"));
        assert!(letter.html.contains("Ann &lt;b&gt;"), "{}", letter.html);
        assert!(letter.plain.contains("Ann <b>") && letter.plain.contains(link));
        assert!(letter.plain.contains(stop) && letter.html.contains("Not you?"));
    }

    #[test]
    fn the_page_that_stops_mail_speaks_every_language_and_does_nothing_by_itself() {
        let words = Words::open().unwrap();
        let [page, stopped] = [false, true].map(|stopped| words.stop_page(stopped).unwrap());
        for (language, _) in FILES {
            let tagged = format!("lang=\"{language}\"");
            assert!(page.contains(&tagged) && stopped.contains(&tagged), "{page}{stopped}");
        }
        for (page, calls) in [(&page, "?resume=false"), (&stopped, "?resume=true")] {
            let form = format!("<form method=\"post\" action=\"{calls}\">");
            assert_eq!(page.matches(&form).count(), FILES.len(), "{page}");
            assert!(!page.contains("<script"), "{page}");
        }
    }

    #[test]
    fn a_subject_is_not_longer_than_a_line() {
        let long = "ж".repeat(LONGEST_TITLE + 1);
        assert_eq!(one_line(&long).chars().count(), LONGEST_TITLE + 1);
        assert_eq!(one_line(" a \u{0} \t b "), "a b");
    }
}
