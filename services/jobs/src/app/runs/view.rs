//! A run as it is shown.

use hearth_wire::jobs as wire;

use crate::store::{Cause, Run, RunEnd, RunState};

/// A run as it is shown.
pub fn run(run: Run) -> wire::Run {
    let id = run.id();
    let Run {
        instance: _,
        tool: _,
        job: _,
        job_name,
        cause,
        attempt,
        state,
        generation: _,
        due,
        created,
        started,
        ended,
        end,
        exit_code,
        signal,
        reason,
        cpu_micros,
        peak_memory,
        cpu_counted: _,
        address: _,
        port: _,
        ready,
        up: _,
        log_next: _,
        log_done: _,
        tail,
        again: _,
    } = run;
    wire::Run {
        id,
        job: job_name,
        cause: cause_word(cause).to_owned(),
        attempt,
        state: shown_state(state),
        due,
        created,
        started,
        ended,
        end: end.map(shown_end),
        exit_code,
        signal,
        reason,
        cpu_micros,
        peak_memory,
        ready,
        last_lines: tail.lines().to_vec(),
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
