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
use super::errors::{invalid, unknown_stadium};
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
        let place = judge.place(&new, None);
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

    /// `whole`: what the change leaves out is empty, not as it was.
    pub(super) async fn move_seat(
        &self,
        context: Context,
        id: SeatId,
        header: Option<&str>,
        change: SeatChange,
        whole: bool,
    ) -> Result<One<SeatSeen>, ApiError> {
        let row = self.seat_row(id).await?;
        if change.stadium.is_some_and(|stadium| stadium != row.stadium.0) {
            return Err(invalid("stadium", "a seat stays in its stadium"));
        }
        let mut judge = Judge::default();
        let to = judge.place(&change, Some(&row.place).filter(|_| !whole));
        judge.verdict()?;
        let SeatRow { stadium, place: from, .. } = row;
        let command = MoveSeat { stadium, seat: id, from, to: to.clone() };
        let command = StadiumCommand::MoveSeat(command);
        let done = self.execute(&context, stadium.0, header, command).await?;
        let seen = SeatSeen::from(SeatRow { seat: id, stadium, place: to });
        Ok(One::One(Json(seen), if_match::etag(done.sequence)))
    }

    pub(super) async fn take_seat_out(
        &self,
        context: Context,
        id: SeatId,
        header: Option<&str>,
    ) -> Result<Gone, ApiError> {
        let SeatRow { stadium, place, .. } = self.seat_row(id).await?;
        let remove = StadiumCommand::RemoveSeat(RemoveSeat { stadium, seat: id, place });
        self.execute(&context, stadium.0, header, remove).await?;
        Ok(Gone::Done)
    }

    pub(super) async fn seat_seen(&self, id: SeatId) -> Result<One<SeatSeen>, ApiError> {
        let row = self.seat_row(id).await?;
        let stadium = self.stadiums.find(row.stadium).await?.ok_or_else(unknown_stadium)?;
        Ok(One::One(Json(row.into()), if_match::etag(stadium.sequence)))
    }
}
