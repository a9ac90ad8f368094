//! The meaning of a container's outcome, for the service that stores it.

use std::time::Duration;

use hearth_base::Memory;
use hearth_runtime_api::{End, Outcome};

/// The end of a container, as one of those that services tell apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conclusion {
    /// It ended by itself, with this status; 0 is success.
    Exited {
        /// The status.
        code: i32,
    },
    /// A signal ended it, and nobody had asked for its end.
    Killed {
        /// The signal.
        signal: i32,
    },
    /// Its end was asked for: while it ran, or before it began.
    Stopped {
        /// It had begun.
        started: bool,
    },
    /// It needed more memory than its limit.
    OutOfMemory,
    /// It ran longer than its time limit.
    TimedOut,
    /// It could not be started.
    NotStarted {
        /// The reason, for people.
        reason: String,
    },
    /// Its end is not known.
    Lost,
}

/// The limits that a sentence about an outcome names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutcomeLimits {
    /// Memory.
    pub memory: Memory,
    /// Processes and threads.
    pub processes: u32,
    /// The bytes that it may write beside its mounts.
    pub disk: Memory,
    /// The longest that it may run.
    pub time: Option<Duration>,
}

impl Conclusion {
    /// Reads an outcome.
    pub fn from_outcome(outcome: &Outcome) -> Self {
        match &outcome.end {
            End::Exited { .. } | End::Killed { .. } if outcome.stopped => Self::Stopped { started: true },
            End::NotStarted { .. } if outcome.stopped => Self::Stopped { started: false },
            End::Exited { code } => Self::Exited { code: *code },
            End::Killed { signal } => Self::Killed { signal: *signal },
            End::OutOfMemory => Self::OutOfMemory,
            End::TimedOut => Self::TimedOut,
            End::NotStarted { reason } => Self::NotStarted { reason: reason.clone() },
            End::Lost => Self::Lost,
        }
    }

    /// One sentence for people, without its full stop; "it" is the container.
    pub fn describe_outcome(&self, limits: &OutcomeLimits) -> String {
        match self {
            Self::Exited { code: 0 } => "it succeeded".to_owned(),
            Self::Exited { code: 127 } => "it ended with status 127: its command was not found".to_owned(),
            Self::Exited { code } => format!("it ended with status {code}"),
            Self::Killed { signal } => format!("signal {signal} ended it"),
            Self::Stopped { started: true } => "it was stopped".to_owned(),
            Self::Stopped { started: false } => "it was stopped before it began".to_owned(),
            Self::OutOfMemory => format!("it needed more than its {} of memory", limits.memory),
            Self::TimedOut => {
                format!("it ran longer than its {} seconds", limits.time.unwrap_or_default().as_secs())
            }
            Self::NotStarted { reason } => format!("it could not be started: {reason}"),
            Self::Lost => "its end is not known: its machine went away".to_owned(),
        }
    }
}

/// The status and the signal by which a container ended, stopped or not.
pub fn exit_status(end: &End) -> (Option<i32>, Option<i32>) {
    match end {
        End::Exited { code } => (Some(*code), None),
        End::Killed { signal } => (None, Some(*signal)),
        End::OutOfMemory | End::TimedOut | End::NotStarted { .. } | End::Lost => (None, None),
    }
}

/// The limits that a container met and that did not end it, one sentence each, without its full stop.
pub fn describe_limits_met(outcome: &Outcome, limits: &OutcomeLimits) -> Vec<String> {
    let OutcomeLimits { memory, processes, disk, .. } = limits;
    let times = |count: u64| if count == 1 { "once".to_owned() } else { format!("{count} times") };
    // What ended it is said already.
    let kills = if outcome.end == End::OutOfMemory { 0 } else { outcome.oom_kills };
    let killed = (kills > 0).then(|| {
        let what = if kills == 1 {
            "a process of it was".to_owned()
        } else {
            format!("{kills} processes of it were")
        };
        format!("{what} killed, for it needed more than its {memory} of memory")
    });
    let refused = (outcome.refused > 0).then(|| {
        format!("it wanted more than its {processes} processes and threads, {}", times(outcome.refused))
    });
    let full = outcome.disk_full.then(|| format!("it had filled its {disk} of disk"));
    killed.into_iter().chain(refused).chain(full).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hearth_runtime_api::Outcome;

    const LIMITS: OutcomeLimits = OutcomeLimits {
        memory: Memory::mib(512),
        processes: 100,
        disk: Memory::mib(2048),
        time: Some(Duration::from_secs(60)),
    };

    fn outcome(end: End, stopped: bool) -> Outcome {
        Outcome { stopped, ..Outcome::bare(end, "2026-05-04T12:00:00Z".parse().unwrap()) }
    }

    #[test]
    fn limits_that_were_met_are_named() {
        let met = |oom_kills, refused, disk_full| {
            let exited = outcome(End::Exited { code: 0 }, false);
            describe_limits_met(&Outcome { oom_kills, refused, disk_full, ..exited }, &LIMITS).join("; ")
        };
        assert_eq!(met(0, 0, false), "");
        assert_eq!(met(0, 0, true), "it had filled its 2Gi of disk");
        assert_eq!(
            met(1, 0, false),
            "a process of it was killed, for it needed more than its 512Mi of memory"
        );
        assert_eq!(
            met(2, 1, false),
            "2 processes of it were killed, for it needed more than its 512Mi of memory; \
             it wanted more than its 100 processes and threads, once"
        );
        assert_eq!(met(0, 3, false), "it wanted more than its 100 processes and threads, 3 times");
        let killed = Outcome { oom_kills: 1, ..outcome(End::OutOfMemory, false) };
        assert!(describe_limits_met(&killed, &LIMITS).is_empty());
    }

    #[test]
    fn an_end_that_was_asked_for_is_no_failure() {
        let conclude = |end, stopped| Conclusion::from_outcome(&outcome(end, stopped));
        assert_eq!(conclude(End::Killed { signal: 15 }, true), Conclusion::Stopped { started: true });
        assert_eq!(conclude(End::Killed { signal: 15 }, false), Conclusion::Killed { signal: 15 });
        let missing = End::NotStarted { reason: "x".to_owned() };
        assert_eq!(conclude(missing.clone(), true), Conclusion::Stopped { started: false });
        assert_eq!(conclude(missing, false), Conclusion::NotStarted { reason: "x".to_owned() });
        // These say more than that somebody asked.
        assert_eq!(conclude(End::OutOfMemory, true), Conclusion::OutOfMemory);
        assert_eq!(conclude(End::TimedOut, true), Conclusion::TimedOut);
    }

    #[test]
    fn every_conclusion_is_described() {
        let described = |end| Conclusion::from_outcome(&outcome(end, false)).describe_outcome(&LIMITS);
        assert_eq!(described(End::Exited { code: 0 }), "it succeeded");
        assert_eq!(described(End::Exited { code: 3 }), "it ended with status 3");
        assert_eq!(described(End::Lost), "its end is not known: its machine went away");
        assert_eq!(described(End::OutOfMemory), "it needed more than its 512Mi of memory");
        assert_eq!(described(End::TimedOut), "it ran longer than its 60 seconds");
        assert_eq!(exit_status(&End::Killed { signal: 9 }), (None, Some(9)));
        assert_eq!(exit_status(&End::Exited { code: 0 }), (Some(0), None));
    }
}
