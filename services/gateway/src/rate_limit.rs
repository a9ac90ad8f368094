//! Rate limits of the API: a token bucket for each signed-in caller, one for each address that sends requests without
//! a valid credential, and one for each address that sends unknown credentials ([`crate::credential_lookups`]).
//!
//! The buckets are in the memory of this process: with several gateways, each has its own.

use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    http::{HeaderMap, HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use hearth_base::{Error, ErrorKind};
use hearth_kit::{ApiError, server::AddressBlock};

use crate::{bounded_times::BoundedTimes, settings::GatewaySettings};

/// Time in which an empty bucket is refilled; the window of the policies.
const RATE_WINDOW: Duration = Duration::from_secs(60);
/// Maximum number of buckets of one kind. Beyond it, the fullest is dropped: a caller cannot reset an empty bucket by
/// requests from many others.
const MAX_BUCKETS: usize = 50_000;
/// Policy of a limit (draft-ietf-httpapi-ratelimit-headers).
const POLICY_HEADER: HeaderName = HeaderName::from_static("ratelimit-policy");
/// State of a limit (draft-ietf-httpapi-ratelimit-headers).
const LIMIT_HEADER: HeaderName = HeaderName::from_static("ratelimit");

/// Limits of requests.
pub struct RateLimiter {
    callers: TokenBuckets<String>,
    addresses: TokenBuckets<AddressBlock>,
}

/// State of a caller's bucket after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimitState {
    policy: &'static str,
    capacity: u32,
    remaining: u32,
    /// Time until the bucket is full.
    reset: Duration,
    /// Time until the next request is admitted; `None` if this one was.
    retry_after: Option<Duration>,
}

impl RateLimiter {
    /// Creates limits with full buckets.
    pub fn new(settings: &GatewaySettings) -> Self {
        Self {
            callers: TokenBuckets::new("caller", settings.caller_requests),
            addresses: TokenBuckets::new("address", settings.address_requests),
        }
    }

    /// Takes a token from the bucket of a signed-in caller.
    pub fn take_for_caller(&self, caller: &str) -> RateLimitState {
        self.callers.take_token(caller.to_owned(), Instant::now())
    }

    /// Takes a token from the bucket of an address.
    pub fn take_for_address(&self, address: IpAddr) -> RateLimitState {
        self.addresses.take_token(AddressBlock::from_address(address), Instant::now())
    }
}

impl RateLimitState {
    /// True when the request exceeds the limit.
    pub fn is_exceeded(&self) -> bool {
        self.retry_after.is_some()
    }

    /// Writes the limit into the headers of a response.
    pub fn write_headers(&self, headers: &mut HeaderMap) {
        let Self { policy, capacity, remaining, reset, retry_after } = self;
        let window = RATE_WINDOW.as_secs();
        let written = [
            (POLICY_HEADER, Some(format!("\"{policy}\";q={capacity};w={window}"))),
            (LIMIT_HEADER, Some(format!("\"{policy}\";r={remaining};t={}", round_up_seconds(*reset)))),
            (header::RETRY_AFTER, retry_after.map(|pause| round_up_seconds(pause).max(1).to_string())),
        ];
        for (name, value) in written {
            if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                headers.insert(name, value);
            }
        }
    }

    /// Builds the response to a request beyond the limit.
    pub fn build_refusal(&self) -> Response {
        let Self { capacity, retry_after, .. } = self;
        let seconds = round_up_seconds(retry_after.unwrap_or_default()).max(1);
        let error = Error::new(
            ErrorKind::Exhausted,
            "rate-limit",
            format!("too many requests; at most {capacity} per minute"),
        )
        .help(format!("try again in {seconds} seconds; a client that polls should use a stream or `wait`"));
        let mut response = ApiError(error).into_response();
        self.write_headers(response.headers_mut());
        response
    }
}

fn round_up_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Token buckets of one kind of caller. A bucket of capacity `n` is refilled with `n` tokens per [`RATE_WINDOW`].
///
/// A bucket is stored as the time at which it is full again (generic cell rate algorithm, ITU-T I.371): taking a token
/// moves that time by the interval of one token.
pub struct TokenBuckets<K> {
    policy: &'static str,
    capacity: u32,
    full_at: Mutex<BoundedTimes<K>>,
}

impl<K: Ord + Clone> TokenBuckets<K> {
    /// Creates buckets of this capacity. `policy` names the limit in responses.
    pub fn new(policy: &'static str, capacity: u32) -> Self {
        Self { policy, capacity: capacity.max(1), full_at: Mutex::new(BoundedTimes::new(MAX_BUCKETS)) }
    }

