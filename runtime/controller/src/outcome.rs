//! Interprets the outcome of a container for the service that stores it.

use std::time::Duration;

use hearth_base::Memory;
use hearth_runtime_api::{ContainerOutcome, Termination};

/// The kinds of a container's end that services distinguish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conclusion {
    /// It exited with this status; 0 is success.
    Exited {
        /// The status.
        code: i32,
    },
    /// A signal killed it, without a stop request.
    Killed {
        /// The signal.
        signal: i32,
    },
    /// It was stopped by request.
    Stopped {
        /// False if it was stopped before its start.
        started: bool,
    },
    /// It needed more memory than its limit.
    OutOfMemory,
    /// It ran longer than its time limit.
    TimedOut,
    /// It could not be started.
    NotStarted {
        /// The reason, as a sentence for users.
        reason: String,
    },
    /// Its end is unknown.
    Lost,
}

/// The limits that descriptions of outcomes mention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutcomeLimits {
    /// Memory.
    pub memory: Memory,
    /// Processes and threads.
    pub processes: u32,
    /// Size of the writable root file system.
    pub disk: Memory,
    /// Time limit.
    pub time: Option<Duration>,
}

impl Conclusion {
    /// Derives the kind of end from an outcome. A stop request takes precedence over an exit or a signal, but
    /// not over a limit.
    pub fn from_outcome(outcome: &ContainerOutcome) -> Self {
        match &outcome.end {
            Termination::Exited { .. } | Termination::Killed { .. } if outcome.stopped => {
                Self::Stopped { started: true }
            }
            // A stop before the start leaves no exit status, and is not a failure to start.
            Termination::NotStarted { .. } if outcome.stopped => Self::Stopped { started: false },
            Termination::Exited { code } => Self::Exited { code: *code },
            Termination::Killed { signal } => Self::Killed { signal: *signal },
            Termination::OutOfMemory => Self::OutOfMemory,
            Termination::TimedOut => Self::TimedOut,
            Termination::NotStarted { reason } => Self::NotStarted { reason: reason.clone() },
            Termination::Lost => Self::Lost,
        }
    }

    /// Describes the end in one sentence for users, without its full stop; "it" is the container.
    pub fn describe_outcome(&self, limits: &OutcomeLimits) -> String {
        match self {
            Self::Exited { code: 0 } => "it succeeded".to_owned(),
            Self::Exited { code: 127 } => "it ended with status 127: its command was not found".to_owned(),
            Self::Exited { code } => format!("it ended with status {code}"),
            Self::Killed { signal } => format!("signal {signal} ended it"),
            Self::Stopped { started: true } => "it was stopped".to_owned(),
            Self::Stopped { started: false } => "it was stopped before it started".to_owned(),
            Self::OutOfMemory => format!("it needed more than its {} of memory", limits.memory),
            Self::TimedOut => {
                format!("it ran longer than its {} seconds", limits.time.unwrap_or_default().as_secs())
            }
            Self::NotStarted { reason } => format!("it could not be started: {reason}"),
            Self::Lost => "its end is unknown: its machine stopped".to_owned(),
        }
    }
}

/// Extracts the exit status and the signal of an end.
pub fn extract_exit_status(end: &Termination) -> (Option<i32>, Option<i32>) {
    match end {
        Termination::Exited { code } => (Some(*code), None),
        Termination::Killed { signal } => (None, Some(*signal)),
        Termination::OutOfMemory
        | Termination::TimedOut
        | Termination::NotStarted { .. }
        | Termination::Lost => (None, None),
    }
}

