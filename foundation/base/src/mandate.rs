//! Rights lent to a service for work that outlives the request that asked for it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Access, Error, KeyRing, MandateId, Result, Role, RoleKey, ToolId, UserId, envelope};

const PURPOSE: &str = "hearth mandate v1";

/// A mandate: `accounts` says that `holder` may act on a tool for somebody. It is shown together with the
/// holder's own identity, and `accounts` is asked again at each step whether it still stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mandate {
    /// Its id, by which it is asked about and withdrawn.
    pub id: MandateId,
    /// The role that may show it.
    pub holder: Role,
    /// The tool it is about.
    pub tool: ToolId,
    /// How much it allows.
    pub access: Access,
    /// The work it was given for.
    pub cause: MandateCause,
    /// The person it was given by, when it was a person and not the tool itself.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub who: Option<UserId>,
    /// When it ends.
    pub expires: Timestamp,
}

/// The work a mandate was given for, as a kind and an id: `deployment 12`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MandateCause {
    /// What sort of work.
    pub kind: String,
    /// Which one.
    pub id: String,
}

impl Mandate {
    /// Signs it with the key of `accounts`.
    pub fn sign(&self, key: &RoleKey) -> Result<String> {
        envelope::sign(key, PURPOSE, self)
    }

    /// Reads and checks a mandate that `holder` shows. Whether it was withdrawn only `accounts` knows.
    pub fn verify(ring: &KeyRing, token: &str, holder: Role, now: Timestamp) -> Result<Self> {
        let (signer, mandate): (Role, Self) = envelope::open(ring, PURPOSE, token)?;
        if signer != Role::Accounts || mandate.holder != holder {
            return Err(Error::forbidden("mandate", "this mandate was not given to whoever shows it"));
        }
        if mandate.expires <= now {
            return Err(Error::forbidden("mandate-expired", "this mandate has expired"));
        }
        Ok(mandate)
    }
}
