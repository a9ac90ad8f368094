//! Converts runs to the form of the API.

use hearth_wire::jobs as wire;

use super::outcome;
use crate::store::{Run, RunCause, StoredRunEnd, StoredRunProblem, StoredRunState};

/// Converts a run to the form of the API.
pub fn to_wire_run(run: Run) -> wire::Run {
    let error_line = outcome::find_error_line(&run).map(str::to_owned);
    wire::Run {
        id: run.id(),
        job: run.job_name,
        cause: cause_name(run.cause).to_owned(),
        attempt: run.attempt,
        state: to_wire_state(run.state),
        due: run.due,
        created: run.created,
        started: run.started,
        ended: run.ended,
        end: run.end.map(to_wire_end),
        exit_code: run.exit_code,
        signal: run.signal,
        reason: run.reason,
        cpu_micros: run.cpu_micros,
        peak_memory: run.peak_memory,
        ready: run.ready,
        last_lines: run.tail.lines().to_vec(),
        error_line,
        replaced: run.replaced,
        problem: run.problem.map(to_wire_problem),
    }
}

fn cause_name(cause: RunCause) -> &'static str {
    match cause {
        RunCause::Create => "create",
        RunCause::Schedule => "schedule",
        RunCause::Restart => "restart",
        RunCause::Retry => "retry",
        RunCause::Keep => "keep",
    }
}

fn to_wire_state(state: StoredRunState) -> wire::RunState {
    match state {
        StoredRunState::Waiting => wire::RunState::Waiting,
        StoredRunState::Starting => wire::RunState::Starting,
        StoredRunState::Running => wire::RunState::Running,
        StoredRunState::Ended => wire::RunState::Ended,
    }
}

fn to_wire_problem(problem: StoredRunProblem) -> wire::RunProblem {
    match problem {
        StoredRunProblem::ListensOnLoopback => wire::RunProblem::ListensOnLoopback,
        StoredRunProblem::ListensOnOtherPort => wire::RunProblem::ListensOnOtherPort,
    }
}

fn to_wire_end(end: StoredRunEnd) -> wire::RunEnd {
    match end {
        StoredRunEnd::Exited => wire::RunEnd::Exited,
        StoredRunEnd::Killed => wire::RunEnd::Killed,
        StoredRunEnd::Stopped => wire::RunEnd::Stopped,
        StoredRunEnd::OutOfMemory => wire::RunEnd::OutOfMemory,
        StoredRunEnd::TimedOut => wire::RunEnd::TimedOut,
        StoredRunEnd::Unhealthy => wire::RunEnd::Unhealthy,
        StoredRunEnd::NotStarted => wire::RunEnd::NotStarted,
        StoredRunEnd::Lost => wire::RunEnd::Lost,
    }
}
