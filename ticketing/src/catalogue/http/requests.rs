//! What the routes of the catalogue take, and the judgement of each member.

use poem_openapi::Object;
use poem_openapi::registry::MetaSchema;
use poem_openapi::types::Example;

use super::super::films::Description;
use crate::api::text::{Rule, Text};
use crate::api_error::{ApiError, FieldError};

/// The longest title or name, in characters.
const LONGEST_NAME: usize = 200;
/// The longest description or review, in characters.
const LONGEST_TEXT: usize = 4_000;
/// The most kinds, actors or writers of a film.
const MOST_NAMES: usize = 50;
/// The longest film, in minutes: a whole day.
const LONGEST_FILM: i32 = 24 * 60;

/// What an administrator says of a film. What is left out is empty.
#[derive(Object)]
#[oai(rename = "FilmDescription", example, skip_serializing_if_is_none)]
pub(super) struct NewDescription {
    /// What it is called, 1 to 200 characters.
    title: Text<Name>,
    /// What it is about, at most 4,000 characters.
    description: Option<Text<Long>>,
    /// Its kinds, at most 50 of 1 to 200 characters; so are all names.
    genre: Option<Vec<Text<Name>>>,
    /// Who directed it, at most 200 characters.
    director: Option<Text<Optional>>,
    /// Who plays in it.
    actors_names: Option<Vec<Text<Name>>>,
    /// Who wrote it.
    writers_names: Option<Vec<Text<Name>>>,
    /// How the Internet Movie Database rates it, 0 to 10 with at most one place.
    imdb_rating: Option<f64>,
    /// How long it is, 1 to 1,440 minutes.
    duration: i32,
    /// Whether it is shown now.
    in_cinemas: bool,
}

impl Example for NewDescription {
    fn example() -> Self {
        Self {
            title: Text::new("Metropolis"),
            description: Some(Text::new("The son of the city's master goes down.")),
            genre: Some(vec![Text::new("sci-fi")]),
            director: Some(Text::new("Fritz Lang")),
            actors_names: Some(vec![Text::new("Brigitte Helm")]),
            writers_names: Some(vec![Text::new("Thea von Harbou")]),
            imdb_rating: Some(8.3),
            duration: 153,
            in_cinemas: true,
        }
    }
}

/// What somebody thinks of a film.
#[derive(Object)]
#[oai(rename = "NewFilmReview", example)]
pub(super) struct NewOpinion {
    /// What they think, 1 to 4,000 characters.
    text: Text<Opinion>,
    /// What they give it, 1 to 10 with at most one place.
    score: f64,
}

impl Example for NewOpinion {
    fn example() -> Self {
        Self { text: Text::new("Worth seeing twice"), score: 7.8 }
    }
}

/// A title, or a name of somebody or something.
struct Name;

impl Rule for Name {
    fn schema() -> MetaSchema {
        string(1, LONGEST_NAME)
    }
}

/// A name that may be empty.
struct Optional;

impl Rule for Optional {
    fn schema() -> MetaSchema {
        string(0, LONGEST_NAME)
    }
}

/// Text that may be empty.
struct Long;

impl Rule for Long {
    fn schema() -> MetaSchema {
        string(0, LONGEST_TEXT)
    }
}

/// Text that says something.
struct Opinion;

impl Rule for Opinion {
    fn schema() -> MetaSchema {
        string(1, LONGEST_TEXT)
    }
}

fn string(shortest: usize, longest: usize) -> MetaSchema {
    let min_length = (shortest > 0).then_some(shortest);
    MetaSchema { min_length, max_length: Some(longest), ..MetaSchema::new("string") }
}

/// Judges member by member, and names each that breaks its rule.
#[derive(Default)]
struct Judge(Vec<FieldError>);

impl Judge {
    fn text(&mut self, field: &str, text: &str, shortest: usize, longest: usize) -> String {
        let text = text.trim();
        if !(shortest..=longest).contains(&text.chars().count()) {
            let rule = format!("must have {shortest} to {longest} characters");
            self.0.push(FieldError::new(field, rule));
        }
        text.to_owned()
    }

