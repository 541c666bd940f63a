//! What every protocol does with the bytes that pass: it reads them from one side and says what the
//! other hears. No sockets here, so that each protocol is tested as a function.

use std::sync::Arc;

use bytes::BytesMut;

use super::amqp::Amqp;
use super::faults::Faults;
use super::postgres::Postgres;

/// Which protocol a proxy understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// AMQP 0-9-1.
    Amqp,
    /// The frontend/backend protocol of Postgres, version 3, without TLS.
    Postgres,
}

/// The two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// What is to be sent to each side. Its size is bounded by whoever reads: see `connection.rs`.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    pub(super) to_client: BytesMut,
    pub(super) to_server: BytesMut,
}

impl Outgoing {
    pub(super) fn to(&mut self, side: Side) -> &mut BytesMut {
        match side {
            Side::Client => &mut self.to_client,
            Side::Server => &mut self.to_server,
        }
    }
}

/// How a conversation goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Continue,
    /// What is to be sent is sent, then both sides are hung up on.
    End,
}

/// What passed is not the protocol: in what way.
#[derive(Debug)]
pub(super) struct Garbled(pub(super) &'static str);

/// One connection's conversation.
pub(super) enum Conversation {
    Amqp(Box<Amqp>),
    Postgres(Postgres),
}

impl Conversation {
    pub(super) fn begin(protocol: Protocol, faults: Arc<Faults>) -> Self {
        match protocol {
            Protocol::Amqp => Self::Amqp(Box::new(Amqp::new(faults))),
            Protocol::Postgres => Self::Postgres(Postgres::new(faults)),
        }
    }

    /// Takes what `side` said.
    ///
    /// # Errors
    /// [`Garbled`] if it can not be read; the connection has to end.
    pub(super) fn hear(
        &mut self,
        side: Side,
        bytes: &[u8],
        out: &mut Outgoing,
    ) -> Result<Flow, Garbled> {
        match self {
            Self::Amqp(amqp) => amqp.hear(side, bytes, out),
            Self::Postgres(postgres) => postgres.hear(side, bytes, out),
        }
    }
}
