//! Updates runs from the instance states that the runtime reports.

use std::time::Duration;

use hearth_runtime_api::{ContainerOutcome, FailureCode, InstanceState, Phase};
use hearth_runtime_controller::{Conclusion, OutcomeLimits, describe_limits_met, extract_exit_status};
use jiff::Timestamp;

use crate::store::{Run, StoredRunEnd, StoredRunProblem, StoredRunState, WorkloadPlan};

/// Updates a run from its instance's state and returns whether it changed. An ended run never changes: the
/// first outcome counts.
pub fn apply_instance_state(
    run: &mut Run,
    instance: &InstanceState,
    generation: u64,
    plan: &WorkloadPlan,
) -> bool {
    if run.has_ended() {
        return false;
    }
    let before = run.clone();
    run.generation = generation;
    match &instance.phase {
        Phase::Starting => run.state = StoredRunState::Starting,
        Phase::Running { since, address } => {
            run.state = StoredRunState::Running;
            run.started = Some(*since);
            run.address = *address;
            run.ready = instance.health.ready;
            run.reason.clone_from(&instance.health.failure);
            run.problem = instance.health.failure_code.and_then(to_run_problem);
        }
        Phase::Ended(outcome) => apply_outcome(run, outcome, plan),
    }
    *run != before
}

/// Returns the instance with a draining container as not ready: the route sends no new visitors to it.
pub fn hide_draining(instance: &InstanceState) -> InstanceState {
    let mut visible = instance.clone();
    if visible.draining {
        visible.health.ready = false;
        visible.health.clear_failure();
    }
    visible
}

/// Ends a run with the outcome of its instance, described with the limits of its plan.
fn apply_outcome(run: &mut Run, outcome: &ContainerOutcome, plan: &WorkloadPlan) {
    let ContainerOutcome { end, started, ended, cpu_micros, peak_memory, probe_failure, .. } = outcome;
    (run.exit_code, run.signal) = extract_exit_status(end);
    let limits = OutcomeLimits {
        memory: plan.memory,
        processes: plan.processes,
        disk: plan.disk,
        time: plan.timeout.map(|seconds| Duration::from_secs(seconds.into())),
    };
    let conclusion = Conclusion::from_outcome(outcome);
    // A container that failed its check is stopped by the runtime. If it ended in another way first, that way
    // counts.
    let restart_reason =
        probe_failure.as_ref().filter(|_| conclusion == Conclusion::Stopped { started: true });
    let (run_end, reason) = match restart_reason {
        Some(reason) => (StoredRunEnd::Unhealthy, format!("it was restarted: {reason}")),
        None => (to_run_end(&conclusion), conclusion.describe_outcome(&limits)),
    };
    let met = describe_limits_met(outcome, &limits);
    end_run(run, run_end, std::iter::once(reason).chain(met).collect::<Vec<_>>().join("; "), *ended);
    run.started = run.started.or(*started);
    run.cpu_micros = *cpu_micros;
    run.peak_memory = *peak_memory;
}

fn to_run_problem(code: FailureCode) -> Option<StoredRunProblem> {
    match code {
        FailureCode::ListensOnLoopback => Some(StoredRunProblem::ListensOnLoopback),
        FailureCode::ListensOnOtherPort => Some(StoredRunProblem::ListensOnOtherPort),
        FailureCode::Other => None,
    }
}

fn to_run_end(conclusion: &Conclusion) -> StoredRunEnd {
    match conclusion {
        Conclusion::Exited { .. } => StoredRunEnd::Exited,
        Conclusion::Killed { .. } => StoredRunEnd::Killed,
        Conclusion::Stopped { .. } => StoredRunEnd::Stopped,
        Conclusion::OutOfMemory => StoredRunEnd::OutOfMemory,
        Conclusion::TimedOut => StoredRunEnd::TimedOut,
        Conclusion::NotStarted { .. } => StoredRunEnd::NotStarted,
        Conclusion::Lost => StoredRunEnd::Lost,
    }
}

/// Returns the line of its output that says why a run failed: of one that ended by itself, without success.
pub fn find_error_line(run: &Run) -> Option<&str> {
    let has_failed = match run.end {
        Some(StoredRunEnd::Exited) => run.exit_code != Some(0),
        Some(StoredRunEnd::Killed) => true,
        _ => false,
    };
    run.tail.error_line().filter(|_| has_failed)
}

/// Describes the end of a run: its reason, and the line of its output that says why it failed.
pub fn describe_end(run: &Run) -> String {
    let reason = run.reason.clone().unwrap_or_default();
    match find_error_line(run) {
        Some(line) if !reason.is_empty() => format!("{reason}: {line}"),
        _ => reason,
    }
}

/// Ends a run with this end and reason.
pub fn end_run(run: &mut Run, end: StoredRunEnd, reason: String, at: Timestamp) {
    run.state = StoredRunState::Ended;
    run.ended = Some(at);
    run.end = Some(end);
    run.reason = Some(reason);
    (run.ready, run.problem) = (false, None);
}
