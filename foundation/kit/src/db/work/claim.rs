//! Who claims work, and what a claim is.

use hearth_base::{LifeId, Role};
use serde::{Deserialize, Serialize};

/// Who claims: a role as one process plays it on one state folder. The lock on a role is why there are never two
/// such processes at one time, and so what another life of the same holder had is nobody's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The role.
    pub role: Role,
    /// The state folder ([`StateFolder::place`](crate::state::StateFolder::place)).
    pub place: String,
    /// By which process.
    pub life: LifeId,
}

impl Holder {
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.role, self.place)
    }
}

/// A piece of work that is this worker's until the lease runs out.
#[derive(Debug, Clone)]
pub struct Claim<T> {
    /// Which one.
    pub key: String,
    /// What is to be done.
    pub content: T,
    /// How often it has failed.
    pub failures: u32,
    pub(super) kind: &'static str,
    pub(super) fence: i64,
    pub(super) asked: i64,
}

/// What proves a claim to a worker in another process, which brings it back with each of its calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    key: String,
    fence: i64,
    asked: i64,
}

impl<T> Claim<T> {
    /// What proves this claim in another process.
    pub fn ticket(&self) -> Ticket {
        Ticket { key: self.key.clone(), fence: self.fence, asked: self.asked }
    }
}

impl Ticket {
    /// The claim on work of a kind that this ticket was given for. Whether it still holds is found out when it is
    /// used.
    pub fn claim(self, kind: &'static str) -> Claim<()> {
        let Self { key, fence, asked } = self;
        Claim { key, content: (), failures: 0, kind, fence, asked }
    }
}
