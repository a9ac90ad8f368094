//! Tests of stop requests for containers whose start does not end.

use std::{fs, path::Path, time::Duration};

use hearth_runtime_api::{Termination, Workload, conformance::Bench, fake::ScriptStep::Forever};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::{escape::build_shell_run, fixture::RuntimeFixture};

/// Starts until one is suspended in time.
const MAX_START_ATTEMPTS: usize = 50;

/// State of a process in `/proc/PID/stat` (proc_pid_stat(5)) after SIGSTOP.
const STOPPED_STATE: char = 'T';

/// Starts a run and suspends its helper before the container has a first process.
async fn start_with_suspended_helper(bench: &Bench, fixture: &RuntimeFixture) -> (Workload, Pid) {
    for _ in 0..MAX_START_ATTEMPTS {
        let workload = bench.build_run(&[Forever]);
        let state =
            fixture.state_folder().join("runs").join(format!("{}.0.1", workload.id())).join("state.json");
        let suspended = tokio::task::spawn_blocking(move || suspend_helper(&state));
        bench.apply(&workload).await;
        if let Some(helper) = suspended.await.expect("a thread") {
            return (workload, helper);
        }
        bench.runtime().stop(workload.id(), workload.version, Duration::ZERO).await.expect("stop");
        bench.wait_for_end(workload.id()).await;
    }
    panic!("each helper was faster than the test");
}

/// Suspends a helper as soon as it has its state file. `None` if its container has a first process by then.
fn suspend_helper(state_file: &Path) -> Option<Pid> {
    let read_state = || serde_json::from_slice::<serde_json::Value>(&fs::read(state_file).ok()?).ok();
    let state = loop {
        match read_state() {
            Some(state) => break state,
            None => std::thread::yield_now(),
        }
    };
    let helper = state["helper"]["pid"].as_i64().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?))?;
    kill_process(helper, Signal::STOP).ok()?;
    loop {
        let stat = fs::read_to_string(format!("/proc/{}/stat", helper.as_raw_nonzero())).ok()?;
        if stat.rsplit_once(") ")?.1.starts_with(STOPPED_STATE) {
            break;
        }
    }
    if read_state()?.get("init").is_none() {
        return Some(helper);
    }
    kill_process(helper, Signal::CONT).ok()?;
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stop_request_cancels_a_start_that_does_not_end() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let (workload, helper) = start_with_suspended_helper(&bench, &fixture).await;
    bench.runtime().stop(workload.id(), workload.version, Duration::ZERO).await.expect("stop");
    let outcome = bench.wait_for_end(workload.id()).await;
    assert_eq!((outcome.end, outcome.stopped), (Termination::Lost, true));
    bench.wait_until("its helper is gone", || async move { test_kill_process(helper).is_err() }).await;
    assert_eq!(bench.run_for_lines(&build_shell_run(&bench, "echo next")).await, ["next"]);
    bench.close().await;
}
