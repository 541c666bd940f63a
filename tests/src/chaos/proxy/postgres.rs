//! A conversation with Postgres: everything passes as it is, except an answer that is to be lost.
//!
//! An answer ends with ReadyForQuery, which Postgres sends after the commit. On a writer's
//! connection the answer to an executed statement is put aside until then, so that it is lost as a
//! whole or not at all. That delays nothing: Postgres itself sends it off only at its end. Not
//! here: what a message is (`message.rs`).

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::BytesMut;

use super::conversation::{Flow, Garbled, Outgoing, Side};
use super::faults::Faults;
use super::message::{Opening, Piece, Pieces, opening};

/// What the application name of a connection begins with whose answers can be lost.
const WRITER: &str = "ticketing writer";
/// A longer answer passes as it comes; of it only the end can be lost.
const LONGEST_ANSWER: usize = 256 * 1024;

/// The types of messages that matter here.
mod kind {
    pub(super) const EXECUTE: u8 = b'E';
    pub(super) const QUERY: u8 = b'Q';
    pub(super) const CALL: u8 = b'F';
    pub(super) const SYNC: u8 = b'S';
    pub(super) const ERROR: u8 = b'E';
    pub(super) const READY: u8 = b'Z';
    /// In ReadyForQuery: no transaction is open.
    pub(super) const IDLE: u8 = b'I';
}

/// One connection's conversation.
pub(super) struct Postgres {
    faults: Arc<Faults>,
    stage: Stage,
    is_writer: bool,
    client: Pieces,
    server: Pieces,
    /// The client has had something executed since its last Sync.
    executed: bool,
    /// For each answer that is to come, in order: whether something is executed for it.
    answers: VecDeque<bool>,
    /// The present answer so far.
    aside: BytesMut,
    /// It reports an error.
    failed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The client's first packet is to come.
    Opening,
    /// The server's byte that says whether it encrypts is to come.
    Encryption,
    /// Typed messages in both directions.
    Messages,
    /// Nothing that is read: encrypted, or a request to cancel.
    Opaque,
}

impl Postgres {
    pub(super) fn new(faults: Arc<Faults>) -> Self {
        Self {
            faults,
            stage: Stage::Opening,
            is_writer: false,
            client: Pieces::default(),
            server: Pieces::default(),
            executed: false,
            // The first one comes after the startup packet, unasked.
            answers: VecDeque::from([false]),
            aside: BytesMut::new(),
            failed: false,
        }
    }

    pub(super) fn hear(
        &mut self,
        side: Side,
        bytes: &[u8],
        out: &mut Outgoing,
    ) -> Result<Flow, Garbled> {
        match side {
            Side::Client => {
                self.client.rest.extend_from_slice(bytes);
                self.of_client(out)?;
                Ok(Flow::Continue)
            }
            Side::Server => {
                self.server.rest.extend_from_slice(bytes);
                self.of_server(out)
            }
        }
    }

    fn of_client(&mut self, out: &mut Outgoing) -> Result<(), Garbled> {
        if self.stage == Stage::Opening {
            let Some((opening, packet)) = opening(&mut self.client.rest)? else { return Ok(()) };
            out.to_server.unsplit(packet);
            self.stage = match opening {
                Opening::Encryption => Stage::Encryption,
                Opening::Cancel => Stage::Opaque,
                Opening::Startup { application_name } => {
                    self.is_writer = application_name.starts_with(WRITER);
                    Stage::Messages
                }
            };
        }
        match self.stage {
            Stage::Opening => return Ok(()),
            Stage::Encryption if self.client.rest.is_empty() => return Ok(()),
            Stage::Encryption => return Err(Garbled("the answer about encryption not awaited")),
            Stage::Opaque => out.to_server.unsplit(self.client.rest.split()),
            Stage::Messages => {}
        }
        while let Some(piece) = self.client.take()? {
            match piece.begins {
                Some(kind::EXECUTE) => self.executed = true,
                Some(kind::QUERY | kind::CALL) => self.answers.push_back(true),
                Some(kind::SYNC) => self.answers.push_back(std::mem::take(&mut self.executed)),
                _ => {}
            }
            out.to_server.unsplit(piece.bytes);
        }
        Ok(())
    }

