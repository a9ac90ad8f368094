//! Ids of what is run. They are made above; the runtime only keeps them apart.

use std::{fmt, str::FromStr};

use hearth_base::{Error, Id, IdKind};

/// The marker behind [`RunId`].
pub enum RunKind {}

impl IdKind for RunKind {
    const PREFIX: &'static str = "run";
}

/// The marker behind [`SetId`].
pub enum SetKind {}

impl IdKind for SetKind {
    const PREFIX: &'static str = "set";
}

/// Something that runs once.
pub type RunId = Id<RunKind>;

/// Something that is kept running.
pub type SetId = Id<SetKind>;

/// Either sort of workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WorkloadId {
    /// A run, started at most once.
    Run(RunId),
    /// A set of replicas, kept alive.
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
        if text.starts_with(SetKind::PREFIX) {
            text.parse().map(Self::Set)
        } else {
            text.parse().map(Self::Run)
        }
    }
}

/// One container that was or is there for a workload: `run_….0.1`, or the seventh start of a set's third
/// replica, `set_….2.7`. It is safe as a file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId {
    /// The workload that it belongs to.
    pub workload: WorkloadId,
    /// Which of the set's replicas, from 0; 0 for a run.
    pub replica: u16,
    /// The how-manieth container for that replica, from 1.
    pub start: u32,
}

impl InstanceId {
    /// The only container of a run.
    pub fn of_run(run: RunId) -> Self {
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
        read().ok_or_else(|| Error::invalid("id", format!("{text:.80?} is not the id of an instance")))
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