    /// Takes a token from the bucket of `key`.
    pub fn take_token(&self, key: K, now: Instant) -> RateLimitState {
        let interval = RATE_WINDOW / self.capacity;
        let mut buckets = self.lock_buckets();
        // A full bucket and none are the same.
        buckets.drop_until(now);
        let full_at = buckets.find_time(&key).unwrap_or(now);
        let missing = full_at.saturating_duration_since(now);
        let (missing, retry_after) = match (missing + interval).checked_sub(RATE_WINDOW) {
            Some(excess) if !excess.is_zero() => (missing, Some(excess)),
            _ => {
                buckets.set_time(key, now + missing + interval);
                (missing + interval, None)
            }
        };
        let remaining = RATE_WINDOW.saturating_sub(missing).as_nanos() / interval.as_nanos().max(1);
        RateLimitState {
            policy: self.policy,
            capacity: self.capacity,
            remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
            reset: missing,
            retry_after,
        }
    }

    /// Returns a token to the bucket of `key`.
    pub fn return_token(&self, key: K) {
        let mut buckets = self.lock_buckets();
        if let Some(full_at) =
            buckets.find_time(&key).and_then(|time| time.checked_sub(RATE_WINDOW / self.capacity))
        {
            buckets.set_time(key, full_at);
        }
    }

    fn lock_buckets(&self) -> MutexGuard<'_, BoundedTimes<K>> {
        self.full_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_header(state: &RateLimitState, name: &HeaderName) -> Option<String> {
        let mut headers = HeaderMap::new();
        state.write_headers(&mut headers);
        headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    }

    #[test]
    fn bucket_admits_its_capacity_and_refills_evenly() {
        let buckets = TokenBuckets::new("caller", 60);
        let now = Instant::now();
        let states: Vec<_> = (0..61).map(|_| buckets.take_token(1, now)).collect();
        assert!(states[..60].iter().all(|state| !state.is_exceeded()));
        assert_eq!((states[0].remaining, states[59].remaining), (59, 0));
        assert_eq!(states[60].retry_after, Some(Duration::from_secs(1)));
        assert!(!buckets.take_token(2, now).is_exceeded(), "another caller has its own bucket");
        let later = now + Duration::from_secs(2);
        let states = [1, 1, 1].map(|key| buckets.take_token(key, later).is_exceeded());
        assert_eq!(states, [false, false, true]);
    }

    #[test]
    fn response_names_the_limit_its_rest_and_the_pause() {
        let buckets = TokenBuckets::new("address", 2);
        let now = Instant::now();
        let state = buckets.take_token(1, now);
        assert_eq!(read_header(&state, &POLICY_HEADER).as_deref(), Some("\"address\";q=2;w=60"));
        assert_eq!(read_header(&state, &LIMIT_HEADER).as_deref(), Some("\"address\";r=1;t=30"));
        assert_eq!(read_header(&state, &header::RETRY_AFTER), None);
        buckets.take_token(1, now);
        let state = buckets.take_token(1, now);
        assert_eq!(read_header(&state, &header::RETRY_AFTER).as_deref(), Some("30"));
        assert_eq!(state.build_refusal().status(), 429);
    }

    #[test]
    fn number_of_buckets_is_bounded() {
        let buckets = TokenBuckets::new("address", 1);
        let now = Instant::now();
        for key in 0..MAX_BUCKETS + 10 {
            buckets.take_token(key, now);
        }
        assert_eq!(buckets.lock_buckets().count_keys(), MAX_BUCKETS);
    }

    #[test]
    fn caller_cannot_reset_its_limit_by_requests_of_many_others() {
        let buckets = TokenBuckets::new("address", 2);
        let now = Instant::now();
        assert_eq!([(); 3].map(|()| buckets.take_token(0, now).is_exceeded()), [false, false, true]);
        for key in 1..=MAX_BUCKETS + 10 {
            buckets.take_token(key, now);
        }
        assert!(buckets.take_token(0, now).is_exceeded());
    }

    #[test]
    fn returned_token_can_be_taken_again() {
        let buckets = TokenBuckets::new("credential", 1);
        let now = Instant::now();
        assert!(!buckets.take_token(1, now).is_exceeded());
        buckets.return_token(1);
        assert_eq!([(); 2].map(|()| buckets.take_token(1, now).is_exceeded()), [false, true]);
    }
}