    fn of_server(&mut self, out: &mut Outgoing) -> Result<Flow, Garbled> {
        match self.stage {
            Stage::Encryption => {
                let answer = self.server.rest.split();
                // Otherwise the client begins once more, in clear.
                let encrypts = answer.first() == Some(&b'S');
                self.stage = if encrypts { Stage::Opaque } else { Stage::Opening };
                out.to_client.unsplit(answer);
                return Ok(Flow::Continue);
            }
            Stage::Opening | Stage::Opaque => {
                out.to_client.unsplit(self.server.rest.split());
                return Ok(Flow::Continue);
            }
            Stage::Messages => {}
        }
        while let Some(piece) = self.server.take()? {
            if piece.begins == Some(kind::READY) {
                if self.loses(&piece) {
                    self.aside.clear();
                    return Ok(Flow::End);
                }
                self.failed = false;
                out.to_client.unsplit(self.aside.split());
                out.to_client.unsplit(piece.bytes);
                continue;
            }
            self.failed |= piece.begins == Some(kind::ERROR);
            self.aside.unsplit(piece.bytes);
            if !self.answers_a_writer() || self.aside.len() > LONGEST_ANSWER {
                out.to_client.unsplit(self.aside.split());
            }
        }
        Ok(Flow::Continue)
    }

    fn answers_a_writer(&self) -> bool {
        self.is_writer && self.answers.front() == Some(&true)
    }

