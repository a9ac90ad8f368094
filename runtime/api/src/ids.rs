//! Ids of workloads and containers. Callers generate the ids of workloads.

use std::{fmt, str::FromStr};

use hearth_base::{Error, Id, IdKind};

/// Marker type of [`RunId`].
pub enum RunKind {}

impl IdKind for RunKind {
    const ID_PREFIX: &'static str = "run";
}

/// Marker type of [`SetId`].
pub enum SetKind {}

impl IdKind for SetKind {
    const ID_PREFIX: &'static str = "set";
}

/// Id of a workload that runs once.
pub type RunId = Id<RunKind>;

/// Id of a workload that is kept running.
pub type SetId = Id<SetKind>;

/// Id of a workload of either kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkloadId {
    /// A run, started at most once.
    Run(RunId),
    /// A set of replicas, restarted whenever they end.
    Set(SetId),
}

impl fmt::Display for WorkloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(id) => id.fmt(f),
            Self::Set(id) => id.fmt(f),
        }
    }
}

impl FromStr for WorkloadId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.starts_with(SetKind::ID_PREFIX) {
            text.parse().map(Self::Set)
        } else {
            text.parse().map(Self::Run)
        }
    }
}

/// Id of one container of a workload: `run_….0.1`, or `set_….2.7` for the seventh start of a set's third
/// replica. Its text is a safe file name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId {
    /// The workload that it belongs to.
    pub workload: WorkloadId,
    /// Index of the replica in its set, from 0; 0 for a run.
    pub replica: u16,
    /// Start count of the replica, from 1.
    pub start: u32,
}

impl InstanceId {
    /// The id of the only container of a run.
    pub fn from_run(run: RunId) -> Self {
        Self { workload: WorkloadId::Run(run), replica: 0, start: 1 }
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.workload, self.replica, self.start)
    }
}

impl FromStr for InstanceId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let read = || {
            let mut parts = text.splitn(3, '.');
            let instance = Self {
                workload: parts.next()?.parse().ok()?,
                replica: parts.next()?.parse().ok()?,
                start: parts.next()?.parse().ok()?,
            };
            (instance.to_string() == text).then_some(instance)
        };
        read().ok_or_else(|| {
            Error::invalid("id", format!("invalid instance id: {text:.80?}; expected WORKLOAD.REPLICA.START"))
        })
    }
}

hearth_base::as_text!(WorkloadId, InstanceId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_reads_back_and_nothing_else_is_one() {
        let text = "set_00000000000000000000000007.2.7";
        assert_eq!(text.parse::<InstanceId>().map(|id| id.to_string()).ok().as_deref(), Some(text));
        for wrong in [
            "",
            "set_1.2.3",
            "set_00000000000000000000000007.02.7",
            "run_00000000000000000000000007/..",
            "run_00000000000000000000000007.0.1.2",
        ] {
            assert!(wrong.parse::<InstanceId>().is_err(), "{wrong}");
        }
    }
}
