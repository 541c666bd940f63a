//! A mail as it is sent: headers, a plain and an HTML part. Its `Message-ID` follows from the
//! notice, so whoever gets it twice can tell.

use chrono::{DateTime, Utc};
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use url::Host;
use uuid::Uuid;

use super::words::Letter;

/// Why there is no mail.
#[derive(Debug, thiserror::Error)]
pub(super) enum MailError {
    /// The address is none.
    #[error("the address is none")]
    Address,
    /// A header can not be written.
    #[error("the mail can not be written")]
    Unwritable,
}

/// What stands in the headers of a mail.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'a> {
    pub(super) notice: Uuid,
    pub(super) from: &'a Mailbox,
    pub(super) to: &'a str,
    /// Where who reads it stops all mail to the address.
    pub(super) stop: &'a str,
    pub(super) now: DateTime<Utc>,
}

/// The mail of a notice, as bytes, with the address it goes to.
pub(super) fn mail(letter: Letter, head: Head<'_>) -> Result<(Address, Vec<u8>), MailError> {
    let Head { notice, from, to, stop, now } = head;
    let to = to.parse().ok().and_then(sendable).ok_or(MailError::Address)?;
    // RFC 3834: nothing answers it by itself.
    let by_itself = HeaderName::new_from_ascii_str("Auto-Submitted");
    // RFC 2369 and RFC 8058: a reader's mail program offers to stop it, and does so with one click.
    let unsubscribe = HeaderName::new_from_ascii_str("List-Unsubscribe");
    let one_click = HeaderName::new_from_ascii_str("List-Unsubscribe-Post");
    let message = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to.clone()))
        .subject(letter.subject)
        .date(now.into())
        .message_id(Some(format!("<{notice}@{}>", from.email.domain())))
        .raw_header(HeaderValue::new(by_itself, "auto-generated".to_owned()))
        .raw_header(HeaderValue::new(unsubscribe, format!("<{stop}>")))
        .raw_header(HeaderValue::new(one_click, "List-Unsubscribe=One-Click".to_owned()))
        .multipart(MultiPart::alternative_plain_html(letter.plain, letter.html))
        .map_err(|_| MailError::Unwritable)?;
    Ok((to, message.formatted()))
}

/// The address with its domain as every server knows it (RFC 5891); what stands before it has no
/// other form (`smtp.rs`). `None` if the domain is none.
fn sendable(address: Address) -> Option<Address> {
    if address.domain().is_ascii() {
        return Some(address);
    }
    match Host::parse(address.domain()) {
        Ok(Host::Domain(domain)) => Address::new(address.user(), domain).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(to: &str) -> Result<String, MailError> {
        let letter = Letter {
            subject: "“Метрополис” was moved".to_owned(),
            plain: "plain".to_owned(),
            html: "<p>html</p>".to_owned(),
        };
        let from = "Turnstile <tickets@example.com>".parse().unwrap();
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let stop = "https://tickets.example.com/app/v1/unsubscribe/7";
        let head = Head { notice: Uuid::nil(), from: &from, to, stop, now };
        let (_, bytes) = mail(letter, head)?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn a_mail_has_both_parts_and_an_id_that_follows_from_its_notice() {
        let mail = written("ann@example.com").unwrap();
        assert!(mail.is_ascii(), "{mail}");
        for header in [
            "Message-ID: <00000000-0000-0000-0000-000000000000@example.com>",
            "To: ann@example.com",
            "Auto-Submitted: auto-generated",
            "List-Unsubscribe: <https://tickets.example.com/app/v1/unsubscribe/7>",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            "Date: Fri, 15 Jan 2027 08:00:00 +0000",
            "Content-Type: text/plain",
            "Content-Type: text/html",
        ] {
            assert!(mail.contains(header), "{header}: {mail}");
        }
    }

    #[test]
    fn a_domain_is_written_as_every_server_knows_it() {
        let mail = written("ann@Пример.рф").unwrap();
        assert!(mail.is_ascii() && mail.contains("To: ann@xn--e1afmkfd.xn--p1ai\r\n"), "{mail}");
        let mail = written("анна@example.com").unwrap();
        assert!(mail.contains("To: анна@example.com\r\n"), "{mail}");
    }

    #[test]
    fn no_header_is_smuggled_in_by_an_address() {
        for address in ["", "ann", "ann@example.com\r\nBcc: bob@example.com", "a@b.example>, <c@d"]
        {
            assert!(matches!(written(address), Err(MailError::Address)), "{address}");
        }
    }
}
