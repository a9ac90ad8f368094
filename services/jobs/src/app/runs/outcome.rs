//! From what the runtime says of a container to what is kept of a run.

use hearth_base::Memory;
use hearth_runtime_api::{End, Outcome, Phase};
use hearth_wire::jobs::{RunEnd, RunState};
use jiff::Timestamp;

use crate::store::{Plan, Run};

/// Notes what a container does. A run that is over stays as it is: the first outcome counts. Whether anything
/// is different.
pub fn note(run: &mut Run, phase: &Phase, generation: u64, plan: &Plan) -> bool {
    if run.is_over() {
        return false;
    }
    let before = run.clone();
    run.generation = generation;
    match phase {
        Phase::Starting => run.state = RunState::Starting,
        Phase::Running { since, address } => {
            run.state = RunState::Running;
            run.started = Some(*since);
            run.address = *address;
            if !plan.is_probed() {
                (run.ready, run.up) = (true, run.up.or(Some(*since)));
            }
        }
        Phase::Ended(outcome) => end(run, outcome, plan),
    }
    *run != before
}

fn end(run: &mut Run, outcome: &Outcome, plan: &Plan) {
    let Outcome { end, stopped, started, ended, cpu_micros, peak_memory, oom_kills, refused, disk_full } =
        outcome;
    (run.exit_code, run.signal) = match end {
        End::Exited { code } => (Some(*code), None),
        End::Killed { signal } => (None, Some(*signal)),
        _ => (None, None),
    };
    let (how, reason) = match end {
        End::Exited { .. } | End::Killed { .. } if *stopped => match run.doomed.take() {
            Some(reason) => (RunEnd::Unhealthy, format!("it was restarted: {reason}")),
            None => (RunEnd::Stopped, "it was stopped".to_owned()),
        },
        End::Exited { code: 0 } => (RunEnd::Exited, "it ended well".to_owned()),
        End::Exited { code: 127 } => {
            (RunEnd::Exited, "it ended with status 127: its command was not found".to_owned())
        }
        End::Exited { code } => (RunEnd::Exited, format!("it ended with status {code}")),
        End::Killed { signal } => (RunEnd::Killed, format!("signal {signal} ended it")),
        End::OutOfMemory => {
            let most: Memory = plan.memory;
            (RunEnd::OutOfMemory, format!("it needed more than its {most} of memory"))
        }
        End::TimedOut => {
            let most = plan.timeout.unwrap_or_default();
            (RunEnd::TimedOut, format!("it ran longer than its {most} seconds"))
        }
        End::NotStarted { .. } if *stopped => (RunEnd::Stopped, "it was stopped before it began".to_owned()),
        End::NotStarted { reason } => (RunEnd::NotStarted, format!("it could not be started: {reason}")),
        End::Lost => {
            (RunEnd::Lost, "what became of it is not known: the machine it ran on went away".to_owned())
        }
    };
    let kills = if how == RunEnd::OutOfMemory { 0 } else { *oom_kills };
    let met = met(plan, kills, *refused, *disk_full);
    over(run, how, std::iter::once(reason).chain(met).collect::<Vec<_>>().join("; "), *ended);
    run.started = run.started.or(*started);
    run.cpu_micros = *cpu_micros;
    run.peak_memory = *peak_memory;
}

/// The limits that were met, and did not end it.
fn met(plan: &Plan, kills: u64, refused: u64, disk_full: bool) -> impl Iterator<Item = String> {
    let Plan { memory, processes, disk, .. } = plan;
    let times = |count: u64| if count == 1 { "once".to_owned() } else { format!("{count} times") };
    let killed = (kills > 0).then(|| {
        let what = if kills == 1 {
            "a process of it was".to_owned()
        } else {
            format!("{kills} processes of it were")
        };
        format!("{what} killed, for it needed more than its {memory} of memory")
    });
    let refused = (refused > 0)
        .then(|| format!("it wanted more than its {processes} processes and threads, {}", times(refused)));
    let full = disk_full.then(|| format!("it had filled its {disk} of disk"));
    killed.into_iter().chain(refused).chain(full)
}

/// Ends a run.
pub fn over(run: &mut Run, end: RunEnd, reason: String, at: Timestamp) {
    run.state = RunState::Ended;
    run.ended = Some(at);
    run.end = Some(end);
    run.reason = Some(reason);
    run.ready = false;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JobsSettings;
    use crate::app::definition::plan::{self, tests::image};
    use hearth_wire::jobs::JobCreate;

    #[test]
    fn limits_that_were_met_are_told() {
        let job = JobCreate::new("a".parse().unwrap(), "python3.11", "./run");
        let settings = JobsSettings { processes: 100, ..JobsSettings::default() };
        let plan = plan::plan(&job, &"hello".parse().unwrap(), &image(true), 0, &settings).unwrap();
        let met = |kills, refused, full| met(&plan, kills, refused, full).collect::<Vec<_>>().join("; ");
        let said = |kills, refused| met(kills, refused, false);
        assert_eq!(said(0, 0), "");
        assert_eq!(met(0, 0, true), "it had filled its 2Gi of disk");
        assert_eq!(said(1, 0), "a process of it was killed, for it needed more than its 512Mi of memory");
        assert_eq!(
            said(2, 1),
            "2 processes of it were killed, for it needed more than its 512Mi of memory; \
             it wanted more than its 100 processes and threads, once"
        );
        assert_eq!(said(0, 3), "it wanted more than its 100 processes and threads, 3 times");
    }
}
