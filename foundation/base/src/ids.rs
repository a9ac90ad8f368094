//! Typed ids: permanent, never reused, ordered by creation time.
//!
//! An id is a ULID (<https://github.com/ulid/spec>) with a prefix for its type:
//! `tool_01jd0w5e3mqk8v7h4c2x9s6tbn`. Names are aliases; ids are the keys of tables, blobs and folders.

use std::{
    fmt,
    hash::{Hash, Hasher},
    marker::PhantomData,
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering},
};

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ulid::Ulid;

use crate::{Error, PathParam};

/// Type of object that an [`Id`] identifies.
pub trait IdKind: Send + Sync + 'static {
    /// Prefix before the underscore.
    const ID_PREFIX: &'static str;
}

/// Id of one type of object.
pub struct Id<K>(Ulid, PhantomData<fn() -> K>);

impl<K: IdKind> Id<K> {
    /// Creates an id with the time `now` and 80 bits of `entropy`.
    pub fn new(now: Timestamp, entropy: &Entropy) -> Self {
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        Self(Ulid::from_parts(millis, u128::from_le_bytes(entropy.generate_bytes())), PhantomData)
    }
}

impl<K: IdKind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", K::ID_PREFIX, self.0.to_string().to_ascii_lowercase())
    }
}

impl<K: IdKind> FromStr for Id<K> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        text.strip_prefix(K::ID_PREFIX)
            .and_then(|rest| rest.strip_prefix('_'))
            .filter(|rest| !rest.bytes().any(|byte| byte.is_ascii_uppercase()))
            .and_then(|rest| Ulid::from_string(rest).ok())
            .map(|ulid| Self(ulid, PhantomData))
            .ok_or_else(|| Error::invalid("id", format!("{text:?} is not the id of a {}", K::ID_PREFIX)))
    }
}

impl<K: IdKind> PathParam for Id<K> {
    const PARAM_NAME: &'static str = K::ID_PREFIX;
}

impl<K: IdKind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K> Copy for Id<K> {}

impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<K> Eq for Id<K> {}

impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl<K> Hash for Id<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl<K: IdKind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: IdKind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        pub type $name = Id<kinds::$name>;
    )*
        /// Marker types of the ids.
        mod kinds {
            $(pub enum $name {}
            impl super::IdKind for $name {
                const ID_PREFIX: &'static str = $prefix;
            })*
        }
    };
}

ids! {
    /// Tool.
    ToolId = "tool";
    /// User with an account.
    UserId = "user";
    /// Personal token, or token of a tool.
    TokenId = "token";
    /// Mandate: a grant that lets a service act for a caller after the end of the request.
    MandateId = "mandate";
    /// Session of one sign-in.
    SessionId = "session";
    /// Event of a stream, or entry of the audit log.
    EventId = "event";
    /// Request at the gateway, with all requests that it causes.
    RequestId = "req";
    /// Image repository.
    RepositoryId = "repo";
    /// Blob of a blob store.
    BlobId = "blob";
    /// Upload to the registry.
    UploadId = "upload";
    /// Request of a tool to the operators.
    ToolRequestId = "request";
    /// Build.
    BuildId = "build";
    /// Outside builder.
    OutsideBuilderId = "outsidebuilder";
    /// Uploaded folder.
    SourceId = "source";
    /// Webhook of a tool.
    WebhookId = "webhook";
    /// Delivery of one event to one webhook.
    DeliveryId = "delivery";
    /// Mail to one user.
    MailId = "mail";
    /// Process instance: one process in one role, from its start to its end.
    ProcessInstanceId = "life";
}

/// Source of random bytes.
#[derive(Debug, Default)]
pub enum Entropy {
    /// Random generator of the operating system, for production.
    #[default]
    System,
    /// Counter with the same bytes in every run of a test.
    Counting(AtomicU64),
}

impl Entropy {
    /// Returns `N` fresh bytes.
    ///
    /// # Panics
    /// Panics when the operating system has no random bytes: without them, ids and keys would be unsafe.
    #[expect(clippy::expect_used, reason = "no safe result is possible without random bytes")]
    pub fn generate_bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match self {
            Self::System => getrandom::fill(&mut bytes).expect("the system provides random bytes"),
            Self::Counting(count) => {
                let next = count.fetch_add(1, Ordering::Relaxed).to_le_bytes();
                for (byte, next) in bytes.iter_mut().zip(next) {
                    *byte = next;
                }
            }
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build_tool_id() -> ToolId {
        ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::Counting(AtomicU64::new(7)))
    }

    #[test]
    fn id_round_trips_through_text() {
        assert_eq!(build_tool_id().to_string(), "tool_00000000000000000000000007");
        assert_eq!(build_tool_id().to_string().parse::<ToolId>().ok(), Some(build_tool_id()));
    }

    #[test]
    fn id_of_another_kind_or_case_is_refused() {
        assert!(build_tool_id().to_string().parse::<UserId>().is_err());
        assert!("tool_0000000000000000000000000A".parse::<ToolId>().is_err());
        assert!("tool_".parse::<ToolId>().is_err());
    }
}
