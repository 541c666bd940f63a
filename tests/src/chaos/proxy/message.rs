//! The messages of Postgres' protocol, as far as the proxy has to tell them apart ("Message
//! Formats" in Postgres' manual, chapter "Frontend/Backend Protocol"). Pure: bytes in, pieces out.
//! What is done with them is in `postgres.rs`.

use bytes::{Buf, BytesMut};

use super::conversation::Garbled;

/// A type and a length; the length counts itself but not the type.
const HEAD: usize = 5;
const LENGTH: usize = 4;
/// Messages up to this long are handed out whole, so that the few that are read can be read.
const WHOLE: usize = 64;
/// Postgres refuses longer ones (`MAX_STARTUP_PACKET_LENGTH`).
const LONGEST_OPENING: usize = 10_000;

/// What a client says before anything else.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// It asks for encryption: the server answers one byte.
    Encryption,
    /// A connection begins, under this application name.
    Startup { application_name: String },
    /// It only wants another connection's statement cancelled.
    Cancel,
}

/// Takes the first packet of a connection off the front; `None` if more has to come.
///
/// # Errors
/// [`Garbled`] if it is of no known kind.
pub(super) fn opening(from: &mut BytesMut) -> Result<Option<(Opening, BytesMut)>, Garbled> {
    let mut head: &[u8] = from;
    let (Ok(length), Ok(code)) = (head.try_get_u32(), head.try_get_u32()) else { return Ok(None) };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if !(2 * LENGTH..=LONGEST_OPENING).contains(&length) {
        return Err(Garbled("a first packet of no possible length"));
    }
    if from.len() < length {
        return Ok(None);
    }
    let packet = from.split_to(length);
    let opening = match code {
        80_877_103 | 80_877_104 => Opening::Encryption,
        80_877_102 => Opening::Cancel,
        // Version 3, whatever its minor number.
        version if version >> 16 == 3 => {
            let parameters = packet.get(2 * LENGTH..).unwrap_or_default();
            Opening::Startup { application_name: application_name(parameters) }
        }
        _ => return Err(Garbled("a first packet of no known kind")),
    };
    Ok(Some((opening, packet)))
}

/// The parameters are names and values in turn, each ended by a zero.
fn application_name(parameters: &[u8]) -> String {
    let mut texts = parameters.split(|byte| *byte == 0);
    while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
        if name == b"application_name" {
            return String::from_utf8_lossy(value).into_owned();
        }
    }
    String::new()
}

/// A message or a part of a long one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// The message's type, if the message begins here.
    pub(super) begins: Option<u8>,
    pub(super) bytes: BytesMut,
}

/// Cuts a stream of typed messages into pieces; at most a short message is kept waiting.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    pub(super) rest: BytesMut,
    /// How much of the message is still to come.
    left: usize,
}

impl Pieces {
    /// The next piece; `None` if more has to come.
    ///
    /// # Errors
    /// [`Garbled`] if no message begins there.
    pub(super) fn take(&mut self) -> Result<Option<Piece>, Garbled> {
        let mut begins = None;
        if self.left == 0 {
            let mut head: &[u8] = &self.rest;
            let (Ok(kind), Ok(length)) = (head.try_get_u8(), head.try_get_u32()) else {
                return Ok(None);
            };
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            if length < LENGTH {
                return Err(Garbled("a message shorter than its own length"));
            }
            let whole = length.saturating_add(HEAD - LENGTH);
            if whole <= WHOLE && self.rest.len() < whole {
                return Ok(None);
            }
            (begins, self.left) = (Some(kind), whole);
        } else if self.rest.is_empty() {
            return Ok(None);
        }
        let bytes = self.rest.split_to(self.left.min(self.rest.len()));
        self.left -= bytes.len();
        Ok(Some(Piece { begins, bytes }))
    }
}

#[cfg(test)]
pub(super) mod tests {
    use bytes::BufMut;

    use super::*;

    pub(in super::super) fn message(kind: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind];
        bytes.put_u32(u32::try_from(content.len() + LENGTH).unwrap());
        bytes.put_slice(content);
        bytes
    }

    pub(in super::super) fn packet(code: u32, content: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.put_u32(u32::try_from(content.len() + 2 * LENGTH).unwrap());
        bytes.put_u32(code);
        bytes.put_slice(content);
        bytes
    }

    #[test]
    fn a_startup_packet_tells_the_name_of_the_application() {
        let parameters = b"user\0application_name\0application_name\0ticketing writer links\0\0";
        let bytes = packet(196_608, parameters);
        let mut parts = BytesMut::from(&bytes[..20]);
        assert_eq!(opening(&mut parts).unwrap(), None);
        parts.extend_from_slice(&bytes[20..]);
        let (what, passed) = opening(&mut parts).unwrap().unwrap();
        assert_eq!(what, Opening::Startup { application_name: "ticketing writer links".into() });
        assert_eq!((&passed[..], parts.len()), (&bytes[..], 0));
    }

    #[test]
    fn other_first_packets_are_told_apart() {
        let what = |bytes: Vec<u8>| opening(&mut BytesMut::from(&bytes[..])).map(|o| o.unwrap().0);
        assert_eq!(what(packet(80_877_103, b"")).unwrap(), Opening::Encryption);
        assert_eq!(what(packet(80_877_102, &[0; 8])).unwrap(), Opening::Cancel);
        let unnamed = Opening::Startup { application_name: String::new() };
        assert_eq!(what(packet(196_608, b"user\0me\0\0")).unwrap(), unnamed);
        assert!(what(packet(1_234, b"")).is_err());
        assert!(what(b"GET / HTTP/1.1".to_vec()).is_err());
    }

    #[test]
    fn messages_come_in_pieces_wherever_the_bytes_were_split() {
        let long = message(b'D', &[7; 500]);
        let stream = [message(b'Z', b"I"), long, message(b'C', b"SELECT 1\0")].concat();
        for step in 1..stream.len() {
            let (mut pieces, mut begun, mut passed) = (Pieces::default(), vec![], vec![]);
            for part in stream.chunks(step) {
                pieces.rest.extend_from_slice(part);
                while let Some(piece) = pieces.take().unwrap() {
                    begun.extend(piece.begins);
                    passed.extend_from_slice(&piece.bytes);
                }
                assert!(pieces.rest.len() < WHOLE, "in steps of {step}");
            }
            assert_eq!((begun, &passed), (b"ZDC".to_vec(), &stream), "in steps of {step}");
        }
    }
}
