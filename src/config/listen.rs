//! A device that dials in: where it is listened for, and who may connect.

use std::net::{IpAddr, SocketAddr};

use lanegate_core::time::Micros;

use super::section::{Section, list, parsed};

/// Addresses one device may come from; a network may give it any of a few.
const FROM_MAX: usize = 8;

/// Where one device dials in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListenSource {
    /// Listened on, for this device alone.
    pub address: SocketAddr,
    /// Who may connect.
    pub from: Vec<Network>,
    /// A connection on which no frame came for this long is closed: its
    /// device's `lost_ms`.
    pub idle: Micros,
}

impl ListenSource {
    /// Whether a device may connect from there.
    #[must_use]
    pub fn admits(&self, peer: IpAddr) -> bool {
        // On [::] addresses of IPv4 come in the form of IPv6.
        let peer = peer.to_canonical();
        self.from.iter().any(|network| network.has(peer))
    }
}

/// Addresses that begin alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// `192.0.2.7`, or `192.0.2.0/24` for all that begin like it.
    ///
    /// # Errors
    /// It is no address; in words.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("\"{text}\" is no address: write it like \"192.0.2.7\" or \"192.0.2.0/24\"");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u8>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.unwrap_or(all);
        (bits <= all)
            .then_some(Self { address, bits })
            .ok_or_else(wrong)
    }

    fn has(self, peer: IpAddr) -> bool {
        let differ = match (self.address, peer) {
            (IpAddr::V4(a), IpAddr::V4(b)) => u128::from(a.to_bits() ^ b.to_bits()) << 96,
            (IpAddr::V6(a), IpAddr::V6(b)) => a.to_bits() ^ b.to_bits(),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
        };
        // A shift by all bits is none: every address is alike in 0 bits.
        differ.checked_shr(128 - u32::from(self.bits)).unwrap_or(0) == 0
    }
}

/// The source of a device that dials in. Its idle time is its device's.
pub(super) fn listen(section: &Section<'_>) -> Option<ListenSource> {
    for name in ["serial", "line", "flow", "tcp"] {
        if section.has(name) {
            section.fault(name, "does not go with listen: the device dials in");
        }
    }
    let address = section.maybe("listen", parsed(address))?;
    let from = section.maybe("from", list(parsed(Network::parse)))?;
    let from = from.unwrap_or_default();
    if from.is_empty() || from.len() > FROM_MAX {
        let why = format!(
            "write 1 to {FROM_MAX} addresses the device may come from, like [\"192.0.2.7\"] or \
             [\"192.0.2.0/24\"]: its protocol has no password"
        );
        section.fault("from", why);
        return None;
    }
    Some(ListenSource {
        address: address?,
        from,
        idle: Micros(u64::MAX),
    })
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let wrong = || format!("\"{text}\" is no address: write it like \"192.0.2.1:7701\"");
    let address: SocketAddr = text.parse().map_err(|_| wrong())?;
    (address.port() > 0).then_some(address).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(network: &str, peer: &str) -> bool {
        let source = ListenSource {
            address: "127.0.0.1:1".parse().unwrap(),
            from: vec![Network::parse(network).unwrap()],
            idle: Micros(1),
        };
        source.admits(peer.parse().unwrap())
    }

    #[test]
    fn a_network_is_the_addresses_that_begin_like_it() {
        assert!(has("192.0.2.7", "192.0.2.7") && !has("192.0.2.7", "192.0.2.8"));
        assert!(has("192.0.2.0/24", "192.0.2.255") && !has("192.0.2.0/24", "192.0.3.0"));
        assert!(has("192.0.2.0/25", "192.0.2.127") && !has("192.0.2.0/25", "192.0.2.128"));
        assert!(has("0.0.0.0/0", "203.0.113.9") && !has("0.0.0.0/0", "2001:db8::1"));
        assert!(has("2001:db8::/32", "2001:db8:1::9") && !has("2001:db8::/32", "2001:db9::"));
        assert!(has("192.0.2.7", "::ffff:192.0.2.7"), "on [::]");
        for wrong in ["", "192.0.2", "192.0.2.0/33", "192.0.2.0/x", "lock.example"] {
            assert!(Network::parse(wrong).is_err(), "{wrong}");
        }
    }
}
