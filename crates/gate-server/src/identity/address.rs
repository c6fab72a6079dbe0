//! Where a call comes from, for who looks at it and for limits; never for rights.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;

use crate::state::Server;

/// The address of the caller, as text: that of the connection, or of what a
/// trusted proxy says is behind it.
pub(crate) struct CallerAddress(pub(crate) String);

impl FromRequestParts<Server> for CallerAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Infallible> {
        let connection = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|ConnectInfo(address)| address.ip().to_canonical());
        let trusted = &server.settings.identity.sign_in.trusted_proxies;
        let address = connection.map(|address| behind(address, trusted, &parts.headers));
        Ok(Self(address.map_or_else(
            || "unknown".to_owned(),
            |address| address.to_string(),
        )))
    }
}

/// Where the TLS ends that the caller sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// At this server, where there is any.
    Here,
    /// At a proxy that the settings trust: it shows the caller a certificate of its own.
    AtAProxy,
}

impl FromRequestParts<Server> for Ending {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, server: &Server) -> Result<Self, Infallible> {
        let trusted = &server.settings.identity.sign_in.trusted_proxies;
        let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let is_proxy = connection
            .is_some_and(|ConnectInfo(address)| trusted.contains(&address.ip().to_canonical()));
        Ok(if is_proxy { Self::AtAProxy } else { Self::Here })
    }
}

/// Returns the network of an address, for what is counted: of IPv6 the /64, which
/// is what one subscriber has at least. Source: RFC 6177.
pub(crate) fn network_of(address: &str) -> String {
    match address.parse::<Ipv6Addr>() {
        Ok(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            format!("{}/64", Ipv6Addr::from_bits(network))
        }
        Err(_) => address.to_owned(),
    }
}

/// Goes back through the proxies that are trusted, from the nearest on. What stands
/// before the first that is not could have been written by anybody.
fn behind(connection: IpAddr, trusted: &[IpAddr], headers: &HeaderMap) -> IpAddr {
    let mut address = connection;
    let named: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for name in named.iter().rev() {
        if !trusted.contains(&address) {
            break;
        }
        let Ok(next) = name.trim().parse::<IpAddr>() else {
            break;
        };
        address = next.to_canonical();
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_of_a_subscriber_are_one_network() {
        assert_eq!(network_of("2001:db8:0:1::1"), "2001:db8:0:1::/64");
        assert_eq!(network_of("2001:db8:0:1:ffff::2"), "2001:db8:0:1::/64");
        assert_ne!(network_of("2001:db8:0:2::1"), network_of("2001:db8:0:1::1"));
        assert_eq!(network_of("192.0.2.7"), "192.0.2.7");
    }

    #[test]
    fn only_a_trusted_proxy_says_who_is_behind_it() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "6.6.6.6, 10.0.0.9".parse().unwrap());
        headers.append("x-forwarded-for", "10.0.0.2".parse().unwrap());
        let seen = |trusted: &[&str]| {
            let trusted: Vec<IpAddr> = trusted.iter().map(|text| ip(text)).collect();
            behind(ip("10.0.0.1"), &trusted, &headers)
        };
        assert_eq!(seen(&[]), ip("10.0.0.1"));
        assert_eq!(seen(&["10.0.0.1"]), ip("10.0.0.2"));
        assert_eq!(seen(&["10.0.0.1", "10.0.0.2"]), ip("10.0.0.9"));
    }

    #[test]
    fn a_subscriber_of_ipv6_is_one_caller_whatever_address_they_choose() {
        let one = network_of("2001:db8:0:1::1");
        assert_eq!(one, "2001:db8:0:1::/64");
        assert_eq!(network_of("2001:db8:0:1:ffff::2"), one);
        assert_ne!(network_of("2001:db8:0:2::1"), one);
        assert_eq!(network_of("10.0.0.1"), "10.0.0.1");
        assert_eq!(network_of("unknown"), "unknown");
    }
}
