//! One AMQP channel as the proxy sees it: where in a message each direction is, and what was put
//! aside until that message is over.
//!
//! A method, its header and its body are consecutive on their channel (§4.2.6): what the proxy
//! adds may stand before or behind them, never between. Not here: which frames are added or
//! dropped.

use bytes::BytesMut;

use super::confirms::Confirms;
use super::conversation::{Garbled, Outgoing, Side};
use super::frame::{Frame, Method, kind};

/// The longest message that is kept to be sent again.
const LONGEST_KEPT: usize = 1 << 20;

/// One channel, from its opening on.
#[derive(Debug, Default)]
pub(super) struct Channel {
    /// One side has closed it: nothing may be added any more.
    pub(super) closed: bool,
    /// The client asked for confirms: this is their book.
    pub(super) confirms: Option<Confirms>,
    upward: Content,
    downward: Content,
}

/// Where in a message one direction is.
#[derive(Debug, Default)]
struct Content {
    expected: Expected,
    /// The message so far, if it is to be sent again.
    kept: Option<BytesMut>,
    /// What the proxy says in this direction once the message is over.
    aside: BytesMut,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Expected {
    #[default]
    Nothing,
    Header,
    Body(u64),
}

impl Channel {
    fn content(&mut self, to: Side) -> &mut Content {
        match to {
            Side::Client => &mut self.downward,
            Side::Server => &mut self.upward,
        }
    }

    /// The client begins a message that is to be repeated.
    pub(super) fn keep_publish(&mut self) {
        self.upward.kept = Some(BytesMut::new());
    }

    /// Passes a frame on; whether a message is complete with it.
    pub(super) fn pass(
        &mut self,
        to: Side,
        frame: &Frame,
        out: &mut Outgoing,
    ) -> Result<bool, Garbled> {
        let content = self.content(to);
        out.to(to).extend_from_slice(&frame.bytes);
        if let Some(kept) = &mut content.kept {
            kept.extend_from_slice(&frame.bytes);
            if kept.len() > LONGEST_KEPT {
                content.kept = None;
            }
        }
        let before = content.expected;
        content.expected = before.after(frame)?;
        // A method in place of the rest breaks the message off.
        let complete = frame.kind != kind::METHOD
            && before != Expected::Nothing
            && content.expected == Expected::Nothing;
        if complete {
            out.to(to).unsplit(content.aside.split());
        }
        Ok(complete)
    }

    /// Says something of the proxy's own: at once, or when the message that passes is over. False
    /// if nobody listens any more.
    pub(super) fn say(&mut self, to: Side, frame: &Frame, out: &mut Outgoing) -> bool {
        if self.closed {
            return false;
        }
        let content = self.content(to);
        let way = match content.expected {
            Expected::Nothing => out.to(to),
            Expected::Header | Expected::Body(_) => &mut content.aside,
        };
        way.extend_from_slice(&frame.bytes);
        true
    }

    /// The message that is complete, if it was kept.
    pub(super) fn kept_publish(&mut self) -> Option<BytesMut> {
        self.upward.kept.take()
    }
}

impl Expected {
    fn after(self, frame: &Frame) -> Result<Self, Garbled> {
        let body = |left| if left == 0 { Self::Nothing } else { Self::Body(left) };
        match (self, frame.kind) {
            (Self::Header, kind::HEADER) => Ok(body(frame.body_size()?)),
            (Self::Body(left), kind::BODY) => {
                let now = u64::try_from(frame.payload().len()).unwrap_or(u64::MAX);
                left.checked_sub(now).map(body).ok_or(Garbled("a body is longer than announced"))
            }
            // A method in place of the rest: only the end of the channel or connection may do that.
            (_, kind::METHOD) => Ok(match frame.method()? {
                Some(Method::Publish | Method::Deliver { .. } | Method::OtherContent) => {
                    Self::Header
                }
                _ => Self::Nothing,
            }),
            (_, kind::HEARTBEAT) => Ok(self),
            _ => Err(Garbled("a content frame without its method")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::frame::tests::{bare, body, deliver, header};
    use super::*;

    #[test]
    fn what_the_proxy_says_never_stands_inside_a_message() {
        let (mut channel, mut out) = (Channel::default(), Outgoing::default());
        let message = [deliver(1, 1), header(1, 4), body(1, "ab"), body(1, "cd")];
        let own = Frame::answer(1, 9, true);
        let mut expected = BytesMut::new();
        for (number, frame) in message.iter().enumerate() {
            let complete = channel.pass(Side::Client, frame, &mut out).unwrap();
            assert_eq!(complete, number + 1 == message.len());
            if !complete {
                assert!(channel.say(Side::Client, &own, &mut out));
            }
            expected.extend_from_slice(&frame.bytes);
        }
        (1..message.len()).for_each(|_| expected.extend_from_slice(&own.bytes));
        channel.say(Side::Client, &own, &mut out);
        expected.extend_from_slice(&own.bytes);
        assert_eq!(out.to_client, expected);
        assert!(out.to_server.is_empty());
    }

    #[test]
    fn a_message_without_a_body_is_over_with_its_header() {
        let (mut channel, mut out) = (Channel::default(), Outgoing::default());
        assert!(!channel.pass(Side::Client, &deliver(1, 1), &mut out).unwrap());
        assert!(channel.pass(Side::Client, &header(1, 0), &mut out).unwrap());
    }

    #[test]
    fn nothing_is_said_on_a_closed_channel() {
        let (mut channel, mut out) = (Channel::default(), Outgoing::default());
        channel.closed = true;
        assert!(!channel.say(Side::Server, &Frame::answer(1, 1, true), &mut out));
        assert!(out.to_server.is_empty());
    }

    #[test]
    fn content_out_of_place_is_garbled() {
        let (mut channel, mut out) = (Channel::default(), Outgoing::default());
        assert!(channel.pass(Side::Client, &body(1, "x"), &mut out).is_err());
        let mut channel = Channel::default();
        channel.pass(Side::Client, &deliver(1, 1), &mut out).unwrap();
        channel.pass(Side::Client, &header(1, 1), &mut out).unwrap();
        assert!(channel.pass(Side::Client, &body(1, "xy"), &mut out).is_err());
    }

    #[test]
    fn a_message_broken_off_by_a_close_is_not_complete() {
        let (mut channel, mut out) = (Channel::default(), Outgoing::default());
        assert!(!channel.pass(Side::Client, &deliver(1, 1), &mut out).unwrap());
        assert!(!channel.pass(Side::Client, &bare(1, 20, 40), &mut out).unwrap());
    }
}
