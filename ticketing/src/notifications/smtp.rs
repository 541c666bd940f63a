//! Handing a mail to an SMTP server (RFC 5321), step by step, so that it is known how far it came:
//! what fails before an address is named is no mail's fault;
//! up to the server's go-ahead for the text nothing was handed over, and it can be tried again;
//! after that only the server's reply says what became of it. Each step is limited in time. Not
//! here: what is recorded, and when (`mailer.rs`); whether an address is dead (`dead_address.rs`).

use std::error::Error as _;
use std::time::Duration;

use anyhow::Context;
use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use percent_encoding::percent_decode_str;
use tokio::time::timeout;
use url::{Host, Url};

use super::dead_address::is_dead;

/// How long it may take until the server lets us in, and then until it wants the text.
pub(super) const OPEN_LIMIT: Duration = Duration::from_secs(20);
/// How long the server may take to say that it has the text. Longer, and it is not known whether it
/// has.
pub(super) const HAND_OVER_LIMIT: Duration = Duration::from_secs(60);
/// How long a goodbye may take.
const GOODBYE_LIMIT: Duration = Duration::from_secs(1);

/// How a connection is kept from others' eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Privacy {
    /// From the first byte on.
    Implicit,
    /// From `STARTTLS` on, or not at all.
    Required,
    /// From `STARTTLS` on, if the server offers it.
    Offered,
    /// Not.
    Plain,
}

/// An SMTP server.
pub(super) struct Smtp {
    host: String,
    port: u16,
    privacy: Privacy,
    credentials: Option<Credentials>,
    hello: ClientId,
}

/// Why nothing was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotHanded {
    /// The server could not be reached, or did not let us in, whatever the mail. The reason is a
    /// reply code or a word.
    Away(String),
    /// Now it can not be; later it may.
    Later(String),
    /// The server knows no such address, for good.
    NoSuchAddress(String),
    /// The server does not want it, for good.
    Never(String),
}

/// What became of what was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Handed {
    /// The server has it.
    Taken,
    /// The server said no, for now.
    Later(String),
    /// The server said no, for good.
    Never(String),
    /// Nobody knows.
    Unknown,
}

impl Smtp {
    /// Reads `smtp://[user:password@]host[:port][?tls=required|none]` or `smtps://…`. A password
    /// goes to a server without TLS only if that is written. `hello` is the domain we come from.
    ///
    /// # Errors
    /// If it is none of these.
    pub(super) fn open(url: &str, hello: &str) -> anyhow::Result<Self> {
        // What it is must not be told: there is a password in it.
        let url = Url::parse(url).map_err(|_| anyhow::anyhow!("SMTP_URL is no address"))?;
        let tls = url.query_pairs().find(|(name, _)| name == "tls").map(|(_, value)| value);
        let secret = url.password().is_some();
        let (privacy, port) = match (url.scheme(), tls.as_deref()) {
            ("smtps", None) => (Privacy::Implicit, 465),
            ("smtp", None) if secret => (Privacy::Required, 587),
            ("smtp", None) => (Privacy::Offered, 25),
            ("smtp", Some("required")) => (Privacy::Required, 587),
            ("smtp", Some("none")) => (Privacy::Plain, 25),
            _ => anyhow::bail!(
                "SMTP_URL is smtp://host, with ?tls=required or none, or smtps://host"
            ),
        };
        let credentials = match (decoded(url.username()), url.password().map(decoded)) {
            (user, Some(password)) => Some(Credentials::new(user?, password?)),
            (user, None) if user.as_deref().is_ok_and(str::is_empty) => None,
            _ => anyhow::bail!("SMTP_URL has a user without a password"),
        };
        Ok(Self {
            // An IPv6 address stands in brackets in a URL only.
            host: match url.host().context("SMTP_URL has no host")? {
                Host::Ipv6(address) => address.to_string(),
                host => host.to_string(),
            },
            port: url.port().unwrap_or(port),
            privacy,
            credentials,
            hello: ClientId::Domain(hello.to_owned()),
        })
    }

    /// Goes as far as the server's go-ahead for the text.
    ///
    /// # Errors
    /// [`NotHanded`] says why it did not come so far.
    pub(super) async fn begin(&self, from: &Address, to: &Address) -> Result<Ready, NotHanded> {
        let limit = || "timeout".to_owned();
        // Whatever is wrong before an address was named is wrong with us or the server.
        let entered = timeout(OPEN_LIMIT, self.enter(from, to)).await;
        let connection = entered.unwrap_or_else(|_| Err(NotHanded::Away(limit())))?;
        let named = timeout(OPEN_LIMIT, name(connection, to)).await;
        named.unwrap_or_else(|_| Err(NotHanded::Later(limit())))
    }

