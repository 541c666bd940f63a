//! The films: one, several, pages of them, and what an administrator says of one. Not here: which
//! texts and numbers are sensible (`http/requests.rs`).

use std::collections::HashMap;

use shared_events::FilmId;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::{Catalogue, Expected};
use crate::platform::database::DatabaseError;

/// A film as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Film {
    /// Which film.
    pub id: FilmId,
    /// What it is called.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// Its kinds, such as `comedy`.
    pub genre: Vec<String>,
    /// Who directed it; may be empty.
    pub director: String,
    /// Who plays in it.
    pub actors: Vec<String>,
    /// Who wrote it.
    pub writers: Vec<String>,
    /// How the Internet Movie Database rates it, in tenths from 0 to 100.
    pub imdb_rating_tenths: Option<i16>,
    /// How long it is, in minutes; at least 1.
    pub duration_minutes: i32,
    /// Whether it is shown now.
    pub in_cinemas: bool,
    /// How often it was described; the first time counts.
    pub sequence: i64,
    /// Its place in lists.
    pub(super) number: i64,
}

/// What an administrator says of a film.
#[derive(Clone, Debug)]
pub(super) struct Description {
    pub(super) title: String,
    pub(super) description: String,
    pub(super) genre: Vec<String>,
    pub(super) director: String,
    pub(super) actors: Vec<String>,
    pub(super) writers: Vec<String>,
    pub(super) imdb_rating_tenths: Option<i16>,
    pub(super) duration_minutes: i32,
    pub(super) in_cinemas: bool,
}

const COLUMNS: &str = "film_id, title, description, genre, director, actors, writers, \
    imdb_rating_tenths, duration_minutes, in_cinemas, sequence, number";

fn film(row: &Row) -> Result<Film, tokio_postgres::Error> {
    Ok(Film {
        id: FilmId(row.try_get(0)?),
        title: row.try_get(1)?,
        description: row.try_get(2)?,
        genre: row.try_get(3)?,
        director: row.try_get(4)?,
        actors: row.try_get(5)?,
        writers: row.try_get(6)?,
        imdb_rating_tenths: row.try_get(7)?,
        duration_minutes: row.try_get(8)?,
        in_cinemas: row.try_get(9)?,
        sequence: row.try_get(10)?,
        number: row.try_get(11)?,
    })
}

impl Catalogue {
    /// The film of this id; `None` if there is none.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer.
    pub async fn film(&self, id: FilmId) -> Result<Option<Film>, DatabaseError> {
        Ok(self.films(&[id]).await?.remove(&id))
    }

    /// The films of these ids; those that do not exist are left out.
    ///
    /// # Errors
    /// [`DatabaseError`] if Postgres does not answer.
    pub async fn films(&self, ids: &[FilmId]) -> Result<HashMap<FilmId, Film>, DatabaseError> {
        let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
        let client = self.database.get().await?;
        let text = format!("select {COLUMNS} from films where film_id = any($1)");
        let statement = client.prepare_cached(&text).await?;
        let rows = client.query(&statement, &[&ids]).await?;
        let films = rows.iter().map(|row| film(row).map(|film| (film.id, film)));
        Ok(films.collect::<Result<_, _>>()?)
    }

    /// Films in the order in which they were first described, all or those that are (not) in
    /// cinemas; `after` is the number of the last one before.
    pub(super) async fn list_films(
        &self,
        in_cinemas: Option<bool>,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Film>, DatabaseError> {
        let client = self.database.get().await?;
        let text = format!(
            "select {COLUMNS} from films \
             where number > $1 and ($2::boolean is null or in_cinemas = $2) order by number limit $3"
        );
        let statement = client.prepare_cached(&text).await?;
        let rows = client.query(&statement, &[&after, &in_cinemas, &limit]).await?;
        Ok(rows.iter().map(film).collect::<Result<_, _>>()?)
    }

    /// Describes a film, new or known; `None` if it is not as expected.
    pub(super) async fn describe(
        &self,
        id: FilmId,
        description: &Description,
        expected: Expected,
    ) -> Result<Option<Film>, DatabaseError> {
        let changes = "title = $2, description = $3, genre = $4, director = $5, actors = $6, \
                      writers = $7, imdb_rating_tenths = $8, duration_minutes = $9, \
                      in_cinemas = $10, sequence = f.sequence + 1";
        let text = match expected {
            Expected::Any => format!(
                "insert into films as f (film_id, title, description, genre, director, actors, \
                     writers, imdb_rating_tenths, duration_minutes, in_cinemas, sequence) \
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1) \
                 on conflict (film_id) do update set {changes} returning {COLUMNS}"
            ),
            Expected::Known => {
                format!("update films f set {changes} where film_id = $1 returning {COLUMNS}")
            }
            Expected::At(_) => format!(
                "update films f set {changes} where film_id = $1 and sequence = $11 \
                 returning {COLUMNS}"
            ),
        };
        let it = description;
        let mut values: Vec<&(dyn ToSql + Sync)> = vec![
            &id.0,
            &it.title,
            &it.description,
            &it.genre,
            &it.director,
            &it.actors,
            &it.writers,
            &it.imdb_rating_tenths,
            &it.duration_minutes,
            &it.in_cinemas,
        ];
        if let Expected::At(sequence) = &expected {
            values.push(sequence);
        }
        let client = self.database.get().await?;
        let statement = client.prepare_cached(&text).await?;
        let row = client.query_opt(&statement, &values).await?;
        Ok(row.as_ref().map(film).transpose()?)
    }
}
