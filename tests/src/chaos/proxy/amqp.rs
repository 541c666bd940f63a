//! A conversation in AMQP 0-9-1: what is done with each frame that passes.
//!
//! Whole frames are passed on as they come; the faults and sabotage that `faults.rs` names drop,
//! change, repeat or add some. Not here: what a frame is (`frame.rs`), where one may be added
//! (`channel.rs`), and renumbering (`confirms.rs`).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::BytesMut;

use super::channel::Channel;
use super::confirms::Confirms;
use super::conversation::{Flow, Garbled, Outgoing, Side};
use super::faults::Faults;
use super::frame::{Frame, Method, kind};

/// `AMQP` and the version: what a client says first, and what a broker answers if it knows another
/// one only (§4.2.2).
const GREETING: usize = 8;
/// How often a message is sent that is repeated.
const COPIES: usize = 3;

/// One connection's conversation.
pub(super) struct Amqp {
    faults: Arc<Faults>,
    sabotaged: Sabotaged,
    client: Heard,
    server: Heard,
    channels: HashMap<u16, Channel>,
}

/// The sabotage that was on when the connection began: it holds for all of it.
#[derive(Clone, Copy)]
struct Sabotaged {
    no_confirm: bool,
    no_mandatory: bool,
    ack_first: bool,
}

/// What was heard of one side and is not yet a whole frame.
#[derive(Default)]
struct Heard {
    rest: BytesMut,
    greeted: bool,
}

impl Amqp {
    pub(super) fn new(faults: Arc<Faults>) -> Self {
        let sabotaged = Sabotaged {
            no_confirm: faults.no_confirm.load(Ordering::SeqCst),
            no_mandatory: faults.no_mandatory.load(Ordering::SeqCst),
            ack_first: faults.ack_first.load(Ordering::SeqCst),
        };
        let (client, server) = Default::default();
        Self { faults, sabotaged, client, server, channels: HashMap::new() }
    }

    pub(super) fn hear(
        &mut self,
        side: Side,
        bytes: &[u8],
        out: &mut Outgoing,
    ) -> Result<Flow, Garbled> {
        self.heard(side).rest.extend_from_slice(bytes);
        if !self.greet(side, out) {
            return Ok(Flow::Continue);
        }
        while let Some(frame) = Frame::take(&mut self.heard(side).rest)? {
            let flow = match side {
                Side::Client => self.of_client(frame, out)?,
                Side::Server => self.of_server(frame, out)?,
            };
            if flow == Flow::End {
                return Ok(flow);
            }
        }
        Ok(Flow::Continue)
    }

