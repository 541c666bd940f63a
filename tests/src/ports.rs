//! Free ports on the loopback address.
//!
//! They are taken from below the range the kernel uses for outgoing connections, so that a port found free
//! stays free between being found and being used, unless another program asks for exactly that one.

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::ops::Range;

use anyhow::{Result, bail};
use uuid::Uuid;

/// Above the well-known services, below Linux' default range of outgoing ports (32768-60999).
const RANGE: Range<u16> = 20_000..32_000;

/// Whether nobody listens on `port` of `address`.
pub fn is_free(address: IpAddr, port: u16) -> bool {
    TcpListener::bind((address, port)).is_ok()
}

/// Whether nobody listens on `port` of the loopback address.
pub fn is_free_here(port: u16) -> bool {
    is_free(Ipv4Addr::LOCALHOST.into(), port)
}

/// `N` different ports that are free on the loopback address now.
///
/// # Errors
/// If the whole range is taken.
pub fn free<const N: usize>() -> Result<[u16; N]> {
    let count = RANGE.end - RANGE.start;
    // A random start keeps programs that choose at the same moment apart.
    let start = u16::try_from(Uuid::new_v4().as_u128() % u128::from(count)).unwrap_or(0);
    let mut ports = [0; N];
    // All are held until the last is found: none is found twice.
    let mut held = Vec::with_capacity(N);
    let mut candidates = (0..count).map(|step| RANGE.start + (start + step) % count);
    for place in &mut ports {
        let found = candidates.find_map(|port| {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?;
            Some((port, listener))
        });
        let Some((port, listener)) = found else {
            bail!("no port is free between {} and {}", RANGE.start, RANGE.end);
        };
        *place = port;
        held.push(listener);
    }
    Ok(ports)
}

/// One port that is free on the loopback address now.
///
/// # Errors
/// If the whole range is taken.
pub fn free_one() -> Result<u16> {
    let [port] = free()?;
    Ok(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_are_different_and_free() {
        let mut ports: [u16; 8] = free().expect("ports");
        assert!(ports.iter().all(|port| RANGE.contains(port)));
        ports.sort_unstable();
        assert!(ports.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn a_port_somebody_listens_on_is_not_free() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bound");
        let port = listener.local_addr().expect("address").port();
        assert!(!is_free_here(port));
    }
}
