//! Frames and methods of AMQP 0-9-1, as far as the proxy has to tell them apart (specification
//! §2.3 and §4.2). Pure: bytes in, frames out. What is done with them is in `amqp.rs`.

use bytes::{Buf, BufMut, BytesMut};

use super::conversation::Garbled;

/// Type, channel and size.
const HEAD: usize = 7;
const FRAME_END: u8 = 0xCE;
/// RabbitMQ and lapin agree on 128 KiB a frame; whatever claims to be longer than this is no frame.
const LONGEST_PAYLOAD: usize = 1 << 20;

/// The types of frames (§4.2.3).
pub(super) mod kind {
    pub(in super::super) const METHOD: u8 = 1;
    pub(in super::super) const HEADER: u8 = 2;
    pub(in super::super) const BODY: u8 = 3;
    pub(in super::super) const HEARTBEAT: u8 = 8;
}

const BASIC: u16 = 60;
const BASIC_ACK: u16 = 80;
const BASIC_NACK: u16 = 120;

/// One whole frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) channel: u16,
    /// All of it, from its type to its end mark.
    pub(super) bytes: BytesMut,
}

/// A method, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    /// `channel.open`.
    Open,
    /// `channel.close` or `connection.close`: what comes after it is not listened to.
    Close,
    /// `confirm.select`.
    ConfirmSelect,
    /// `basic.publish`; its content follows.
    Publish,
    /// `basic.deliver`; its content follows.
    Deliver { tag: u64 },
    /// `basic.return` or `basic.get-ok`; its content follows.
    OtherContent,
    /// `basic.ack`.
    Ack { tag: u64, multiple: bool },
    /// `basic.nack`.
    Nack { tag: u64, multiple: bool },
    /// `basic.reject`.
    Reject,
    /// Any other.
    Other,
}

