//! Where short links may lead: to hosts of our own, so that our address lends its good name to
//! nobody else. Addresses are read as browsers read them (WHATWG URL), and what was read is what is
//! kept, so that no two readers can disagree on the host.

use url::{Host, Url};

/// The longest address, in bytes.
pub(super) const LONGEST_URL: usize = 2_048;

/// Hosts that short links may lead to.
#[derive(Clone, Debug)]
pub(super) struct AllowedHosts(Vec<(Host, Option<u16>)>);

/// Why a link may not lead there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotAllowed {
    /// It is longer than 2,048 bytes.
    #[error("must have at most 2048 bytes")]
    TooLong,
    /// It is no absolute http or https address, or has characters in it that readers read
    /// differently.
    #[error("must be an http or https address")]
    NoAddress,
    /// There is a name or a password in it, which may pass for the host.
    #[error("must not hold a username or a password")]
    Credentials,
    /// Its host is not one of those allowed.
    #[error("must lead to a host that is allowed here")]
    Host,
}

impl AllowedHosts {
    /// Reads the setting: hosts with any port, or with that one only (`host:port`).
    ///
    /// # Errors
    /// If an entry is none of these.
    pub(super) fn read(entries: &[String]) -> anyhow::Result<Self> {
        let read = |entry: &String| {
            let url = Some(entry.trim()).filter(|entry| !entry.contains(['/', '#', '?', '*']));
            let url = url.and_then(|entry| Url::parse(&format!("http://{entry}/")).ok());
            let url = url.filter(|url| is_plain(url) && url.path() == "/" && url.query().is_none());
            let host = url.as_ref().and_then(Url::host).map(|host| host.to_owned());
            let refusal = || anyhow::anyhow!("ALLOWED_LINK_HOSTS: {entry:?} is no host");
            // The library drops a port that is http's own: it is read from the text.
            let port = port(entry.trim()).map_err(|()| refusal())?;
            Ok((host.ok_or_else(refusal)?, port))
        };
        let entries = entries.iter().filter(|entry| !entry.trim().is_empty());
        Ok(Self(entries.map(read).collect::<anyhow::Result<_>>()?))
    }

    /// This machine by its names, with any port.
    ///
    /// # Errors
    /// Never: they are hosts.
    pub(super) fn this_machine() -> anyhow::Result<Self> {
        Self::read(&["localhost".to_owned(), "127.0.0.1".to_owned()])
    }

    /// And the host of this address with any port.
    ///
    /// # Errors
    /// If it is no address of a host.
    pub(super) fn and_of(mut self, public_url: &str) -> anyhow::Result<Self> {
        let url = Url::parse(public_url).ok();
        let host = url.as_ref().and_then(Url::host).map(|host| host.to_owned());
        let host = host.ok_or_else(|| anyhow::anyhow!("PUBLIC_URL is no address of a host"))?;
        self.0.push((host, None));
        Ok(self)
    }

    /// Judges an address: how it is kept.
    ///
    /// # Errors
    /// [`NotAllowed`] says which rule it breaks.
    pub(super) fn judge(&self, text: &str) -> Result<String, NotAllowed> {
        if text.len() > LONGEST_URL {
            return Err(NotAllowed::TooLong);
        }
        // Browsers drop or turn these round before they read; others do not.
        if text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(NotAllowed::NoAddress);
        }
        let url = Url::parse(text).map_err(|_| NotAllowed::NoAddress)?;
        let begins = |scheme: &str| {
            text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
        };
        // `http:host` and `http:///host` have a host for browsers only.
        let slashed = begins("http://") || begins("https://");
        if !slashed || authority(text).is_empty() {
            return Err(NotAllowed::NoAddress);
        }
        if !is_plain(&url) || authority(text).contains('@') {
            return Err(NotAllowed::Credentials);
        }
        let host = url.host().ok_or(NotAllowed::NoAddress)?.to_owned();
        let port = url.port_or_known_default();
        let fits = |(allowed, only): &(Host, Option<u16>)| {
            *allowed == host && only.is_none_or(|only| Some(only) == port)
        };
        if !self.0.iter().any(fits) {
            return Err(NotAllowed::Host);
        }
        let kept = String::from(url);
        if kept.len() > LONGEST_URL { Err(NotAllowed::TooLong) } else { Ok(kept) }
    }
}

/// Without a name and a password.
fn is_plain(url: &Url) -> bool {
    url.username().is_empty() && url.password().is_none()
}

