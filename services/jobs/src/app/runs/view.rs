//! A run as it is shown.

use hearth_wire::jobs as wire;

use crate::store::Run;

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
        doomed: _,
        log_next: _,
        log_done: _,
        tail,
        again: _,
    } = run;
    wire::Run {
        id,
        job: job_name,
        cause: cause.word().to_owned(),
        attempt,
        state,
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
        ready,
        last_lines: tail.lines().to_vec(),
    }
}
