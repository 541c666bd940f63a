//! A lean HTTP/1.1 client for load: one kept connection, requests written from bytes made
//! beforehand. It knows only what the services answer (`Content-Length`, no chunks), so that on a
//! machine of few cores the load is mostly the server's.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Nothing is answered later than this, or something is wrong.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// Longer answers than this are not expected unless it is said.
const LONGEST_ANSWER: usize = 64 * 1024;
const FIRST_CAPACITY: usize = 4 * 1024;
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// The bytes of a GET, with a Bearer token or without.
pub fn get(path: &str, token: Option<&str>) -> Bytes {
    let authorization = authorization(token);
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{authorization}\r\n").into()
}

/// The bytes of a POST of a JSON document, with a Bearer token or without.
pub fn post(path: &str, token: Option<&str>, body: &Value) -> Bytes {
    let body = body.to_string();
    let (length, authorization) = (body.len(), authorization(token));
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n{authorization}\r\n{body}"
    )
    .into()
}

/// The bytes of a GET of what may not have changed since it had this entity tag.
pub fn get_unless(path: &str, token: &str, etag: &str) -> Bytes {
    let authorization = authorization(Some(token));
    format!(
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nif-none-match: {etag}\r\n{authorization}\r\n"
    )
    .into()
}

/// The bytes of a PUT without a body.
pub fn put(path: &str, token: &str) -> Bytes {
    let authorization = authorization(Some(token));
    format!("PUT {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n{authorization}\r\n")
        .into()
}

fn authorization(token: Option<&str>) -> String {
    token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default()
}

/// An answer; valid until the connection's next call.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    /// The lines above the body.
    pub head: &'a str,
    /// The body as text.
    pub body: &'a str,
}

impl<'a> Answer<'a> {
    /// The text member `name` of the body, a JSON object without escapes in that member.
    pub fn member(&self, name: &str) -> Option<&'a str> {
        let from = self.body.find(&format!("\"{name}\":\""))? + name.len() + 4;
        let rest = self.body.get(from..)?;
        rest.get(..rest.find('"')?)
    }

    /// A header.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        header(self.head, name)
    }

    /// Itself if it has this status.
    ///
    /// # Errors
    /// If it has another, with its body.
    pub fn expect(self, status: u16) -> Result<Self> {
        if self.status != status {
            bail!("answered {} instead of {status}: {}", self.status, self.body);
        }
        Ok(self)
    }
}

/// A connection that is kept.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    longest: usize,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// If nobody listens.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.context("connecting")?;
        stream.set_nodelay(true)?;
        let buffer = Vec::with_capacity(FIRST_CAPACITY);
        Ok(Self { stream, buffer, longest: LONGEST_ANSWER })
    }

    /// Expects answers of up to so many bytes.
    pub fn allow(&mut self, longest: usize) {
        self.longest = longest;
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// If the connection ends, the answer is not what a service writes, or takes too long.
    pub async fn call(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await.context("sending")?;
        self.buffer.clear();
        let read = timeout(ANSWER_LIMIT, self.read()).await;
        let (status, body) = read.context("no answer")??;
        let (head, body) = self.buffer.split_at_checked(body).context("an answer")?;
        let head = std::str::from_utf8(head).context("a head of text")?;
        Ok(Answer { status, head, body: std::str::from_utf8(body).context("a body of text")? })
    }

    /// Reads one answer into the buffer: its status and where the body begins.
    async fn read(&mut self) -> Result<(u16, usize)> {
        let (status, begin, end) = loop {
            self.more().await?;
            if let Some(at) = find(&self.buffer, END_OF_HEAD) {
                let (status, length) = read_head(self.buffer.get(..at).unwrap_or_default())?;
                let begin = at + END_OF_HEAD.len();
                break (status, begin, begin + length);
            }
        };
        while self.buffer.len() < end {
            self.more().await?;
        }
        if self.buffer.len() > end {
            bail!("more was answered than asked for");
        }
        Ok((status, begin))
    }

    async fn more(&mut self) -> Result<()> {
        let count = self.stream.read_buf(&mut self.buffer).await.context("reading")?;
        if count == 0 {
            bail!("the connection was closed before the answer was complete");
        }
        if self.buffer.len() > self.longest {
            bail!("an answer of more than {} bytes", self.longest);
        }
        Ok(())
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// Status and body length of a head.
fn read_head(head: &[u8]) -> Result<(u16, usize)> {
    let head = std::str::from_utf8(head).context("a head of text")?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let status = status.with_context(|| format!("not HTTP: {head}"))?;
    // What has not changed has no body, whatever its length is said to be (RFC 9112, section 6.3).
    let length = match status {
        304 => Some(0),
        _ => header(head, "content-length").and_then(|length| length.parse().ok()),
    };
    Ok((status, length.with_context(|| format!("an answer without a length: {head}"))?))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    /// Answers every connection's first request with `parts`, one write each.
    async fn answering(parts: &'static [&'static str]) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("accepted");
            let mut ignored = [0; 1024];
            let _ = stream.read(&mut ignored).await;
            for part in parts {
                stream.write_all(part.as_bytes()).await.expect("sent");
                tokio::task::yield_now().await;
            }
        });
        address
    }

    #[tokio::test]
    async fn an_answer_in_pieces_is_read_whole() {
        let pieces =
            &["HTTP/1.1 201 Cre", "ated\r\nContent-Length: 9\r\n\r", "\n{\"a\":", "\"b\"}"];
        let mut connection = Connection::open(answering(pieces).await).await.expect("connected");
        let answer = connection.call(&get("/", None)).await.expect("answered");
        assert_eq!((answer.status, answer.body), (201, "{\"a\":\"b\"}"));
        assert_eq!(answer.member("a"), Some("b"));
        assert_eq!(answer.member("b"), None);
        assert!(answer.expect(200).is_err());
    }

    #[tokio::test]
    async fn half_an_answer_is_an_error() {
        let pieces = &["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"];
        let mut connection = Connection::open(answering(pieces).await).await.expect("connected");
        assert!(connection.call(&get("/", None)).await.is_err());
    }
}
