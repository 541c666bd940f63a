//! What every request carries: its id, its place in a trace, who sent it from where. Made once at
//! the edge, read by whoever needs it. Not here: what a caller may do.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use poem::{FromRequest, Request, RequestBody};
use uuid::Uuid;

use super::client_address::ClientAddress;
use crate::accounts::Caller;
use crate::platform::append::Origin;

/// The header that names a request, in and out.
pub const X_REQUEST_ID: &str = "x-request-id";
/// The header of W3C Trace Context.
pub const TRACEPARENT: &str = "traceparent";
/// A longer request id is replaced by one of ours.
const MAX_REQUEST_ID: usize = 128;

/// What is known of a request before anything of it is decided. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Context {
    /// Names this request in answers and logs.
    pub request_id: RequestId,
    /// Names everything that follows from this request: the request id, if that is a UUID, or made
    /// from it.
    pub correlation: Uuid,
    /// Where this request stands in a trace; hand it on as `traceparent`.
    pub trace: TraceParent,
    /// Whose request it is by address.
    pub client: ClientAddress,
    /// Who is logged in, verified; nobody on routes that take no credentials.
    pub(super) caller: Option<Caller>,
}

impl Context {
    /// Reads the headers; what is missing or malformed is made.
    pub fn read(headers: &HeaderMap, client: ClientAddress) -> Self {
        let request_id = RequestId::read(headers);
        let correlation = request_id.as_uuid();
        let trace = headers
            .get(TRACEPARENT)
            .and_then(|value| value.to_str().ok()?.parse().ok())
            .unwrap_or(TraceParent { trace: correlation.as_u128(), parent: 0, sampled: false })
            .child();
        Self { request_id, correlation, trace, client, caller: None }
    }
}

impl Context {
    /// Where what follows from this request comes from.
    pub fn origin(&self) -> Origin {
        Origin {
            correlation: self.correlation,
            causation: None,
            traceparent: Some(self.trace.to_string()),
        }
    }
}

impl<'a> FromRequest<'a> for Context {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let missing = || poem::error::GetDataError("Context");
        Ok(request.extensions().get::<Self>().cloned().ok_or_else(missing)?)
    }
}

/// The id of a request: the client's own, if it is fit to be logged, or a new UUID (v7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestId {
    /// Made here.
    Made(Uuid),
    /// Sent by the client: at most 128 letters, digits and `-._~`.
    Given(Arc<str>),
}

impl RequestId {
    fn read(headers: &HeaderMap) -> Self {
        let fit = |text: &&str| {
            (1..=MAX_REQUEST_ID).contains(&text.len())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
        };
        match headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok()).filter(fit) {
            Some(text) => Self::Given(text.into()),
            None => Self::Made(Uuid::now_v7()),
        }
    }

    fn as_uuid(&self) -> Uuid {
        match self {
            Self::Made(id) => *id,
            Self::Given(text) => Uuid::parse_str(text)
                .unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes())),
        }
    }

    /// The id as a header.
    pub fn to_header(&self) -> HeaderValue {
        let made = match self {
            Self::Made(id) => {
                HeaderValue::from_str(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
            }
            Self::Given(text) => HeaderValue::from_str(text),
        };
        made.unwrap_or(HeaderValue::from_static("unknown"))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Made(id) => id.fmt(f),
            Self::Given(text) => f.write_str(text),
        }
    }
}

/// A place in a trace, in the form of W3C Trace Context, version 00.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace; never zero.
    pub trace: u128,
    /// The span that did the work; what follows from it names it as parent.
    pub parent: u64,
    /// Whether the one who started the trace records it.
    pub sampled: bool,
}

impl TraceParent {
    /// A new span of the same trace.
    fn child(self) -> Self {
        let (random, _) = Uuid::new_v4().as_u64_pair();
        Self { parent: random, ..self }
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.parent, u8::from(self.sampled))
    }
}

/// The text is not a `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MalformedTraceParent;

impl FromStr for TraceParent {
    type Err = MalformedTraceParent;

    /// Reads version 00, and of later versions what version 00 defines (Trace Context, section
    /// 3.2.4).
    fn from_str(text: &str) -> Result<Self, MalformedTraceParent> {
        let read = || {
            let mut parts = text.split('-');
            let version = hex(parts.next()?, 2)?;
            let trace = hex(parts.next()?, 32).filter(|trace| *trace != 0)?;
            let parent = u64::try_from(hex(parts.next()?, 16)?).ok().filter(|p| *p != 0)?;
            let flags = hex(parts.next()?, 2)?;
            let known = version < 0xff && (version > 0 || parts.next().is_none());
            known.then_some(Self { trace, parent, sampled: flags & 1 == 1 })
        };
        read().ok_or(MalformedTraceParent)
    }
}

fn hex(text: &str, digits: usize) -> Option<u128> {
    let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (text.len() == digits && text.bytes().all(lower))
        .then(|| u128::from_str_radix(text, 16).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(headers: &[(&'static str, &str)]) -> Context {
        let map = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        });
        Context::read(&map.collect(), ClientAddress::UNKNOWN)
    }

    #[test]
    fn a_request_without_an_id_gets_one_that_also_names_its_trace() {
        let made = context(&[]);
        assert_eq!(made.request_id, RequestId::Made(made.correlation));
        assert_eq!(made.correlation.get_version_num(), 7);
        assert_eq!(made.trace.trace, made.correlation.as_u128());
        assert_ne!(made.trace.parent, 0);
    }

    #[test]
    fn an_id_of_the_client_is_kept_if_it_is_fit_to_be_logged() {
        let id = "0198c0de-0000-7000-8000-000000000001";
        let given = context(&[(X_REQUEST_ID, id)]);
        assert_eq!(given.request_id.to_string(), id);
        assert_eq!(given.correlation.to_string(), id);

        let named = context(&[(X_REQUEST_ID, "order-17")]);
        assert_eq!(named.request_id.to_header(), "order-17");
        assert_eq!(named.correlation, context(&[(X_REQUEST_ID, "order-17")]).correlation);

        for unfit in ["", "two words", "a\"b", &"x".repeat(129)] {
            let made = context(&[(X_REQUEST_ID, unfit)]);
            assert!(matches!(made.request_id, RequestId::Made(_)), "{unfit:?} was taken");
        }
    }

    #[test]
    fn a_trace_is_continued_with_a_span_of_its_own() {
        let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let trace = context(&[(TRACEPARENT, parent)]).trace;
        assert_eq!(trace.trace, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_ne!(trace.parent, 0x00f0_67aa_0ba9_02b7);
        assert!(trace.sampled);
        assert_eq!(trace.to_string().len(), parent.len());
        assert_eq!(trace.to_string().parse(), Ok(trace));
    }

    #[test]
    fn a_malformed_trace_is_replaced() {
        for malformed in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(malformed.parse::<TraceParent>(), Err(MalformedTraceParent), "{malformed}");
        }
    }
}
