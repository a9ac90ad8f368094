//! From what the runtime says of a container to what is kept of a run.

use std::time::Duration;

use hearth_runtime_api::{InstanceState, Outcome, Phase};
use hearth_runtime_controller::{Conclusion, OutcomeLimits, describe_limits_met, exit_status};
use jiff::Timestamp;

use crate::store::{Plan, Run, RunEnd, RunState};

/// Notes what a container does. A run that is over stays as it is: the first outcome counts. Whether anything
/// is different.
pub fn note(run: &mut Run, instance: &InstanceState, generation: u64, plan: &Plan) -> bool {
    if run.is_over() {
        return false;
    }
    let before = run.clone();
    run.generation = generation;
    match &instance.phase {
        Phase::Starting => run.state = RunState::Starting,
        Phase::Running { since, address } => {
            run.state = RunState::Running;
            run.started = Some(*since);
            run.address = *address;
            run.ready = instance.health.ready;
            run.reason.clone_from(&instance.health.failure);
        }
        Phase::Ended(outcome) => end(run, outcome, plan),
    }
    *run != before
}

fn end(run: &mut Run, outcome: &Outcome, plan: &Plan) {
    let Outcome { end, started, ended, cpu_micros, peak_memory, unhealthy, .. } = outcome;
    (run.exit_code, run.signal) = exit_status(end);
    let limits = OutcomeLimits {
        memory: plan.memory,
        processes: plan.processes,
        disk: plan.disk,
        time: plan.timeout.map(|seconds| Duration::from_secs(seconds.into())),
    };
    let conclusion = Conclusion::from_outcome(outcome);
    let restart_reason = unhealthy.as_ref().filter(|_| conclusion == Conclusion::Stopped { started: true });
    let (how, reason) = match restart_reason {
        Some(reason) => (RunEnd::Unhealthy, format!("it was restarted: {reason}")),
        None => (run_end(&conclusion), conclusion.describe_outcome(&limits)),
    };
    let met = describe_limits_met(outcome, &limits);
    over(run, how, std::iter::once(reason).chain(met).collect::<Vec<_>>().join("; "), *ended);
    run.started = run.started.or(*started);
    run.cpu_micros = *cpu_micros;
    run.peak_memory = *peak_memory;
}

fn run_end(conclusion: &Conclusion) -> RunEnd {
    match conclusion {
        Conclusion::Exited { .. } => RunEnd::Exited,
        Conclusion::Killed { .. } => RunEnd::Killed,
        Conclusion::Stopped { .. } => RunEnd::Stopped,
        Conclusion::OutOfMemory => RunEnd::OutOfMemory,
        Conclusion::TimedOut => RunEnd::TimedOut,
        Conclusion::NotStarted { .. } => RunEnd::NotStarted,
        Conclusion::Lost => RunEnd::Lost,
    }
}

/// Ends a run.
pub fn over(run: &mut Run, end: RunEnd, reason: String, at: Timestamp) {
    run.state = RunState::Ended;
    run.ended = Some(at);
    run.end = Some(end);
    run.reason = Some(reason);
    run.ready = false;
}