    /// Whether the answer that ends here is to be lost: then what was asked for is committed.
    fn loses(&mut self, ready: &Piece) -> bool {
        let of_writer = self.answers_a_writer();
        self.answers.pop_front();
        let committed = !self.failed && ready.bytes.last() == Some(&kind::IDLE);
        of_writer && committed && self.faults.commit_replies.strike()
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::tests::{message, packet};
    use super::*;

    const APPLICATION: &str = "ticketing writer links";

    fn begun(application: &str) -> (Postgres, Outgoing) {
        let (mut postgres, mut out) = (Postgres::new(Arc::default()), Outgoing::default());
        let parameters = format!("user\0me\0application_name\0{application}\0\0");
        hear(&mut postgres, Side::Client, &packet(196_608, parameters.as_bytes()), &mut out);
        hear(&mut postgres, Side::Server, &message(b'R', &[0; 4]), &mut out);
        hear(&mut postgres, Side::Server, &ready(b"I"), &mut out);
        (postgres, Outgoing::default())
    }

    fn hear(postgres: &mut Postgres, side: Side, bytes: &[u8], out: &mut Outgoing) -> Flow {
        postgres.hear(side, bytes, out).unwrap()
    }

    fn ready(status: &[u8]) -> Vec<u8> {
        message(b'Z', status)
    }

    fn execute() -> Vec<u8> {
        let bind = message(b'B', &[1; 300]);
        [bind, message(b'E', &[0; 5]), message(b'S', b"")].concat()
    }

    fn prepare() -> Vec<u8> {
        [message(b'P', b"s0\0select 1\0\0\0"), message(b'S', b"")].concat()
    }

    fn rows() -> Vec<u8> {
        [message(b'2', b""), message(b'D', &[3; 100]), message(b'C', b"SELECT 1\0")].concat()
    }

    #[test]
    fn the_answer_to_a_commit_is_lost_as_a_whole_and_the_connection_ends() {
        let answer = [rows(), ready(b"I")].concat();
        for step in 1..=answer.len() {
            let (mut postgres, mut out) = begun(APPLICATION);
            postgres.faults.commit_replies.plan(1);
            hear(&mut postgres, Side::Client, &execute(), &mut out);
            assert_eq!(out.to_server, execute());
            let mut parts = answer.chunks(step).peekable();
            while let Some(part) = parts.next() {
                let flow = hear(&mut postgres, Side::Server, part, &mut out);
                assert_eq!(flow == Flow::End, parts.peek().is_none());
            }
            assert!(out.to_client.is_empty(), "in steps of {step}");
            assert_eq!(postgres.faults.fired().commit_replies_lost, 1);
        }
    }

    #[test]
    fn without_a_plan_every_answer_passes() {
        let (mut postgres, mut out) = begun(APPLICATION);
        hear(&mut postgres, Side::Client, &execute(), &mut out);
        let answer = [rows(), ready(b"I")].concat();
        assert_eq!(hear(&mut postgres, Side::Server, &answer, &mut out), Flow::Continue);
        assert_eq!(out.to_client, answer);
    }

    #[test]
    fn what_committed_nothing_is_not_lost() {
        let refused = [message(b'E', b"SERROR\0\0"), ready(b"I")].concat();
        let unfinished = [rows(), ready(b"T")].concat();
        for (asked, answer) in
            [(prepare(), ready(b"I")), (execute(), refused), (execute(), unfinished)]
        {
            let (mut postgres, mut out) = begun(APPLICATION);
            postgres.faults.commit_replies.plan(1);
            hear(&mut postgres, Side::Client, &asked, &mut out);
            assert_eq!(hear(&mut postgres, Side::Server, &answer, &mut out), Flow::Continue);
            assert_eq!(out.to_client, answer);
            assert_eq!(postgres.faults.fired().commit_replies_lost, 0);
        }
    }

    #[test]
    fn only_a_writer_loses_answers() {
        let (mut postgres, mut out) = begun("ticketing relay links");
        postgres.faults.commit_replies.plan(1);
        hear(&mut postgres, Side::Client, &execute(), &mut out);
        assert_eq!(hear(&mut postgres, Side::Server, &ready(b"I"), &mut out), Flow::Continue);
    }

    #[test]
    fn of_several_asked_at_once_the_executed_one_is_lost() {
        let (mut postgres, mut out) = begun(APPLICATION);
        postgres.faults.commit_replies.plan(1);
        hear(&mut postgres, Side::Client, &[prepare(), execute()].concat(), &mut out);
        let answers = [message(b'1', b""), ready(b"I"), rows(), ready(b"I")].concat();
        assert_eq!(hear(&mut postgres, Side::Server, &answers, &mut out), Flow::End);
        assert_eq!(out.to_client, [message(b'1', b""), ready(b"I")].concat());
    }

    #[test]
    fn an_answer_too_long_to_put_aside_passes_but_for_its_end() {
        let (mut postgres, mut out) = begun(APPLICATION);
        postgres.faults.commit_replies.plan(1);
        hear(&mut postgres, Side::Client, &execute(), &mut out);
        let long = message(b'D', &vec![3; LONGEST_ANSWER]);
        hear(&mut postgres, Side::Server, &long, &mut out);
        assert_eq!(out.to_client, long);
        assert_eq!(hear(&mut postgres, Side::Server, &ready(b"I"), &mut out), Flow::End);
        assert_eq!(out.to_client, long);
    }

    #[test]
    fn a_refused_encryption_is_followed_by_a_start_in_clear() {
        let (mut postgres, mut out) = (Postgres::new(Arc::default()), Outgoing::default());
        hear(&mut postgres, Side::Client, &packet(80_877_103, b""), &mut out);
        hear(&mut postgres, Side::Server, b"N", &mut out);
        assert_eq!(&out.to_client[..], b"N");
        let start = packet(196_608, b"application_name\0ticketing writer x\0\0");
        hear(&mut postgres, Side::Client, &start, &mut out);
        assert!(postgres.is_writer);
    }
}
