//! Typed ids: for ever, never reused, ordered by the time they were made.
//!
//! An id is a ULID (<https://github.com/ulid/spec>) behind a word that says what it names:
//! `tool_01jd0w5e3mqk8v7h4c2x9s6tbn`. Names are aliases; tables, blobs and folders are keyed by ids.

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

/// What an [`Id`] names.
pub trait IdKind: Send + Sync + 'static {
    /// The word before the underscore.
    const PREFIX: &'static str;
}

/// An id of one kind of thing.
pub struct Id<K>(Ulid, PhantomData<fn() -> K>);

impl<K: IdKind> Id<K> {
    /// A new id, made at `now` with 80 bits of `entropy`.
    pub fn new(now: Timestamp, entropy: &Entropy) -> Self {
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        Self(Ulid::from_parts(millis, u128::from_le_bytes(entropy.bytes())), PhantomData)
    }
}

impl<K: IdKind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", K::PREFIX, self.0.to_string().to_ascii_lowercase())
    }
}

impl<K: IdKind> FromStr for Id<K> {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        text.strip_prefix(K::PREFIX)
            .and_then(|rest| rest.strip_prefix('_'))
            .filter(|rest| !rest.bytes().any(|byte| byte.is_ascii_uppercase()))
            .and_then(|rest| Ulid::from_string(rest).ok())
            .map(|ulid| Self(ulid, PhantomData))
            .ok_or_else(|| Error::invalid("id", format!("{text:?} is not the id of a {}", K::PREFIX)))
    }
}

impl<K: IdKind> PathParam for Id<K> {
    const PARAM: &'static str = K::PREFIX;
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
        /// The markers behind the id types.
        mod kinds {
            $(pub enum $name {}
            impl super::IdKind for $name {
                const PREFIX: &'static str = $prefix;
            })*
        }
    };
}

ids! {
    /// A tool, whatever it is called now.
    ToolId = "tool";
    /// A person with an account.
    UserId = "user";
    /// A personal token or a tool's token.
    TokenId = "token";
    /// What lets a service act for somebody after their request has ended.
    MandateId = "mandate";
    /// One sign-in.
    SessionId = "session";
    /// One entry of a feed or of the audit log.
    EventId = "event";
    /// One request at the door, and everything done for it.
    RequestId = "req";
    /// A repository of images.
    RepositoryId = "repo";
    /// One piece of content in a blob store.
    BlobId = "blob";
    /// An upload to the registry that is under way.
    UploadId = "upload";
    /// One making of an image.
    BuildId = "build";
    /// A folder that was uploaded to be built.
    SourceId = "source";
    /// A webhook of a tool.
    WebhookId = "webhook";
    /// One event on its way to one webhook.
    DeliveryId = "delivery";
    /// One mail to one person.
    MailId = "mail";
    /// One process in one role, from its start to its end.
    LifeId = "life";
}

/// Where random bits come from.
#[derive(Debug, Default)]
pub enum Entropy {
    /// The operating system's generator: for everything real.
    #[default]
    System,
    /// A counter: the same bytes at each run of a test.
    Counting(AtomicU64),
}

impl Entropy {
    /// `N` fresh bytes.
    ///
    /// # Panics
    /// When the operating system has no random bits to give: nothing safe can be done without them.
    #[expect(clippy::expect_used, reason = "there is no safe way on without random bits")]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        match self {
            Self::System => getrandom::fill(&mut bytes).expect("the system gives random bits"),
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

    fn id() -> ToolId {
        ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::Counting(AtomicU64::new(7)))
    }

    #[test]
    fn an_id_reads_back_as_itself() {
        assert_eq!(id().to_string(), "tool_00000000000000000000000007");
        assert_eq!(id().to_string().parse::<ToolId>().ok(), Some(id()));
    }

    #[test]
    fn an_id_of_another_kind_or_case_is_refused() {
        assert!(id().to_string().parse::<UserId>().is_err());
        assert!("tool_0000000000000000000000000A".parse::<ToolId>().is_err());
        assert!("tool_".parse::<ToolId>().is_err());
    }
}