    fn names(&mut self, field: &str, names: Option<Vec<Text<Name>>>) -> Vec<String> {
        let names = names.unwrap_or_default();
        if names.len() > MOST_NAMES {
            self.0.push(FieldError::new(field, format!("must have 0 to {MOST_NAMES} items")));
            return Vec::new();
        }
        let names = names.iter().enumerate();
        names
            .map(|(index, name)| self.text(&format!("{field}[{index}]"), &name.0, 1, LONGEST_NAME))
            .collect()
    }

    /// A number from `least` to 10 in tenths.
    fn tenths(&mut self, field: &str, number: f64, least: i16) -> i16 {
        let found = (least * 10..=100).find(|tenths| f64::from(*tenths) / 10.0 == number);
        if found.is_none() {
            let rule = format!("must be {least} to 10, with at most one place");
            self.0.push(FieldError::new(field, rule));
        }
        found.unwrap_or_default()
    }

    fn verdict<T>(self, judged: T) -> Result<T, ApiError> {
        if self.0.is_empty() { Ok(judged) } else { Err(ApiError::invalid_fields(self.0)) }
    }
}

impl TryFrom<NewDescription> for Description {
    type Error = ApiError;

    fn try_from(new: NewDescription) -> Result<Self, ApiError> {
        let mut judge = Judge::default();
        let (about, director) = (new.description.map(|t| t.0), new.director.map(|t| t.0));
        let (about, director) = (about.unwrap_or_default(), director.unwrap_or_default());
        let description = Self {
            title: judge.text("title", &new.title.0, 1, LONGEST_NAME),
            description: judge.text("description", &about, 0, LONGEST_TEXT),
            genre: judge.names("genre", new.genre),
            director: judge.text("director", &director, 0, LONGEST_NAME),
            actors: judge.names("actors_names", new.actors_names),
            writers: judge.names("writers_names", new.writers_names),
            imdb_rating_tenths: new
                .imdb_rating
                .map(|rating| judge.tenths("imdb_rating", rating, 0)),
            duration_minutes: new.duration,
            in_cinemas: new.in_cinemas,
        };
        if !(1..=LONGEST_FILM).contains(&new.duration) {
            judge.0.push(FieldError::new("duration", format!("must be 1 to {LONGEST_FILM}")));
        }
        judge.verdict(description)
    }
}

impl NewOpinion {
    /// Text and score in tenths.
    ///
    /// # Errors
    /// 422 names what breaks a rule.
    pub(super) fn judged(&self) -> Result<(String, i16), ApiError> {
        let mut judge = Judge::default();
        let text = judge.text("text", &self.text.0, 1, LONGEST_TEXT);
        let score_tenths = judge.tenths("score", self.score, 1);
        judge.verdict((text, score_tenths))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenths(number: f64, least: i16) -> Option<i16> {
        let mut judge = Judge::default();
        let tenths = judge.tenths("score", number, least);
        judge.0.is_empty().then_some(tenths)
    }

    #[test]
    fn a_score_has_one_place_at_most_and_is_within_its_bounds() {
        for (number, expected) in
            [(1.0, Some(10)), (7.8, Some(78)), (9.9, Some(99)), (10.0, Some(100)), (7.85, None)]
        {
            assert_eq!(tenths(number, 1), expected, "{number}");
        }
        for number in [0.9, 0.0, -1.0, 10.1, 1e300, f64::NAN] {
            assert_eq!(tenths(number, 1), None, "{number}");
        }
        assert_eq!(tenths(0.0, 0), Some(0));
    }

    #[test]
    fn a_description_is_judged_as_a_whole() {
        let long = || Some(Text::new("x".repeat(LONGEST_TEXT + 1)));
        let new = NewDescription {
            title: Text::new("  "),
            description: long(),
            genre: Some(vec![Text::new("comedy"), Text::new("")]),
            actors_names: Some((0..51).map(|n| Text::new(n.to_string())).collect()),
            duration: 0,
            imdb_rating: Some(11.0),
            ..NewDescription::example()
        };
        let problem = Description::try_from(new).unwrap_err().problem();
        let fields: Vec<_> = problem.errors.iter().map(|error| error.field.as_str()).collect();
        let expected =
            ["title", "description", "genre[1]", "actors_names", "imdb_rating", "duration"];
        assert_eq!(fields, expected);
        assert!(Description::try_from(NewDescription::example()).is_ok());
    }
}
