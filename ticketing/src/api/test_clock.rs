//! The test clock over HTTP. These routes exist only in a service started with `--test-clock`.

use poem_openapi::payload::Json;
use poem_openapi::{Object, OpenApi, Tags};

use super::body::Body;
use super::timestamp::Timestamp;
use crate::api_error::ApiError;
use crate::platform::clock::Clock;
use crate::platform::database::Database;

#[derive(Tags)]
enum Tag {
    /// For tests alone.
    #[oai(rename = "test")]
    Test,
}

/// The test clock's routes.
pub struct TestClockApi {
    /// The clock.
    pub clock: Clock,
    /// Where its offset is kept for all processes.
    pub database: Database,
}

/// A moment.
#[derive(Debug, Object)]
struct Moment {
    /// The time, RFC 3339.
    now: Timestamp,
}

#[OpenApi(tag = "Tag::Test")]
impl TestClockApi {
    /// Read the clock
    #[oai(path = "/test/clock", method = "get", operation_id = "read_test_clock")]
    async fn read(&self) -> Result<Json<Moment>, ApiError> {
        Ok(Json(Moment { now: self.clock.now().into() }))
    }

    /// Move the clock
    ///
    /// It only moves forward; every process follows within 50 ms, and a restart remembers.
    #[oai(path = "/test/clock", method = "put", operation_id = "move_test_clock")]
    async fn put(&self, moment: Body<Moment>) -> Result<Json<Moment>, ApiError> {
        let now = self.clock.move_test_clock(&self.database, moment.value.now.0).await?;
        Ok(Json(Moment { now: now.into() }))
    }
}
