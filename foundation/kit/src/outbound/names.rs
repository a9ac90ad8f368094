//! Look-ups of host names. A result is remembered for a while, and concurrent look-ups of one name are one: package
//! clients open a connection per package, hundreds of them to one host.

use std::{
    collections::BTreeMap,
    io,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hearth_base::{Error, Result};
use tokio::time::{Instant, sleep, timeout};

/// Time for which the addresses of a name are remembered. Most names are valid for longer; `getaddrinfo(3)` does not
/// tell.
const NAME_LIFETIME: Duration = Duration::from_secs(60);
/// Time for which it is remembered that a name does not exist (RFC 2308): a client that tries it again and again asks
/// the resolver once, and a new name is found soon.
const UNKNOWN_NAME_LIFETIME: Duration = Duration::from_secs(10);
/// Timeout of one look-up.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);
/// Look-ups of one name before a temporary failure is an error.
const MAX_LOOKUPS: u32 = 3;
/// Pause after a temporary failure; it doubles with each.
const LOOKUP_RETRY_PAUSE: Duration = Duration::from_millis(500);
/// Maximum number of remembered names.
const MAX_REMEMBERED_NAMES: usize = 1000;

/// Addresses of a name, none if it does not exist, with the time until which they are valid. The lock is held during a
/// look-up, so that others of the same name wait for its result.
type NameEntry = Arc<tokio::sync::Mutex<Option<(Instant, Vec<IpAddr>)>>>;

/// Resolver that remembers names.
#[derive(Debug)]
pub struct NameResolver {
    lifetime: Duration,
    unknown_lifetime: Duration,
    retry_pause: Duration,
    names: Mutex<BTreeMap<String, NameEntry>>,
}

impl Default for NameResolver {
    fn default() -> Self {
        Self {
            lifetime: NAME_LIFETIME,
            unknown_lifetime: UNKNOWN_NAME_LIFETIME,
            retry_pause: LOOKUP_RETRY_PAUSE,
            names: Mutex::default(),
        }
    }
}

impl NameResolver {
    /// Looks up the addresses of a name, which contains only letters, digits, `.`, `-` and `_`.
    ///
    /// Errors (unavailable): `outbound-unknown-host`; `outbound-resolver` when the resolver fails for the moment.
    pub async fn look_up(&self, host: &str) -> Result<Vec<IpAddr>> {
        self.look_up_by(host, |host| async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
        .await
    }

    async fn look_up_by<F>(&self, host: &str, ask: impl Fn(String) -> F) -> Result<Vec<IpAddr>>
    where
        F: Future<Output = io::Result<Vec<IpAddr>>>,
    {
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        let entry = self.find_entry(&name);
        let mut entry = entry.lock().await;
        if let Some((until, addresses)) = &*entry
            && *until > Instant::now()
        {
            return to_known_host(&name, addresses.clone());
        }
        let addresses = ask_with_retries(&name, self.retry_pause, ask).await?;
        let lifetime = if addresses.is_empty() { self.unknown_lifetime } else { self.lifetime };
        *entry = Some((Instant::now() + lifetime, addresses.clone()));
        to_known_host(&name, addresses)
    }

    fn find_entry(&self, name: &str) -> NameEntry {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= MAX_REMEMBERED_NAMES && !names.contains_key(name) {
            let now = Instant::now();
            // An entry in use is locked, or has another owner.
            names.retain(|_, entry| match entry.try_lock() {
                Ok(entry) => entry.as_ref().is_some_and(|(until, _)| *until > now),
                Err(_) => true,
            });
            while names.len() >= MAX_REMEMBERED_NAMES {
                names.pop_first();
            }
        }
        Arc::clone(names.entry(name.to_owned()).or_default())
    }
}

fn to_known_host(name: &str, addresses: Vec<IpAddr>) -> Result<Vec<IpAddr>> {
    if addresses.is_empty() {
        let message = format!("there is no host {}", escape_host(name));
        return Err(Error::unavailable("outbound-unknown-host", message).help("check the spelling"));
    }
    Ok(addresses)
}

/// Asks for the addresses of a name; none if it does not exist.
async fn ask_with_retries<F>(
    name: &str,
    mut pause: Duration,
    ask: impl Fn(String) -> F,
) -> Result<Vec<IpAddr>>
where
    F: Future<Output = io::Result<Vec<IpAddr>>>,
{
    for count in 1.. {
        let found = timeout(LOOKUP_TIMEOUT, ask(name.to_owned())).await;
        let failure: io::Error = match found {
            Ok(Ok(mut addresses)) => {
                addresses.dedup();
                return Ok(addresses);
            }
            Ok(Err(cause)) if !is_temporary(&cause) => {
                tracing::debug!(name, %cause, "host name not found");
                return Ok(Vec::new());
            }
            Ok(Err(cause)) => cause,
            Err(_) => io::ErrorKind::TimedOut.into(),
        };
        if count >= MAX_LOOKUPS {
            let message =
                format!("the resolver fails for the moment: {} could not be looked up", escape_host(name));
            return Err(Error::unavailable("outbound-resolver", message)
                .help("try again; if it lasts, ask an operator of this Hearth to check its name servers")
                .with_cause(failure));
        }
        sleep(pause).await;
        pause *= 2;
    }
    Ok(Vec::new())
}

/// True for `EAI_AGAIN` (`getaddrinfo(3)`): std has no kind for it, so its text in glibc and musl decides.
fn is_temporary(cause: &io::Error) -> bool {
    let text = cause.to_string().to_lowercase();
    cause.kind() == io::ErrorKind::TimedOut
        || text.contains("temporary failure")
        || text.contains("try again")
}

/// Formats a host name for a message: shortened, without control characters.
pub(super) fn escape_host(host: &str) -> String {
    host.chars().take(80).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn build_resolver(lifetime: Duration) -> NameResolver {
        NameResolver { lifetime, retry_pause: Duration::ZERO, ..NameResolver::default() }
    }

    fn build_addresses() -> Vec<IpAddr> {
        vec![IpAddr::from([203, 0, 113, 7])]
    }

    #[tokio::test]
    async fn name_is_looked_up_once_for_concurrent_and_later_connections() -> Result<()> {
        let (resolver, count) = (NameResolver::default(), AtomicU32::new(0));
        let ask = |_: String| async {
            count.fetch_add(1, Ordering::Relaxed);
            // The other look-ups begin meanwhile.
            tokio::task::yield_now().await;
            Ok(build_addresses())
        };
        let found = tokio::join!(
            resolver.look_up_by("registry.example", ask),
            resolver.look_up_by("Registry.example.", ask),
            resolver.look_up_by("registry.example", ask)
        );
        assert_eq!((found.0?, found.1?, found.2?), (build_addresses(), build_addresses(), build_addresses()));
        resolver.look_up_by("registry.example", ask).await?;
        assert_eq!(count.load(Ordering::Relaxed), 1);
        resolver.look_up_by("other.example", ask).await?;
        assert_eq!(count.load(Ordering::Relaxed), 2);
        Ok(())
    }

    #[tokio::test]
    async fn name_is_looked_up_again_after_its_lifetime() -> Result<()> {
        let (resolver, count) = (build_resolver(Duration::ZERO), AtomicU32::new(0));
        let ask = |_: String| async {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(build_addresses())
        };
        resolver.look_up_by("registry.example", ask).await?;
        resolver.look_up_by("registry.example", ask).await?;
        assert_eq!(count.load(Ordering::Relaxed), 2);
        Ok(())
    }

    #[tokio::test]
    async fn temporary_failure_is_tried_again_and_named() -> Result<()> {
        let (resolver, count) = (build_resolver(NAME_LIFETIME), AtomicU32::new(0));
        let failing =
            || io::Error::other("failed to lookup address information: Temporary failure in name resolution");
        let recovers = |_: String| async {
            if count.fetch_add(1, Ordering::Relaxed) == 0 { Err(failing()) } else { Ok(build_addresses()) }
        };
        assert_eq!(resolver.look_up_by("registry.example", recovers).await?, build_addresses());
        let error = resolver.look_up_by("other.example", |_| async { Err(failing()) }).await.unwrap_err();
        assert_eq!(error.code(), "outbound-resolver");
        assert!(error.public_message().contains("other.example could not be looked up"), "{error:?}");
        // A failure is not remembered.
        assert_eq!(resolver.look_up_by("other.example", recovers).await?, build_addresses());
        Ok(())
    }

    #[tokio::test]
    async fn unknown_host_is_remembered() {
        let (resolver, count) = (NameResolver::default(), AtomicU32::new(0));
        let unknown = |_: String| async {
            count.fetch_add(1, Ordering::Relaxed);
            Err(io::Error::other("failed to lookup address information: Name or service not known"))
        };
        for _ in 0..3 {
            let error = resolver.look_up_by("nosuch.example", unknown).await.unwrap_err();
            assert_eq!((error.code(), count.load(Ordering::Relaxed)), ("outbound-unknown-host", 1));
        }
    }

    #[tokio::test]
    async fn host_that_appears_is_found_after_the_lifetime_of_unknown_names() -> Result<()> {
        let resolver = NameResolver { unknown_lifetime: Duration::ZERO, ..NameResolver::default() };
        assert!(resolver.look_up_by("new.example", |_| async { Ok(Vec::new()) }).await.is_err());
        let found = resolver.look_up_by("new.example", |_| async { Ok(build_addresses()) }).await?;
        assert_eq!(found, build_addresses());
        Ok(())
    }

    #[tokio::test]
    async fn host_with_ipv6_addresses_only_is_looked_up_once() -> Result<()> {
        let (resolver, count) = (NameResolver::default(), AtomicU32::new(0));
        let six: IpAddr = std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7).into();
        for _ in 0..3 {
            let ask = |_: String| async {
                count.fetch_add(1, Ordering::Relaxed);
                Ok(vec![six])
            };
            assert_eq!(resolver.look_up_by("six.example", ask).await?, [six]);
        }
        assert_eq!(count.load(Ordering::Relaxed), 1);
        Ok(())
    }

    #[tokio::test]
    async fn number_of_remembered_names_is_limited() -> Result<()> {
        let resolver = NameResolver::default();
        for number in 0..MAX_REMEMBERED_NAMES + 50 {
            resolver.look_up_by(&format!("h{number}.example"), |_| async { Ok(build_addresses()) }).await?;
        }
        assert!(resolver.names.lock().unwrap().len() <= MAX_REMEMBERED_NAMES);
        Ok(())
    }
}
