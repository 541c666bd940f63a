//! An SMTP server that keeps what it takes. How it behaves towards an address stands in the
//! address: see `smtp_sink.py`.

use std::fs;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::certificates::Certificate;
use super::{Peer, free_port, python_packages, write_whole};
use crate::harness::servers;

/// Who mail is from.
pub(crate) const MAIL_FROM: &str = "Turnstile <tickets@turnstile.example>";

/// Who may log in, where somebody has to.
const USER: &str = "ann";
pub(crate) const PASSWORD: &str = "canary-of-the-mail-server";

/// Whom a server lets in.
#[derive(Clone, Copy, Default)]
pub(crate) struct Entry<'a> {
    /// Only who logs in.
    pub(crate) login: bool,
    /// What it shows when somebody asks for TLS; without one it has none.
    pub(crate) certificate: Option<&'a Certificate>,
}

/// An SMTP server.
pub(crate) struct Sink {
    /// Where the service hands mail over.
    pub(crate) url: String,
    port: u16,
    mails: PathBuf,
    /// None while it is stopped.
    peer: Option<Peer>,
}

/// A mail that was taken.
#[derive(Clone, Debug)]
pub(crate) struct Mail {
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) message_id: String,
    /// Where it can be stopped, and how.
    pub(crate) unsubscribe: [String; 2],
    pub(crate) plain: String,
    pub(crate) html: String,
}

impl Sink {
    pub(crate) async fn start(entry: Entry<'_>) -> Self {
        let port = free_port();
        let login = if entry.login { format!("{USER}:{PASSWORD}@") } else { String::new() };
        let url = format!("smtp://{login}127.0.0.1:{port}");
        let mails = servers().home.join(format!("mail-{port}"));
        let mut sink = Self { url, port, mails, peer: None };
        sink.start_again(entry).await;
        sink
    }

    /// From now on nobody listens where it was.
    pub(crate) fn stop(&mut self) {
        self.peer = None;
    }

    /// It listens again where it was, with what it took before.
    pub(crate) async fn start_again(&mut self, entry: Entry<'_>) {
        assert!(self.peer.is_none(), "it was not stopped");
        let folder = python_packages();
        write_whole(&folder.join("smtp_sink.py"), include_str!("smtp_sink.py"));
        let (port, mails) = (self.port.to_string(), self.mails.display().to_string());
        let mut command = vec!["env", "PYTHONPATH=.", "python3", "smtp_sink.py", &port, &mails];
        let login = format!("{USER}:{PASSWORD}");
        if entry.login {
            command.extend(["--login", &login]);
        }
        if let Some(certificate) = entry.certificate {
            command.extend(["--certificate", &certificate.chain, &certificate.key]);
        }
        self.peer = Some(Peer::start(folder, self.port, &command).await);
    }

    /// What it was asked since it was started, a line each, before anybody named a recipient.
    pub(crate) fn heard(&self) -> String {
        fs::read_to_string(self.mails.join("heard")).expect("a folder")
    }

    /// Everything it took, oldest first.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        let files = fs::read_dir(&self.mails).expect("a folder");
        let names = files.map(|file| file.expect("a file").file_name());
        let numbers = names.filter_map(|name| name.to_str().and_then(|name| name.parse().ok()));
        let mut numbers: Vec<u64> = numbers.collect();
        numbers.sort_unstable();
        let read = |number: u64| fs::read(self.mails.join(number.to_string())).expect("a mail");
        numbers.into_iter().map(|number| Mail::read(&read(number))).collect()
    }

    /// From now on it takes mail for addresses that are not ASCII (RFC 6531).
    pub(crate) fn offer_utf8(&self) {
        fs::write(self.mails.join("utf8"), "").expect("a folder");
    }

    /// From now on it lets nobody in.
    pub(crate) fn close(&self) {
        fs::write(self.mails.join("closed"), "").expect("a folder");
    }

    /// It lets everybody in again.
    pub(crate) fn open(&self) {
        fs::remove_file(self.mails.join("closed")).expect("it was closed");
    }

    /// What it took for an address, oldest first.
    pub(crate) fn mails_to(&self, address: &str) -> Vec<Mail> {
        self.mails().into_iter().filter(|mail| mail.to == address).collect()
    }
}

impl Mail {
    fn read(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).expect("a mail is UTF-8").replace("\r\n", "\n");
        let (envelope, message) = text.split_once('\n').expect("an envelope");
        let envelope: Value = serde_json::from_str(envelope).expect("an envelope");
        assert_eq!(envelope["from"], "tickets@turnstile.example");
        let recipients = envelope["to"].as_array().expect("recipients");
        assert_eq!(recipients.len(), 1, "nobody sees who else is told");
        let (head, body) = message.split_once("\n\n").expect("a head");
        let head = head.replace("\n ", " ");
        let header = |name: &str| {
            let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
            line.unwrap_or_else(|| panic!("no {name}: {head}")).to_owned()
        };
        let part = |kind: &str| {
            let start = body.find(&format!("Content-Type: {kind}")).expect("a part");
            let (head, rest) = body[start..].split_once("\n\n").expect("a part's head");
            let text = rest.split("\n--").next().expect("a part's text");
            decoded(head, text)
        };
        Self {
            to: recipients[0].as_str().expect("an address").to_owned(),
            subject: header_text(&header("Subject")),
            message_id: header("Message-ID"),
            unsubscribe: ["List-Unsubscribe", "List-Unsubscribe-Post"].map(header),
            plain: part("text/plain"),
            html: part("text/html"),
        }
    }
}

/// A part's text as it was written.
fn decoded(head: &str, text: &str) -> String {
    if head.contains("base64") {
        let text: String = text.split_whitespace().collect();
        return String::from_utf8(STANDARD.decode(text).expect("base64")).expect("UTF-8");
    }
    if head.contains("quoted-printable") {
        return quoted(&text.replace("=\n", ""));
    }
    text.to_owned()
}

fn quoted(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'=' {
            let code = [rest.next().expect("a digit"), rest.next().expect("a digit")];
            let code = std::str::from_utf8(&code).expect("digits");
            bytes.push(u8::from_str_radix(code, 16).expect("a byte"));
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// A header's text, whose words may be encoded (RFC 2047): a space between two that are is none.
fn header_text(text: &str) -> String {
    let (mut read, mut after_encoded) = (String::new(), false);
    for word in text.split(' ') {
        let encoded = word.strip_prefix("=?utf-8?b?").and_then(|word| word.strip_suffix("?="));
        if !(read.is_empty() || after_encoded && encoded.is_some()) {
            read.push(' ');
        }
        match encoded {
            Some(word) => {
                let bytes = STANDARD.decode(word).expect("base64");
                read.push_str(&String::from_utf8(bytes).expect("UTF-8"));
            }
            None => read.push_str(word),
        }
        after_encoded = encoded.is_some();
    }
    read
}
