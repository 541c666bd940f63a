//! Whose request it is by address. Behind proxies we trust, the right-most address of
//! `X-Forwarded-For` that is not one of theirs; without them, the peer. Everything left of that
//! address is whatever the client wrote.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::HeaderMap;
use http::HeaderName;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// A household or a server is given at least this much of IPv6 (RFC 6177), so limits count by it.
const IPV6_COUNTED_BITS: u8 = 64;

/// The address of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// No address is known, as in tests without a connection.
    pub const UNKNOWN: Self = Self(IpAddr::V4(Ipv4Addr::UNSPECIFIED));

    /// What limits count by: an IPv4 address, or the /64 of an IPv6 address.
    pub fn counted(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(_) => Network { address: self.0, bits: IPV6_COUNTED_BITS }.masked(self.0),
        }
    }
}

/// The proxies whose word about the client's address counts.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Vec<Network>);

/// An entry of `TRUSTED_PROXIES` is not an address or a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("TRUSTED_PROXIES: {0:?} is not an address, nor a network such as 10.0.0.0/8")]
pub struct MalformedNetwork(String);

impl TrustedProxies {
    /// Reads addresses and networks (CIDR).
    ///
    /// # Errors
    /// [`MalformedNetwork`] with the first entry that can not be read.
    pub fn parse(entries: &[String]) -> Result<Self, MalformedNetwork> {
        let entries = entries.iter().map(|entry| entry.trim()).filter(|entry| !entry.is_empty());
        let parse =
            |entry: &str| Network::parse(entry).ok_or_else(|| MalformedNetwork(entry.into()));
        Ok(Self(entries.map(parse).collect::<Result<_, _>>()?))
    }

    /// The client of a request that came from `peer` with these headers.
    pub fn client(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> ClientAddress {
        let Some(mut client) = peer.map(|peer| peer.to_canonical()) else {
            return ClientAddress::UNKNOWN;
        };
        if self.0.is_empty() {
            return ClientAddress(client);
        }
        let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
        let entries = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
        for entry in entries {
            if !self.trusts(client) {
                break;
            }
            match forwarded_address(entry.trim()) {
                Some(address) => client = address,
                None => break,
            }
        }
        ClientAddress(client)
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }
}

/// Some proxies write the port too.
fn forwarded_address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|a| a.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[derive(Clone, Copy, Debug)]
struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(width);
        (bits <= width).then_some(Self { address, bits })
    }

    fn masked(self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(v4) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.bits)).unwrap_or(0);
                IpAddr::V4((v4.to_bits() & mask).into())
            }
            IpAddr::V6(v6) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.bits)).unwrap_or(0);
                IpAddr::V6((v6.to_bits() & mask).into())
            }
        }
    }

    fn contains(self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4()
            && self.masked(address) == self.masked(self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &str, peer: &str, forwarded: &[&str]) -> String {
        let entries: Vec<_> = trusted.split(' ').map(str::to_owned).collect();
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(X_FORWARDED_FOR, line.parse().unwrap());
        }
        let proxies = TrustedProxies::parse(&entries).unwrap();
        proxies.client(Some(peer.parse().unwrap()), &headers).0.to_string()
    }

    #[test]
    fn a_stranger_can_not_choose_its_address() {
        assert_eq!(client("", "203.0.113.9", &["10.0.0.1"]), "203.0.113.9");
        assert_eq!(client("10.0.0.0/8", "203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
    }

    #[test]
    fn a_trusted_proxy_tells_the_client_and_what_the_client_wrote_does_not_count() {
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &["1.1.1.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &["1.1.1.1", "2.2.2.2, 10.9.9.9"]), "2.2.2.2");
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &["nonsense"]), "10.1.2.3");
        assert_eq!(client("10.0.0.0/8", "10.1.2.3", &[]), "10.1.2.3");
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_understood() {
        assert_eq!(client("127.0.0.1", "::ffff:127.0.0.1", &["203.0.113.9:4711"]), "203.0.113.9");
        assert_eq!(client("::1/128", "::1", &["[2001:db8::7]:4711"]), "2001:db8::7");
        assert_eq!(client("::1", "::1", &["[2001:db8::7]"]), "2001:db8::7");
        assert_eq!(client("::/0", "::1", &["::ffff:203.0.113.9"]), "203.0.113.9");
    }

    #[test]
    fn ipv6_counts_by_the_network_a_household_is_given() {
        let counted = |text: &str| ClientAddress(text.parse().unwrap()).counted().to_string();
        assert_eq!(counted("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(counted("203.0.113.9"), "203.0.113.9");
    }

    #[test]
    fn a_bad_network_is_named() {
        for bad in ["10.0.0.0/33", "proxy", "10.0.0.0/x"] {
            let error = TrustedProxies::parse(&[bad.to_owned()]).unwrap_err();
            assert!(error.to_string().contains(bad));
        }
    }
}