/// What stands between the slashes and the path.
fn authority(text: &str) -> &str {
    let rest = text.split_once("//").map_or("", |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// The port of `host:port`, if there is one.
fn port(entry: &str) -> Result<Option<u16>, ()> {
    let after = entry.rsplit_once(']').map_or(entry, |(_, after)| after);
    after.rsplit_once(':').map(|(_, port)| port.parse().map_err(|_| ())).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(entries: &[&str]) -> AllowedHosts {
        AllowedHosts::read(&entries.iter().map(|e| (*e).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn a_link_leads_to_an_allowed_host_at_any_port_by_both_schemes() {
        let own = AllowedHosts::this_machine()
            .unwrap()
            .and_of("https://Tickets.example:8443/app")
            .unwrap();
        for (text, kept) in [
            ("https://tickets.example/a?b=c#d", "https://tickets.example/a?b=c#d"),
            ("HTTP://TICKETS.EXAMPLE:8080", "http://tickets.example:8080/"),
            ("http://localhost:5000/app/v1", "http://localhost:5000/app/v1"),
            ("http://127.0.0.1/x@y", "http://127.0.0.1/x@y"),
            ("http://localhost/кино", "http://localhost/%D0%BA%D0%B8%D0%BD%D0%BE"),
        ] {
            assert_eq!(own.judge(text).as_deref(), Ok(kept), "{text}");
        }
    }

    #[test]
    fn nothing_that_only_looks_like_an_allowed_host_is_one() {
        let own = AllowedHosts::this_machine().unwrap().and_of("http://localhost:5000").unwrap();
        for text in [
            "http://evil.example/",
            "http://localhost.evil.example/",
            "http://evil-localhost/",
            "http://localhost./",
            "http://127.0.0.1.evil.example/",
            "http://[::1]/",
            "http://lосalhost/", // with a Cyrillic о
            "http://10.0.0.1/",
        ] {
            assert_eq!(own.judge(text), Err(NotAllowed::Host), "{text}");
        }
        for text in [
            "http://localhost@evil.example/",
            "http://localhost:80@evil.example/",
            "http://user:secret@localhost/",
            "http://@localhost/",
            "http://evil.example%2f@localhost/",
        ] {
            assert_eq!(own.judge(text), Err(NotAllowed::Credentials), "{text}");
        }
        for text in [
            "",
            "localhost",
            "/app/v1",
            "//localhost/",
            "http:localhost",
            "http:/localhost",
            "http:///localhost/",
            "http://",
            "http://localhost:port/",
            "http://localhost:99999/",
            "http://evil.example\\@localhost/",
            "http:\\\\localhost\\",
            "http://local\thost/",
            "http://local\nhost/",
            " http://localhost/",
            "http://localhost/a b",
            "javascript:alert(1)",
            "javascript://localhost/%0aalert(1)",
            "data:text/html,x",
            "ftp://localhost/",
            "file://localhost/etc/passwd",
        ] {
            assert_eq!(own.judge(text), Err(NotAllowed::NoAddress), "{text}");
        }
        let long = format!("http://localhost/{}", "x".repeat(LONGEST_URL));
        assert_eq!(own.judge(&long), Err(NotAllowed::TooLong));
        let grows = format!("http://localhost/{}", "я".repeat(LONGEST_URL / 4));
        assert_eq!(own.judge(&grows), Err(NotAllowed::TooLong));
    }

    #[test]
    fn an_entry_with_a_port_allows_that_port_only() {
        let only = hosts(&["films.example:8080", "münchen.example", "[::1]:80"]);
        assert!(only.judge("http://films.example:8080/").is_ok());
        assert_eq!(only.judge("http://films.example/"), Err(NotAllowed::Host));
        assert_eq!(only.judge("https://films.example:8081/"), Err(NotAllowed::Host));
        assert!(only.judge("https://xn--mnchen-3ya.example/").is_ok());
        assert!(only.judge("https://MÜNCHEN.example/").is_ok());
        assert!(only.judge("http://[0:0::1]/").is_ok());
        assert_eq!(only.judge("https://[::1]/"), Err(NotAllowed::Host));
        assert_eq!(only.judge("http://localhost/"), Err(NotAllowed::Host));
    }

    #[test]
    fn an_entry_that_is_no_host_is_refused_at_start() {
        for entry in ["http://a", "/a", "a/b", "a b", "a#", "*.a", "user@a", "a:port", "a:"] {
            assert!(AllowedHosts::read(&[entry.to_owned()]).is_err(), "{entry}");
        }
        assert!(AllowedHosts::this_machine().unwrap().and_of("tickets.example").is_err());
    }
}
