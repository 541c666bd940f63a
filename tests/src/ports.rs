//! Free ports on the loopback address, and which ones a home uses.
//!
//! They are taken from below the range the kernel uses for outgoing connections, so that a port
//! found free stays free between being found and being used, unless another program asks for
//! exactly that one.

use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::ops::Range;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
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

/// The ports of a home, on the loopback address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ports {
    /// Postgres.
    pub postgres: u16,
    /// RabbitMQ's AMQP.
    pub amqp: u16,
    /// RabbitMQ's management console and HTTP API.
    pub management: u16,
    /// RabbitMQ's metrics.
    pub prometheus: u16,
    /// Erlang's distribution.
    pub distribution: u16,
    /// Erlang's name service, private too.
    pub epmd: u16,
    /// Health and metrics of `rules`.
    pub rules: u16,
}

impl Ports {
    /// Ports that are free now.
    ///
    /// # Errors
    /// If there are too few.
    pub fn choose() -> Result<Self> {
        let [postgres, amqp, management, prometheus, distribution, epmd, rules] = free()?;
        Ok(Self { postgres, amqp, management, prometheus, distribution, epmd, rules })
    }

    /// Replaces those that somebody else took; answers how many.
    ///
    /// # Errors
    /// If there are too few.
    pub(crate) fn renew(&mut self, is_free: impl Fn(u16) -> bool) -> Result<usize> {
        let fresh = Self::choose()?;
        let mut renewed = 0;
        for (port, spare) in [
            (&mut self.postgres, fresh.postgres),
            (&mut self.amqp, fresh.amqp),
            (&mut self.management, fresh.management),
            (&mut self.prometheus, fresh.prometheus),
            (&mut self.distribution, fresh.distribution),
            (&mut self.epmd, fresh.epmd),
            (&mut self.rules, fresh.rules),
        ] {
            if !is_free(*port) {
                *port = spare;
                renewed += 1;
            }
        }
        Ok(renewed)
    }
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

    #[test]
    fn only_a_port_that_was_taken_is_chosen_anew() {
        let before = Ports::choose().expect("chosen");
        let mut after = before;
        assert_eq!(after.renew(|port| port != before.amqp).expect("renewed"), 1);
        assert_ne!(after.amqp, before.amqp);
        assert_eq!(Ports { amqp: before.amqp, ..after }, before);
    }
}
