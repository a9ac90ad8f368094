//! Runs as they are shown.

use hearth_wire::jobs as wire;

use crate::store::{Cause, Run, RunEnd, RunState};

/// A run as it is shown.
pub fn run(run: Run) -> wire::Run {
    wire::Run {
        id: run.id(),
        job: run.job_name,
        cause: cause_word(run.cause).to_owned(),
        attempt: run.attempt,
        state: shown_state(run.state),
        due: run.due,
        created: run.created,
        started: run.started,
        ended: run.ended,
        end: run.end.map(shown_end),
        exit_code: run.exit_code,
        signal: run.signal,
        reason: run.reason,
        cpu_micros: run.cpu_micros,
        peak_memory: run.peak_memory,
        ready: run.ready,
        last_lines: run.tail.lines().to_vec(),
    }
}

fn cause_word(cause: Cause) -> &'static str {
    match cause {
        Cause::Create => "create",
        Cause::Schedule => "schedule",
        Cause::Restart => "restart",
        Cause::Retry => "retry",
        Cause::Keep => "keep",
    }
}

fn shown_state(state: RunState) -> wire::RunState {
    match state {
        RunState::Waiting => wire::RunState::Waiting,
        RunState::Starting => wire::RunState::Starting,
        RunState::Running => wire::RunState::Running,
        RunState::Ended => wire::RunState::Ended,
    }
}

fn shown_end(end: RunEnd) -> wire::RunEnd {
    match end {
        RunEnd::Exited => wire::RunEnd::Exited,
        RunEnd::Killed => wire::RunEnd::Killed,
        RunEnd::Stopped => wire::RunEnd::Stopped,
        RunEnd::OutOfMemory => wire::RunEnd::OutOfMemory,
        RunEnd::TimedOut => wire::RunEnd::TimedOut,
        RunEnd::Unhealthy => wire::RunEnd::Unhealthy,
        RunEnd::NotStarted => wire::RunEnd::NotStarted,
        RunEnd::Lost => wire::RunEnd::Lost,
    }
}
