//! What the proxies do to the wire: replies, confirms and acks that are lost, frames that are cut,
//! silence.

use std::time::Duration;

use anyhow::Result;
use tokio::time::sleep;

use super::{Struck, drained, reaches};
use crate::chaos::fault::Fault;
use crate::chaos::plan::Cycle;
use crate::chaos::world::World;

/// The workload brings about what a proxy waits for at least this often.
const CHANCE: Duration = Duration::from_secs(30);
/// Replies to COMMITs lost each time.
const REPLIES: usize = 2;
/// Acks lost each time.
const ACKS: usize = 3;

/// Both at once, so that the writer's question what became of its batch is lost too and its callers
/// are told that nobody knows; or one after the other, so that it finds out.
pub(super) async fn commit_replies(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    let at_once = if cycle.choice.is_multiple_of(2) { REPLIES } else { 1 };
    let proxy = world.database_proxy.clone();
    let lost = || proxy.fired().commit_replies_lost;
    let before = lost();
    for wanted in (at_once..=REPLIES).step_by(at_once) {
        proxy.lose_commit_replies(at_once);
        reaches("replies were lost", CHANCE, before + wanted, lost).await?;
    }
    drained(world, Fault::LoseCommitReplies, lost() - before).await
}

pub(super) async fn confirms(world: &mut World) -> Result<Struck> {
    let proxy = world.broker_proxy.clone();
    let lost = || proxy.fired().confirms_lost;
    let before = lost();
    proxy.lose_confirms(1);
    reaches("a confirm was lost", CHANCE, before + 1, lost).await?;
    drained(world, Fault::LoseConfirms, lost() - before).await
}

/// The broker keeps what was not acknowledged until the connection ends.
pub(super) async fn acks(world: &mut World) -> Result<Struck> {
    let proxy = world.broker_proxy.clone();
    let lost = || proxy.fired().acks_lost;
    let before = lost();
    proxy.lose_acks(ACKS);
    reaches("acks were lost", CHANCE, before + ACKS, lost).await?;
    proxy.cut();
    drained(world, Fault::LoseAcks, lost() - before).await
}

pub(super) async fn mid_frame(world: &mut World) -> Result<Struck> {
    let proxy = world.broker_proxy.clone();
    let cut = || proxy.fired().cut_mid_frame;
    let before = cut();
    proxy.cut_mid_frame(1);
    reaches("a frame was cut", CHANCE, before + 1, cut).await?;
    drained(world, Fault::CutMidFrame, cut() - before).await
}

pub(super) async fn silence(world: &mut World, cycle: &Cycle) -> Result<Struck> {
    let proxy = world.broker_proxy.clone();
    let before = proxy.fired().silenced;
    proxy.silence(true);
    sleep(cycle.lasting).await;
    let held = proxy.fired().silenced - before;
    proxy.silence(false);
    drained(world, Fault::Silence, held.min(1)).await
}