    async fn enter(&self, from: &Address, to: &Address) -> Result<AsyncSmtpConnection, NotHanded> {
        let away = |error: Error| NotHanded::Away(reason(&error));
        let mut connection = self.connect().await.map_err(away)?;
        let mut parameters = Vec::new();
        if !to.user().is_ascii() {
            // RFC 6531: to a server that does not offer it, such an address must not be named.
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                connection.abort().await;
                return Err(NotHanded::Never("smtputf8".to_owned()));
            }
            let body = MailParameter::Body(MailBodyParameter::EightBitMime);
            parameters.extend([MailParameter::SmtpUtfEight, body]);
        }
        connection.command(Mail::new(Some(from.clone()), parameters)).await.map_err(away)?;
        Ok(connection)
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let tls = || TlsParameters::new_rustls(self.host.clone());
        let implicit = (self.privacy == Privacy::Implicit).then(tls).transpose()?;
        let server = (self.host.as_str(), self.port);
        let limit = Some(OPEN_LIMIT);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, limit, &self.hello, implicit, None).await?;
        let starts = match self.privacy {
            Privacy::Required => true,
            Privacy::Offered => connection.can_starttls(),
            Privacy::Implicit | Privacy::Plain => false,
        };
        if starts {
            connection.starttls(tls()?, &self.hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection.auth(DEFAULT_MECHANISMS, credentials).await?;
        }
        Ok(connection)
    }
}

/// Names the address, and asks for the server's go-ahead.
async fn name(mut connection: AsyncSmtpConnection, to: &Address) -> Result<Ready, NotHanded> {
    if let Err(error) = connection.command(Rcpt::new(to.clone(), Vec::new())).await {
        let why = refusal(&error);
        connection.abort().await;
        return Err(why);
    }
    if let Err(error) = connection.command(Data).await {
        connection.abort().await;
        let (for_good, reason) = (error.is_permanent(), reason(&error));
        return Err(if for_good { NotHanded::Never(reason) } else { NotHanded::Later(reason) });
    }
    Ok(Ready(connection))
}

/// What the reply to an address means.
fn refusal(error: &Error) -> NotHanded {
    let reason = reason(error);
    if !error.is_permanent() {
        return NotHanded::Later(reason);
    }
    let text = error.source().map(ToString::to_string).unwrap_or_default();
    if is_dead(&reason, &text) {
        NotHanded::NoSuchAddress(reason)
    } else {
        NotHanded::Never(reason)
    }
}

/// A server that waits for the text.
pub(super) struct Ready(AsyncSmtpConnection);

impl Ready {
    /// Hands over the text.
    pub(super) async fn hand_over(mut self, text: &[u8]) -> Handed {
        match timeout(HAND_OVER_LIMIT, self.0.message(text)).await {
            Ok(Ok(_)) => {
                // It has been taken; whether the goodbye arrives is nobody's business.
                let _ = timeout(GOODBYE_LIMIT, self.0.quit()).await;
                Handed::Taken
            }
            Ok(Err(error)) if error.is_permanent() => Handed::Never(reason(&error)),
            Ok(Err(error)) if error.is_transient() => Handed::Later(reason(&error)),
            Ok(Err(_)) | Err(_) => Handed::Unknown,
        }
    }
}

/// The reply's code, or what else it was. Not the reply's text, in which the address may stand.
fn reason(error: &Error) -> String {
    match error.status() {
        Some(code) => code.to_string(),
        None if error.is_timeout() => "timeout".to_owned(),
        None if error.is_tls() => "tls".to_owned(),
        None if error.is_client() => "client".to_owned(),
        None => "connection".to_owned(),
    }
}

/// What stands percent-encoded in a URL.
fn decoded(text: &str) -> anyhow::Result<String> {
    let text = percent_decode_str(text).decode_utf8();
    Ok(text.map_err(|_| anyhow::anyhow!("SMTP_URL can not be read"))?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(url: &str) -> anyhow::Result<Smtp> {
        Smtp::open(url, "tickets.example")
    }

    #[test]
    fn a_server_is_named_with_its_privacy_and_port() {
        for (url, privacy, port) in [
            ("smtp://mail.example", Privacy::Offered, 25),
            ("smtp://mail.example:2525?tls=none", Privacy::Plain, 2525),
            ("smtp://mail.example?tls=required", Privacy::Required, 587),
            ("smtps://mail.example", Privacy::Implicit, 465),
        ] {
            let smtp = open(url).unwrap();
            assert_eq!((smtp.privacy, smtp.port), (privacy, port), "{url}");
            assert_eq!(smtp.host, "mail.example");
            assert!(smtp.credentials.is_none());
        }
        assert!(open("smtps://a%40b:c%2Bd+e@mail.example").unwrap().credentials.is_some());
        for (url, privacy) in [
            ("smtp://ann:secret@mail.example", Privacy::Required),
            ("smtp://ann:secret@mail.example?tls=none", Privacy::Plain),
        ] {
            assert_eq!(open(url).unwrap().privacy, privacy, "{url}");
        }
    }

    #[test]
    fn a_password_is_what_stands_there_and_an_ipv6_address_has_no_brackets() {
        for (text, password) in
            [("c%2Bd+e%40", "c+d+e@"), ("a&b=c", "a&b=c"), ("50%25", "50%"), ("%D1%8F", "я")]
        {
            assert_eq!(decoded(text).unwrap(), password);
        }
        assert!(decoded("%FF").is_err());
        for (host, named) in
            [("[::1]", "::1"), ("127.0.0.1", "127.0.0.1"), ("mail.example", "mail.example")]
        {
            assert_eq!(open(&format!("smtp://{host}:2525")).unwrap().host, named);
        }
    }

    #[test]
    fn what_names_no_server_is_refused_without_telling_it() {
        for url in
            ["", "mail.example", "http://x", "smtp://", "smtp://x?tls=maybe", "smtp://secret@x"]
        {
            let error = open(url).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.starts_with("SMTP_URL") && !error.contains("secret"), "{url}: {error}");
        }
    }
}
