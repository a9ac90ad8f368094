//! Rate limits of deliveries, for each process: by link for valid ones, by address for those without a valid signature.
//! A stranger cannot use up the limit of a link.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use hearth_base::{Error, ErrorKind, Result};
use hearth_wire::components::RepositoryLinkId;
use jiff::Timestamp;

/// Length of the window that deliveries are counted in, in seconds.
const WINDOW_SECONDS: i64 = 60;
/// The maximum number of valid deliveries of a link in one window.
const MAX_DELIVERIES_PER_LINK: u32 = 120;
/// The maximum number of deliveries without a valid signature from one address in one window.
const MAX_REFUSED_PER_ADDRESS: u32 = 30;
/// The maximum number of links and addresses that are counted.
const MAX_KEYS: usize = 20_000;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum LimitKey {
    Link(RepositoryLinkId),
    /// The first 64 bits of an IPv6 address are those of one network.
    Address(u64),
}

/// Counts of the current window.
#[derive(Debug, Default)]
struct WindowCounts {
    window: i64,
    counts: BTreeMap<LimitKey, u32>,
}

/// Rate limits of deliveries.
#[derive(Debug, Clone, Default)]
pub struct ForgeLimits(Arc<Mutex<WindowCounts>>);

impl ForgeLimits {
    /// Counts a valid delivery of a link. Error `rate-limit` (exhausted).
    pub fn take_for_link(&self, link: RepositoryLinkId, now: Timestamp) -> Result<()> {
        self.take_permit(LimitKey::Link(link), MAX_DELIVERIES_PER_LINK, now)
    }

    /// Counts a delivery without a valid signature. Error `rate-limit` (exhausted).
    pub fn take_for_refused(&self, address: Option<IpAddr>, now: Timestamp) -> Result<()> {
        let network = match address {
            None => 0,
            Some(IpAddr::V4(address)) => u64::from(address.to_bits()),
            Some(IpAddr::V6(address)) => u64::try_from(address.to_bits() >> 64).unwrap_or(0),
        };
        self.take_permit(LimitKey::Address(network), MAX_REFUSED_PER_ADDRESS, now)
    }

    fn take_permit(&self, key: LimitKey, limit: u32, now: Timestamp) -> Result<()> {
        let window = now.as_second() / WINDOW_SECONDS;
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.window != window {
            *counts = WindowCounts { window, counts: BTreeMap::new() };
        }
        // Beyond this many addresses in one minute, further ones share one count.
        let is_full = counts.counts.len() >= MAX_KEYS && !counts.counts.contains_key(&key);
        let count = counts.counts.entry(if is_full { LimitKey::Address(0) } else { key }).or_default();
        if *count >= limit {
            let what = format!("there are more than {limit} deliveries in a minute; try again in a minute");
            return Err(Error::new(ErrorKind::Exhausted, "rate-limit", what)
                .help("let the forge send the delivery again in a minute"));
        }
        *count += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use hearth_base::Entropy;
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn stranger_does_not_use_up_the_limit_of_a_link() {
        let (limits, now) = (ForgeLimits::default(), Timestamp::UNIX_EPOCH);
        let link = RepositoryLinkId::new(now, &Entropy::System);
        let stranger: IpAddr = "192.0.2.7".parse().unwrap();
        for _ in 0..MAX_REFUSED_PER_ADDRESS {
            limits.take_for_refused(Some(stranger), now).unwrap();
        }
        assert_eq!(limits.take_for_refused(Some(stranger), now).unwrap_err().code(), "rate-limit");
        limits.take_for_refused(Some("192.0.2.8".parse().unwrap()), now).unwrap();
        for _ in 0..MAX_DELIVERIES_PER_LINK {
            limits.take_for_link(link, now).unwrap();
        }
        assert_eq!(limits.take_for_link(link, now).unwrap_err().kind(), ErrorKind::Exhausted);
        let later = now + SignedDuration::from_secs(WINDOW_SECONDS);
        limits.take_for_link(link, later).unwrap();
        limits.take_for_refused(Some(stranger), later).unwrap();
    }

    #[test]
    fn addresses_of_one_ipv6_network_share_a_limit() {
        let (limits, now) = (ForgeLimits::default(), Timestamp::UNIX_EPOCH);
        for number in 0..MAX_REFUSED_PER_ADDRESS {
            let address = format!("2001:db8::{number:x}").parse().unwrap();
            limits.take_for_refused(Some(address), now).unwrap();
        }
        assert!(limits.take_for_refused("2001:db8::ffff".parse().ok(), now).is_err());
        assert!(limits.take_for_refused("2001:db8:0:1::1".parse().ok(), now).is_ok());
    }
}
