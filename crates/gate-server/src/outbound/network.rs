//! Which addresses the server connects to: those of the public internet, and
//! what its settings allow besides.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network, as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix_bits: u32,
}

/// Text that is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a network is an address, `/` and how many of its bits count")]
pub struct ParseNetworkError;

impl FromStr for Network {
    type Err = ParseNetworkError;

    fn from_str(text: &str) -> Result<Self, ParseNetworkError> {
        let (address, bits) = text.split_once('/').ok_or(ParseNetworkError)?;
        let address: IpAddr = address.parse().map_err(|_| ParseNetworkError)?;
        let prefix_bits: u32 = bits.parse().map_err(|_| ParseNetworkError)?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        if prefix_bits > most {
            return Err(ParseNetworkError);
        }
        Ok(Self {
            address,
            prefix_bits,
        })
    }
}

impl Network {
    const fn v4(octets: [u8; 4], prefix_bits: u32) -> Self {
        let [a, b, c, d] = octets;
        Self {
            address: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            prefix_bits,
        }
    }

    const fn v6(first: [u16; 2], prefix_bits: u32) -> Self {
        let [a, b] = first;
        Self {
            address: IpAddr::V6(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0)),
            prefix_bits,
        }
    }

    /// Tells whether `address` is in it. An address of one version is in no
    /// network of the other, whatever it is mapped to.
    pub(crate) fn has(self, address: IpAddr) -> bool {
        let same = |a: u128, b: u128, width: u32| {
            let shift = width - self.prefix_bits;
            self.prefix_bits == 0 || a >> shift == b >> shift
        };
        match (self.address, address) {
            (IpAddr::V4(net), IpAddr::V4(one)) => {
                same(u32::from(net).into(), u32::from(one).into(), 32)
            }
            (IpAddr::V6(net), IpAddr::V6(one)) => same(net.into(), one.into(), 128),
            _ => false,
        }
    }
}

/// What is not of the public internet. Source: IANA's registries of special
/// purpose addresses; multicast and what is reserved.
const SPECIAL_V4: [Network; 15] = [
    Network::v4([0, 0, 0, 0], 8),
    Network::v4([10, 0, 0, 0], 8),
    Network::v4([100, 64, 0, 0], 10),
    Network::v4([127, 0, 0, 0], 8),
    Network::v4([169, 254, 0, 0], 16),
    Network::v4([172, 16, 0, 0], 12),
    Network::v4([192, 0, 0, 0], 24),
    Network::v4([192, 0, 2, 0], 24),
    Network::v4([192, 88, 99, 0], 24),
    Network::v4([192, 168, 0, 0], 16),
    Network::v4([198, 18, 0, 0], 15),
    Network::v4([198, 51, 100, 0], 24),
    Network::v4([203, 0, 113, 0], 24),
    Network::v4([224, 0, 0, 0], 4),
    Network::v4([240, 0, 0, 0], 4),
];

/// The one part of IPv6 that is given out to the public internet. All that
/// carries an IPv4 address (`::ffff:0:0/96`, `64:ff9b::/96`) is outside of it.
const GLOBAL_V6: Network = Network::v6([0x2000, 0], 3);

/// What in that part is special: protocol assignments with Teredo,
/// documentation, 6to4.
const SPECIAL_V6: [Network; 4] = [
    Network::v6([0x2001, 0], 23),
    Network::v6([0x2001, 0xdb8], 32),
    Network::v6([0x2002, 0], 16),
    Network::v6([0x3fff, 0], 20),
];

/// Tells whether an address is of the public internet.
pub(crate) fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => !SPECIAL_V4.iter().any(|net| net.has(address)),
        IpAddr::V6(_) => GLOBAL_V6.has(address) && !SPECIAL_V6.iter().any(|net| net.has(address)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_public_internet_is_global() {
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "169.254.170.2",
            "172.31.255.255",
            "192.0.0.8",
            "192.168.1.1",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
        ] {
            assert!(!is_global(text.parse().unwrap()), "{text}");
        }
        for text in [
            "8.8.8.8",
            "172.32.0.1",
            "100.128.0.1",
            "2606:4700::1111",
            "2a00::1",
        ] {
            assert!(is_global(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn a_network_has_what_begins_like_it() {
        let net: Network = "10.1.0.0/16".parse().unwrap();
        assert!(net.has("10.1.255.1".parse().unwrap()));
        assert!(!net.has("10.2.0.1".parse().unwrap()));
        assert!(!net.has("::ffff:10.1.0.1".parse().unwrap()));
        let all: Network = "::/0".parse().unwrap();
        assert!(all.has("fe80::1".parse().unwrap()));
        for text in [
            "",
            "10.0.0.0",
            "10.0.0.0/33",
            "::/129",
            "x/8",
            "10.0.0.0/-1",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
