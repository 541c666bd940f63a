//! What the routes of a stadium's seats do. A seat's history is that of its stadium, so its entity
//! tag is the stadium's.

use std::sync::Arc;

use http::StatusCode;
use poem_openapi::payload::Json;
use shared_events::{SeatId, StadiumId};
use uuid::Uuid;

use super::super::stadium::{AddSeat, MoveSeat, RemoveSeat, Stadium, StadiumCommand};
use super::super::stadium_seats::SeatRow;
use super::answers::{Gone, Made, One, SeatSeen};
use super::errors::{invalid, unknown_seat};
use super::requests::{Judge, SeatChange};
use super::stadiums::StadiumsApi;
use crate::api::Context;
use crate::api::idempotent::{Call, Keep};
use crate::api::if_match;
use crate::api_error::ApiError;
use crate::platform::commands::Done;

impl StadiumsApi {
    pub(super) async fn add_seat(
        &self,
        context: Context,
        call: Call<'_>,
        stadium: StadiumId,
        new: SeatChange,
    ) -> Result<Made<SeatSeen>, ApiError> {
        let mut judge = Judge::default();
        let place = judge.place(&new);
        judge.verdict()?;
        let seat = SeatId(Uuid::now_v7());
        let row = SeatRow { seat, stadium, place: place.clone() };
        let answer = |_: &Done<Stadium>| SeatSeen::from(row.clone());
        let execution = self.shared.execution(&context);
        let add = StadiumCommand::AddSeat(AddSeat { seat, place });
        let put = |keep: Arc<Keep<_>>| {
            self.commands.execute(stadium.0, add, execution, move |done| keep.attach(done))
        };
        let idempotent = &self.shared.idempotent;
        let made = idempotent.run(call, StatusCode::CREATED, answer, put).await?;
        Ok(Made::Made(Json(made)))
    }

    pub(super) async fn move_seat(
        &self,
        context: Context,
        id: SeatId,
        header: Option<&str>,
        change: SeatChange,
        whole: bool,
    ) -> Result<One<SeatSeen>, ApiError> {
        let row = self.seat_row(id).await?;
        if change.stadium.is_some_and(|named| named != row.stadium.0) {
            return Err(invalid("stadium", "a seat stays in its stadium"));
        }
        let mut judge = Judge::default();
        let to = if whole { judge.place(&change).into() } else { judge.new_place(&change) };
        judge.verdict()?;
        let (stadium, near) = (row.stadium, row.place.clone());
        let command = StadiumCommand::MoveSeat(MoveSeat { stadium, seat: id, near, to });
        let done = self.execute(&context, stadium.0, header, command).await?;
        let moved = row.now(&done.state).ok_or_else(unknown_seat)?;
        Ok(One::One(Json(moved.into()), if_match::etag(done.sequence)))
    }

    pub(super) async fn take_seat_out(
        &self,
        context: Context,
        id: SeatId,
        header: Option<&str>,
    ) -> Result<Gone, ApiError> {
        let SeatRow { stadium, place: near, .. } = self.seat_row(id).await?;
        let remove = StadiumCommand::RemoveSeat(RemoveSeat { stadium, seat: id, near });
        self.execute(&context, stadium.0, header, remove).await?;
        Ok(Gone::Done)
    }

    pub(super) async fn seat_seen(&self, id: SeatId) -> Result<One<SeatSeen>, ApiError> {
        let row = self.seat_row(id).await?;
        let (seat, sequence) = self.seats.now(&row).await?.ok_or_else(unknown_seat)?;
        Ok(One::One(Json(seat.into()), if_match::etag(sequence)))
    }

    /// Which stadium a seat is of, and where it was lately; where it is, only the stadium's stream
    /// says.
    async fn seat_row(&self, id: SeatId) -> Result<SeatRow, ApiError> {
        let find = || async { Ok(self.seats.find(&[id]).await?.pop()) };
        self.shared.caught_up.find(find).await?.ok_or_else(unknown_seat)
    }
}
