//! Films as histories know them: an id. What a film is called, how long it is and whether it is
//! shown stands in the catalogue of `ticketing`, where an administrator may correct it.

use crate::id::id;

id! {
    /// Which film.
    FilmId
}
