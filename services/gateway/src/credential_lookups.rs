//! Limit of look-ups of credentials that turn out to be invalid: it ends guessing before `accounts` is asked.
//!
//! | credential | look-up |
//! |---|---|
//! | was valid within [`KNOWN_DURATION`] | always admitted, so that others at the same address cannot block its owner |
//! | unknown | takes a token from the bucket of the address, which returns unless the credential is invalid |
//! | unknown, and the bucket is empty | refused |

use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hearth_base::Secret;
use hearth_kit::server::AddressBlock;
use sha2::{Digest, Sha256};

use crate::{
    bounded_times::BoundedTimes,
    rate_limit::{RateLimitState, TokenBuckets},
};

/// Time for which a credential counts as known after it was valid.
const KNOWN_DURATION: Duration = Duration::from_secs(3600);
/// Maximum number of known credentials. Beyond it, the one that was valid the longest time ago is dropped.
const MAX_KNOWN_CREDENTIALS: usize = 20_000;

/// SHA-256 of a credential.
type CredentialHash = [u8; 32];

/// Limits of look-ups.
pub struct CredentialLookups {
    addresses: TokenBuckets<AddressBlock>,
    known_until: Mutex<BoundedTimes<CredentialHash>>,
}

/// An admitted look-up. It counts as one of an invalid credential until its end is recorded.
#[must_use]
pub struct AdmittedLookup<'a> {
    lookups: &'a CredentialLookups,
    credential: CredentialHash,
    /// The address whose token was taken.
    address: Option<AddressBlock>,
}

impl CredentialLookups {
    /// Admits `invalid_per_minute` look-ups of invalid credentials per minute and address.
    pub fn new(invalid_per_minute: u32) -> Self {
        let known_until = Mutex::new(BoundedTimes::new(MAX_KNOWN_CREDENTIALS));
        Self { addresses: TokenBuckets::new("credential", invalid_per_minute), known_until }
    }

    /// Admits the look-up of a credential from the address `client`; none for a request within the process. The
    /// error is the state of the exceeded limit.
    pub fn admit_lookup(
        &self,
        secret: &Secret,
        client: Option<IpAddr>,
    ) -> Result<AdmittedLookup<'_>, RateLimitState> {
        let credential = Sha256::digest(secret.expose_secret()).into();
        let now = Instant::now();
        let is_known = self.lock_known().find_time(&credential).is_some_and(|until| until > now);
        let address = client.filter(|_| !is_known).map(AddressBlock::from_address);
        if let Some(address) = address {
            let state = self.addresses.take_token(address, now);
            if state.is_exceeded() {
                return Err(state);
            }
        }
        Ok(AdmittedLookup { lookups: self, credential, address })
    }

    fn lock_known(&self) -> MutexGuard<'_, BoundedTimes<CredentialHash>> {
        self.known_until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AdmittedLookup<'_> {
    /// Records that the credential is valid.
    pub fn record_valid(self) {
        self.lookups.lock_known().set_time(self.credential, Instant::now() + KNOWN_DURATION);
        self.return_token();
    }

    /// Records that the credential is invalid.
    pub fn record_invalid(self) {
        self.lookups.lock_known().remove(&self.credential);
    }

    /// Records that the look-up failed for another reason.
    pub fn record_failure(self) {
        self.return_token();
    }

    fn return_token(self) {
        if let Some(address) = self.address {
            self.lookups.addresses.return_token(address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT_ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn admit_guess<'a>(lookups: &'a CredentialLookups, secret: &str) -> Option<AdmittedLookup<'a>> {
        lookups.admit_lookup(&Secret::new(secret), Some(CLIENT_ADDRESS)).ok()
    }

    #[test]
    fn address_beyond_its_invalid_credentials_is_refused_before_the_look_up() {
        let lookups = CredentialLookups::new(2);
        for guess in ["one", "two"] {
            admit_guess(&lookups, guess).unwrap().record_invalid();
        }
        assert!(admit_guess(&lookups, "three").is_none());
        let elsewhere = Some(IpAddr::V4([192, 0, 2, 7].into()));
        assert!(lookups.admit_lookup(&Secret::new("three"), elsewhere).is_ok());
        assert!(lookups.admit_lookup(&Secret::new("three"), None).is_ok());
    }

    #[test]
    fn valid_credential_is_looked_up_also_beyond_the_limit_of_its_address() {
        let lookups = CredentialLookups::new(1);
        admit_guess(&lookups, "valid").unwrap().record_valid();
        admit_guess(&lookups, "guess").unwrap().record_invalid();
        assert!(admit_guess(&lookups, "another guess").is_none());
        admit_guess(&lookups, "valid").unwrap().record_valid();
        // Once it is revoked it is as unknown as any other.
        admit_guess(&lookups, "valid").unwrap().record_invalid();
        assert!(admit_guess(&lookups, "valid").is_none());
    }

    #[test]
    fn look_ups_in_progress_count_and_failed_ones_do_not() {
        let lookups = CredentialLookups::new(1);
        let in_progress = admit_guess(&lookups, "one").unwrap();
        assert!(admit_guess(&lookups, "two").is_none());
        in_progress.record_failure();
        assert!(admit_guess(&lookups, "two").is_some());
    }
}
