//! Networks that an operator refuses.

use std::{fmt, net::IpAddr, str::FromStr};

use hearth_base::{Error, Result, as_text};
use ipnet::{IpNet, Ipv4Net};

use super::address::extract_inner_v4;

/// A network or address that users' requests may not reach, although it is public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusedNetwork(IpNet);

impl RefusedNetwork {
    /// True if the address is in the network, also when an IPv6 address embeds it.
    pub fn contains_address(&self, address: IpAddr) -> bool {
        let embedded = match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(address) => extract_inner_v4(address).map(IpAddr::V4),
        };
        self.0.contains(&address) || embedded.is_some_and(|address| self.0.contains(&address))
    }

    /// The network, if it is one of IPv4.
    pub fn as_ipv4(&self) -> Option<Ipv4Net> {
        match self.0 {
            IpNet::V4(network) => Some(network),
            IpNet::V6(_) => None,
        }
    }
}

impl FromStr for RefusedNetwork {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(|network| Self(network.trunc())).map_err(|_| {
            Error::invalid("outbound-network", format!("invalid entry in [outbound] refuse: {text:?}"))
                .help("write ADDRESS or ADDRESS/PREFIX, such as 203.0.113.7 or 2001:db8::/32")
        })
    }
}

impl fmt::Display for RefusedNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

as_text!(RefusedNetwork);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_is_an_address_or_a_prefix() {
        let parse = |text: &str| text.parse::<RefusedNetwork>().map(|network| network.to_string()).ok();
        assert_eq!(parse("203.0.113.7").as_deref(), Some("203.0.113.7/32"));
        assert_eq!(parse("203.0.113.7/24").as_deref(), Some("203.0.113.0/24"));
        assert_eq!(parse("2001:db8::/32").as_deref(), Some("2001:db8::/32"));
        for text in ["", "example.org", "203.0.113.0/33", "203.0.113"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