    fn heard(&mut self, side: Side) -> &mut Heard {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Passes a greeting on; false while it is not clear whether there is one.
    fn greet(&mut self, side: Side, out: &mut Outgoing) -> bool {
        let heard = self.heard(side);
        if !heard.greeted && heard.rest.first() == Some(&b'A') {
            if heard.rest.len() < GREETING {
                return false;
            }
            out.to(side.other()).unsplit(heard.rest.split_to(GREETING));
        }
        heard.greeted |= !heard.rest.is_empty();
        true
    }

    fn of_client(&mut self, mut frame: Frame, out: &mut Outgoing) -> Result<Flow, Garbled> {
        if self.cuts(&frame, Side::Server, out) {
            return Ok(Flow::End);
        }
        let repeating = self.faults.repeating.load(Ordering::SeqCst);
        let method = frame.method()?;
        if method == Some(Method::Open) {
            self.channels.insert(frame.channel, Channel::default());
        }
        let channel = self.channels.entry(frame.channel).or_default();
        match method {
            Some(Method::ConfirmSelect) if channel.confirms.is_none() => {
                channel.confirms = Some(Confirms::default());
            }
            Some(Method::Publish) => {
                if self.sabotaged.no_mandatory && frame.clear_mandatory() {
                    self.faults.mandatory_cleared.count();
                }
                if repeating {
                    channel.keep_publish();
                }
            }
            Some(Method::Ack { .. } | Method::Nack { .. } | Method::Reject)
                if self.sabotaged.ack_first =>
            {
                return Ok(Flow::Continue);
            }
            Some(Method::Ack { .. }) if self.faults.acks.strike() => return Ok(Flow::Continue),
            _ => {}
        }
        let published = channel.pass(Side::Server, &frame, out)?;
        if published {
            self.published(frame.channel, out)?;
        }
        self.note_close(method, frame.channel);
        Ok(Flow::Continue)
    }

    /// A client's message has passed as a whole.
    fn published(&mut self, number: u16, out: &mut Outgoing) -> Result<(), Garbled> {
        let Some(channel) = self.channels.get_mut(&number) else { return Ok(()) };
        let mut copies = 1;
        if let Some(mut message) = channel.kept_publish()
            && let Some(mut publish) = Frame::take(&mut message)?
        {
            // A message that no queue takes is returned once, as the client expects.
            publish.clear_mandatory();
            copies = COPIES;
            for _ in 1..copies {
                out.to_server.extend_from_slice(&publish.bytes);
                out.to_server.extend_from_slice(&message);
            }
            self.faults.repeated.count();
        }
        let Some(confirms) = &mut channel.confirms else { return Ok(()) };
        let tag = confirms.publish(copies);
        if self.sabotaged.no_confirm {
            // The broker's own word will be swallowed: nothing is kept to wait for it.
            confirms.forget();
            if channel.say(Side::Client, &Frame::answer(number, tag, true), out) {
                self.faults.confirms_forged.count();
            }
        }
        Ok(())
    }

    fn of_server(&mut self, frame: Frame, out: &mut Outgoing) -> Result<Flow, Garbled> {
        if self.cuts(&frame, Side::Client, out) {
            return Ok(Flow::End);
        }
        let method = frame.method()?;
        let number = frame.channel;
        let channel = self.channels.entry(number).or_default();
        match method {
            Some(Method::Ack { tag, multiple }) => {
                if !self.sabotaged.no_confirm && !self.faults.confirms.strike() {
                    answered(channel, &frame, (tag, multiple, true), out)?;
                }
            }
            Some(Method::Nack { tag, multiple }) => {
                if !self.sabotaged.no_confirm {
                    answered(channel, &frame, (tag, multiple, false), out)?;
                }
            }
            _ => {
                channel.pass(Side::Client, &frame, out)?;
            }
        }
        if let Some(Method::Deliver { tag }) = method
            && self.sabotaged.ack_first
            && channel.say(Side::Server, &Frame::answer(number, tag, true), out)
        {
            self.faults.acks_forged.count();
        }
        self.note_close(method, number);
        Ok(Flow::Continue)
    }

    /// Passes half of a frame with a body if it is to be cut there.
    fn cuts(&self, frame: &Frame, to: Side, out: &mut Outgoing) -> bool {
        let cuts = frame.kind == kind::BODY && self.faults.frames.strike();
        if cuts {
            let half = frame.bytes.get(..frame.bytes.len() / 2).unwrap_or_default();
            out.to(to).extend_from_slice(half);
        }
        cuts
    }

    /// After a close nothing is added: on its channel, or on any if it closes the connection.
    fn note_close(&mut self, method: Option<Method>, number: u16) {
        if method != Some(Method::Close) {
            return;
        }
        for (channel, state) in &mut self.channels {
            state.closed |= number == 0 || *channel == number;
        }
    }
}

/// Passes the broker's answer to publishes on, in the client's own numbers.
fn answered(
    channel: &mut Channel,
    frame: &Frame,
    (tag, multiple, taken): (u64, bool, bool),
    out: &mut Outgoing,
) -> Result<(), Garbled> {
    let Some(confirms) = &mut channel.confirms else {
        return channel.pass(Side::Client, frame, out).map(drop);
    };
    let verdicts = confirms.answer(tag, multiple, taken);
    if !confirms.differ() {
        return channel.pass(Side::Client, frame, out).map(drop);
    }
    for verdict in verdicts {
        let answer = Frame::answer(frame.channel, verdict.tag, verdict.taken);
        channel.pass(Side::Client, &answer, out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
