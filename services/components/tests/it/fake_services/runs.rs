//! Runs of jobs, as the fake of `jobs` shows them.

use hearth_wire::jobs::JobCreate;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Builds a run that has just started.
pub fn build_running_run(spec: &JobCreate, now: Timestamp) -> Value {
    json!({"id": "run", "job": spec.name, "cause": "keep", "attempt": 4, "state": "running", "created": now,
        "started": now, "cpu_micros": 0, "peak_memory": 0, "ready": true})
}

/// Builds a running container whose check has not passed.
pub fn build_unready_run(spec: &JobCreate, now: Timestamp) -> Value {
    json!({"id": "run", "job": spec.name, "cause": "keep", "attempt": 1, "state": "running", "created": now,
        "started": now, "cpu_micros": 0, "peak_memory": 0, "ready": false})
}

/// Builds a running container that listens on the loopback interface only.
pub fn build_loopback_run(spec: &JobCreate, now: Timestamp) -> Value {
    let mut run = build_unready_run(spec, now);
    run["problem"] = json!("listens-on-loopback");
    run["reason"] = json!("only its own container reaches port 8000");
    run
}

/// Builds a running container that listens on another port.
pub fn build_other_port_run(spec: &JobCreate, now: Timestamp) -> Value {
    let mut run = build_unready_run(spec, now);
    run["problem"] = json!("listens-on-other-port");
    run["reason"] = json!("it serves at port 5000");
    run
}

/// Builds a run that ended right after its start.
pub fn build_crashed_run(spec: &JobCreate, now: Timestamp) -> Value {
    json!({"id": "run", "job": spec.name, "cause": "keep", "attempt": 1, "state": "ended", "created": now,
        "ended": now, "end": "exited", "exit_code": 7, "reason": "it ended with status 7: no such table",
        "cpu_micros": 0, "peak_memory": 0, "ready": false})
}