impl Frame {
    /// Takes a whole frame off the front; `None` if more has to come.
    ///
    /// # Errors
    /// [`Garbled`] if no frame begins there.
    pub(super) fn take(from: &mut BytesMut) -> Result<Option<Self>, Garbled> {
        let mut head: &[u8] = from;
        let (Ok(kind), Ok(channel), Ok(size)) =
            (head.try_get_u8(), head.try_get_u16(), head.try_get_u32())
        else {
            return Ok(None);
        };
        if !matches!(kind, kind::METHOD | kind::HEADER | kind::BODY | kind::HEARTBEAT) {
            return Err(Garbled("a frame of no known type"));
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if size > LONGEST_PAYLOAD {
            return Err(Garbled("a frame is too long"));
        }
        let whole = HEAD + size + 1;
        if from.len() < whole {
            return Ok(None);
        }
        let bytes = from.split_to(whole);
        if bytes.last() != Some(&FRAME_END) {
            return Err(Garbled("a frame without its end"));
        }
        Ok(Some(Self { kind, channel, bytes }))
    }

    /// A `basic.ack`, or a `basic.nack` that asks for nothing, of one tag.
    pub(super) fn answer(channel: u16, tag: u64, taken: bool) -> Self {
        let mut payload = BytesMut::new();
        payload.put_u16(BASIC);
        payload.put_u16(if taken { BASIC_ACK } else { BASIC_NACK });
        payload.put_u64(tag);
        payload.put_u8(0);
        Self::of(kind::METHOD, channel, &payload)
    }

    /// A frame around a payload.
    pub(super) fn of(kind: u8, channel: u16, payload: &[u8]) -> Self {
        let mut bytes = BytesMut::with_capacity(HEAD + payload.len() + 1);
        bytes.put_u8(kind);
        bytes.put_u16(channel);
        bytes.put_u32(u32::try_from(payload.len()).unwrap_or(u32::MAX));
        bytes.put_slice(payload);
        bytes.put_u8(FRAME_END);
        Self { kind, channel, bytes }
    }

    pub(super) fn payload(&self) -> &[u8] {
        self.bytes.get(HEAD..self.bytes.len() - 1).unwrap_or_default()
    }

    /// The method it carries; `None` if it is not a method frame.
    ///
    /// # Errors
    /// [`Garbled`] if its arguments are cut short.
    pub(super) fn method(&self) -> Result<Option<Method>, Garbled> {
        if self.kind != kind::METHOD {
            return Ok(None);
        }
        method(self.payload()).map(Some).ok_or(Garbled("a method is cut short"))
    }

    /// The size of the body that follows a content header.
    ///
    /// # Errors
    /// [`Garbled`] if the header is cut short.
    pub(super) fn body_size(&self) -> Result<u64, Garbled> {
        let mut rest = self.payload();
        let _class_and_weight = rest.try_get_u32();
        rest.try_get_u64().map_err(|_| Garbled("a content header is cut short"))
    }

    /// Clears the `mandatory` bit of a `basic.publish`; whether it was set.
    pub(super) fn clear_mandatory(&mut self) -> bool {
        let Some(at) = flags_of_publish(self.payload()) else { return false };
        let Some(flags) = self.bytes.get_mut(HEAD + at) else { return false };
        let set = *flags & 1 == 1;
        *flags &= !1;
        set
    }
}

fn method(mut rest: &[u8]) -> Option<Method> {
    let class = rest.try_get_u16().ok()?;
    let method = rest.try_get_u16().ok()?;
    Some(match (class, method) {
        (20, 10) => Method::Open,
        (20, 40) | (10, 50) => Method::Close,
        (85, 10) => Method::ConfirmSelect,
        (BASIC, 40) => Method::Publish,
        (BASIC, 50 | 71) => Method::OtherContent,
        (BASIC, 60) => {
            skip_text(&mut rest)?;
            Method::Deliver { tag: rest.try_get_u64().ok()? }
        }
        (BASIC, BASIC_ACK) => {
            let tag = rest.try_get_u64().ok()?;
            Method::Ack { tag, multiple: rest.try_get_u8().ok()? & 1 == 1 }
        }
        (BASIC, BASIC_NACK) => {
            let tag = rest.try_get_u64().ok()?;
            Method::Nack { tag, multiple: rest.try_get_u8().ok()? & 1 == 1 }
        }
        (BASIC, 90) => Method::Reject,
        _ => Method::Other,
    })
}

/// Where in the payload of a `basic.publish` its flags are: behind class, method, a reserved
/// number, exchange and routing key.
fn flags_of_publish(payload: &[u8]) -> Option<usize> {
    let mut rest = payload.get(6..)?;
    skip_text(&mut rest)?;
    skip_text(&mut rest)?;
    rest.first()?;
    Some(payload.len() - rest.len())
}

/// Skips a short string: one byte of length, then that many.
fn skip_text(rest: &mut &[u8]) -> Option<()> {
    let length = usize::from(rest.try_get_u8().ok()?);
    *rest = rest.get(length..)?;
    Some(())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn publish(channel: u16, flags: u8) -> Frame {
        let mut payload = vec![0, 60, 0, 40, 0, 0];
        payload.extend_from_slice(b"\x02ex\x03key");
        payload.push(flags);
        Frame::of(kind::METHOD, channel, &payload)
    }

    pub(in super::super) fn deliver(channel: u16, tag: u64) -> Frame {
        let mut payload = vec![0, 60, 0, 60];
        payload.extend_from_slice(b"\x03tag");
        payload.put_u64(tag);
        payload.extend_from_slice(b"\x00\x02ex\x03key");
        Frame::of(kind::METHOD, channel, &payload)
    }

    pub(in super::super) fn header(channel: u16, size: u64) -> Frame {
        let mut payload = vec![0, 60, 0, 0];
        payload.put_u64(size);
        payload.put_u16(0);
        Frame::of(kind::HEADER, channel, &payload)
    }

    pub(in super::super) fn body(channel: u16, text: &str) -> Frame {
        Frame::of(kind::BODY, channel, text.as_bytes())
    }

    pub(in super::super) fn bare(channel: u16, class: u16, method: u16) -> Frame {
        let mut payload = BytesMut::new();
        payload.put_u16(class);
        payload.put_u16(method);
        Frame::of(kind::METHOD, channel, &payload)
    }

    /// A `basic.ack` or `basic.nack` of all up to a tag.
    pub(in super::super) fn all_up_to(channel: u16, tag: u64, taken: bool) -> Frame {
        let mut frame = Frame::answer(channel, tag, taken);
        let multiple = frame.bytes.len() - 2;
        frame.bytes[multiple] = 1;
        frame
    }

    #[test]
    fn frames_are_taken_whole_wherever_the_bytes_were_split() {
        let frames = [publish(1, 1), header(1, 5), body(1, "hello"), Frame::answer(2, 7, true)];
        let stream: Vec<u8> = frames.iter().flat_map(|frame| frame.bytes.to_vec()).collect();
        for step in 1..stream.len() {
            let (mut buffer, mut taken) = (BytesMut::new(), Vec::new());
            for part in stream.chunks(step) {
                buffer.extend_from_slice(part);
                while let Some(frame) = Frame::take(&mut buffer).unwrap() {
                    taken.push(frame);
                }
            }
            assert_eq!(taken, frames, "in steps of {step}");
        }
    }

    #[test]
    fn what_is_no_frame_is_told() {
        let mut unknown = BytesMut::from(&b"HTTP/1.1 400 Bad Request"[..]);
        assert!(Frame::take(&mut unknown).is_err());
        let mut unended = Frame::answer(1, 1, true).bytes;
        *unended.last_mut().unwrap() = 0;
        assert!(Frame::take(&mut unended).is_err());
        let mut endless = BytesMut::from(&[kind::BODY, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF][..]);
        assert!(Frame::take(&mut endless).is_err());
    }

    #[test]
    fn methods_are_told_apart() {
        let read = |frame: Frame| frame.method().unwrap().unwrap();
        assert_eq!(read(bare(1, 20, 10)), Method::Open);
        assert_eq!(read(bare(1, 20, 40)), Method::Close);
        assert_eq!(read(bare(0, 10, 50)), Method::Close);
        assert_eq!(read(bare(1, 85, 10)), Method::ConfirmSelect);
        assert_eq!(read(publish(1, 1)), Method::Publish);
        assert_eq!(read(deliver(1, 1 << 40)), Method::Deliver { tag: 1 << 40 });
        assert_eq!(read(bare(1, 60, 50)), Method::OtherContent);
        assert_eq!(read(Frame::answer(1, 9, true)), Method::Ack { tag: 9, multiple: false });
        assert_eq!(read(Frame::answer(1, 9, false)), Method::Nack { tag: 9, multiple: false });
        assert_eq!(read(all_up_to(1, 9, true)), Method::Ack { tag: 9, multiple: true });
        assert_eq!(read(bare(1, 60, 90)), Method::Reject);
        assert_eq!(read(bare(1, 50, 10)), Method::Other);
        assert_eq!(body(1, "x").method().unwrap(), None);
        assert!(bare(1, 60, 80).method().is_err());
    }

    #[test]
    fn only_the_mandatory_bit_is_cleared() {
        let mut frame = publish(1, 0b11);
        assert!(frame.clear_mandatory());
        assert_eq!(frame, publish(1, 0b10));
        assert!(!frame.clear_mandatory());
    }
}
