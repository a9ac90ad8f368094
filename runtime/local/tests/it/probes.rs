//! The process that sends probes: it has no powers, and its end harms nobody. Programs of probes leave nothing.

use std::{fs, time::Duration};

use hearth_runtime_api::{
    HttpExpectation, InstanceId, Probe, ProbeCheck, Probes, Workload, WorkloadState,
    conformance::Bench,
    fake::Step::{Forever, Open, Serve, Shut},
};
use rustix::process::{Pid, Signal, kill_process};

use crate::rig::Rig;

const PORT: u16 = 8000;

fn readiness(check: ProbeCheck, timeout: Duration) -> Probes {
    let (initial_delay, period) = (Duration::ZERO, Duration::from_millis(100));
    let probe = Probe { check, initial_delay, period, timeout, success_threshold: 1, failure_threshold: 1 };
    Probes { readiness: Some(probe), ..Probes::default() }
}

fn http(path: &str) -> Probes {
    let (path, expect) = (path.to_owned(), HttpExpectation::Success);
    readiness(ProbeCheck::HttpGet { path, port: PORT, expect }, Duration::from_secs(5))
}

/// A container that is ready while `ready` is open in it.
async fn ready_container(bench: &Bench) -> InstanceId {
    let script = [Open("ready".into()), Serve(PORT), Forever];
    let workload =
        Workload { probes: http("/ready"), owner: Bench::new_tool().into(), ..bench.keep(1, &script) };
    let one = bench.running(&workload, 1).await[0];
    bench.until(one.workload, |state| state.instances[0].health.ready).await;
    one
}

fn failure(state: &WorkloadState) -> &str {
    state.instances[0].health.failure.as_deref().unwrap_or_default()
}

/// The rig's process that sends probes, if it is there.
fn probe_process(rig: &Rig) -> Option<Pid> {
    let cmdline = |pid: &str| fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let instance = rig.instance();
    fs::read_dir("/proc").expect("/proc").filter_map(Result::ok).find_map(|entry| {
        let pid = entry.file_name().to_string_lossy().into_owned();
        let line = cmdline(&pid);
        let mut arguments = line.split('\0');
        let is_one = arguments.next() == Some("hearth-runtime-probes");
        let parent = arguments.next().filter(|_| is_one)?;
        cmdline(parent).split('\0').any(|argument| argument == instance).then_some(())?;
        Pid::from_raw(pid.parse().ok()?)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probe_process_has_no_powers() {
    let (bench, rig) = Rig::bench().await;
    // It sends probes in this state.
    ready_container(&bench).await;
    let pid = probe_process(&rig).expect("a process").as_raw_nonzero();
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a status");
    let field = |name: &str| -> Vec<&str> {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().split_whitespace().collect()
    };
    let nobody = "2147418112";
    assert_eq!((field("Uid"), field("Gid")), (vec![nobody; 4], vec![nobody; 4]), "{status}");
    assert!(field("Groups").is_empty(), "{status}");
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(field(set), ["0000000000000000"], "{status}");
    }
    assert_eq!((field("NoNewPrivs"), field("Seccomp"), field("Threads")), (vec!["1"], vec!["2"], vec!["1"]));
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn end_of_the_probe_process_makes_nobody_unready() {
    let (bench, rig) = Rig::bench().await;
    let one = ready_container(&bench).await;
    let before = bench.until(one.workload, |_| true).await;
    let first = probe_process(&rig).expect("a process");
    kill_process(first, Signal::KILL).expect("kill");
    let rig = &rig;
    let another = || async move { probe_process(rig).is_some_and(|pid| pid != first) };
    bench.eventually("another is started", another).await;
    // A probe of another container passes: those of this one have been sent as well.
    ready_container(&bench).await;
    let state = bench.until(one.workload, |_| true).await;
    assert_eq!(state.instances[0].health, before.instances[0].health);
    bench.run_in(one, &[Shut("ready".into())]).await;
    bench.until(one.workload, |state| !state.instances[0].health.ready).await;
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flood_of_an_answer_is_cut_and_others_are_probed() {
    let (bench, _rig) = Rig::bench().await;
    let mut flood = Workload { probes: http("/"), ..bench.keep(1, &[Forever]) };
    let script = "(printf 'HTTP/1.1 100 Continue\\r\\nX: '; cat /dev/zero)";
    let script = format!("while :; do {script} | nc -l -p {PORT} >/dev/null 2>&1; done");
    flood.process.argv = ["/bin/sh", "-c", &script].map(String::from).into();
    bench.running(&flood, 1).await;
    bench.until(flood.id(), |state| failure(state).contains("was not answered in HTTP")).await;
    ready_container(&bench).await;
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn program_of_a_probe_that_times_out_ends_with_its_children() {
    let (bench, _rig) = Rig::bench().await;
    let argv = ["/bin/sh", "-c", "sleep 4711 & sleep 4712; true"].map(String::from).into();
    let probes = readiness(ProbeCheck::Exec { argv }, Duration::from_millis(300));
    let workload = Workload { probes, ..bench.keep(1, &[Forever]) };
    let one = bench.running(&workload, 1).await[0];
    bench.until(one.workload, |state| failure(state) == "it did not answer in 0.3 seconds").await;
    let mut relaxed = Workload { probes: Probes::default(), ..workload };
    relaxed.version.generation += 1;
    bench.apply(&relaxed).await;
    bench
        .until(one.workload, |state| state.version == relaxed.version && state.instances[0].health.ready)
        .await;
    let mut count = bench.process(&[]);
    let line = "ps | grep 'sleep 471' | grep -v grep | wc -l";
    count.argv = ["/bin/sh", "-c", line].map(String::from).into();
    let none = || async { bench.run_process(one, count.clone()).await == "0" };
    bench.eventually("nothing of the probe runs any more", none).await;
    bench.close().await;
}