/// Describes the limits that a container reached without being ended by them: one sentence each, without its
/// full stop.
pub fn describe_limits_met(outcome: &ContainerOutcome, limits: &OutcomeLimits) -> Vec<String> {
    let OutcomeLimits { memory, processes, disk, .. } = limits;
    let times = |count: u64| if count == 1 { "once".to_owned() } else { format!("{count} times") };
    // The description of the end mentions out of memory already.
    let kills = if outcome.end == Termination::OutOfMemory { 0 } else { outcome.oom_kills };
    let killed = (kills > 0).then(|| {
        let killed = if kills == 1 { "1 process was".to_owned() } else { format!("{kills} processes were") };
        format!("{killed} killed because it needed more than its {memory} of memory")
    });
    let refused = (outcome.refused_forks > 0).then(|| {
        format!("it reached its limit of {processes} processes and threads {}", times(outcome.refused_forks))
    });
    let full = outcome.disk_full.then(|| format!("it had filled its {disk} of disk"));
    killed.into_iter().chain(refused).chain(full).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_runtime_api::ContainerOutcome;

    const TEST_LIMITS: OutcomeLimits = OutcomeLimits {
        memory: Memory::from_mib(512),
        processes: 100,
        disk: Memory::from_mib(2048),
        time: Some(Duration::from_secs(60)),
    };

    fn build_outcome(end: Termination, stopped: bool) -> ContainerOutcome {
        ContainerOutcome {
            stopped,
            ..ContainerOutcome::from_end(end, "2026-05-04T12:00:00Z".parse().unwrap())
        }
    }

    #[test]
    fn limits_that_were_met_are_named() {
        let met = |oom_kills, refused_forks, disk_full| {
            let exited = build_outcome(Termination::Exited { code: 0 }, false);
            describe_limits_met(
                &ContainerOutcome { oom_kills, refused_forks, disk_full, ..exited },
                &TEST_LIMITS,
            )
            .join("; ")
        };
        assert_eq!(met(0, 0, false), "");
        assert_eq!(met(0, 0, true), "it had filled its 2Gi of disk");
        assert_eq!(met(1, 0, false), "1 process was killed because it needed more than its 512Mi of memory");
        assert_eq!(
            met(2, 1, false),
            "2 processes were killed because it needed more than its 512Mi of memory; \
             it reached its limit of 100 processes and threads once"
        );
        assert_eq!(met(0, 3, false), "it reached its limit of 100 processes and threads 3 times");
        let killed = ContainerOutcome { oom_kills: 1, ..build_outcome(Termination::OutOfMemory, false) };
        assert!(describe_limits_met(&killed, &TEST_LIMITS).is_empty());
    }

    #[test]
    fn requested_end_is_not_a_failure() {
        let conclude = |end, stopped| Conclusion::from_outcome(&build_outcome(end, stopped));
        assert_eq!(conclude(Termination::Killed { signal: 15 }, true), Conclusion::Stopped { started: true });
        assert_eq!(conclude(Termination::Killed { signal: 15 }, false), Conclusion::Killed { signal: 15 });
        let missing = Termination::NotStarted { reason: "x".to_owned() };
        assert_eq!(conclude(missing.clone(), true), Conclusion::Stopped { started: false });
        assert_eq!(conclude(missing, false), Conclusion::NotStarted { reason: "x".to_owned() });
        // A reached limit is more specific than the stop request.
        assert_eq!(conclude(Termination::OutOfMemory, true), Conclusion::OutOfMemory);
        assert_eq!(conclude(Termination::TimedOut, true), Conclusion::TimedOut);
    }

    #[test]
    fn every_conclusion_is_described() {
        let described =
            |end| Conclusion::from_outcome(&build_outcome(end, false)).describe_outcome(&TEST_LIMITS);
        assert_eq!(described(Termination::Exited { code: 0 }), "it succeeded");
        assert_eq!(described(Termination::Exited { code: 3 }), "it ended with status 3");
        assert_eq!(described(Termination::Lost), "its end is unknown: its machine stopped");
        assert_eq!(described(Termination::OutOfMemory), "it needed more than its 512Mi of memory");
        assert_eq!(described(Termination::TimedOut), "it ran longer than its 60 seconds");
        assert_eq!(extract_exit_status(&Termination::Killed { signal: 9 }), (None, Some(9)));
        assert_eq!(extract_exit_status(&Termination::Exited { code: 0 }), (Some(0), None));
    }
}
