//! Tests of the probe process: it has no privileges, reaches only containers, and its crash has no effect on
//! health. Programs of exec probes leave no processes.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use hearth_runtime_api::{
    HttpExpectation, InstanceId, Probe, ProbeCheck, Probes, Workload, WorkloadState,
    conformance::Bench,
    fake::ScriptStep::{Forever, Open, Serve, Shut},
};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    fixture::RuntimeFixture,
    network::{serve_text, start_web_job},
};

const HTTP_PORT: u16 = 8000;

fn build_readiness(check: ProbeCheck, timeout: Duration) -> Probes {
    let (initial_delay, period) = (Duration::ZERO, Duration::from_millis(100));
    let probe = Probe { check, initial_delay, period, timeout, success_threshold: 1, failure_threshold: 1 };
    Probes { readiness: Some(probe), ..Probes::default() }
}

fn build_http_probe(path: &str) -> Probes {
    let (path, expect) = (path.to_owned(), HttpExpectation::Success);
    build_readiness(ProbeCheck::HttpGet { path, port: HTTP_PORT, expect }, Duration::from_secs(2))
}

/// Starts a container that is ready while `ready` is open in it.
async fn start_ready_container(bench: &Bench) -> InstanceId {
    let script = [Open("ready".into()), Serve(HTTP_PORT), Forever];
    let workload = Workload {
        probes: build_http_probe("/ready"),
        owner: Bench::new_tool().into(),
        ..bench.build_set(1, &script)
    };
    let one = bench.start_instances(&workload, 1).await[0];
    bench.wait_for_state(one.workload, |state| state.instances[0].health.ready).await;
    one
}

fn read_failure(state: &WorkloadState) -> &str {
    state.instances[0].health.failure.as_deref().unwrap_or_default()
}

/// Finds the fixture's probe process.
fn find_probe_process(fixture: &RuntimeFixture) -> Option<Pid> {
    let cmdline = |pid: &str| fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let instance = fixture.instance_name();
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

/// Reads the words after `name` in a file in `/proc` of the fixture's probe process.
fn read_proc_field(fixture: &RuntimeFixture, file: &str, name: &str) -> Vec<String> {
    let pid = find_probe_process(fixture).expect("a process").as_raw_nonzero();
    let text = fs::read_to_string(format!("/proc/{pid}/{file}")).expect("a file of /proc");
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).split_whitespace().map(String::from).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn probe_process_has_no_privileges() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    // A container becomes ready, so the process sends probes in the state that is checked.
    start_ready_container(&bench).await;
    let status = |name: &str| read_proc_field(&fixture, "status", name);
    let user = status("Uid:")[0].clone();
    let number: u32 = user.parse().expect("a number");
    assert!((0x7fff_0000..0x7fff_ffff).contains(&number), "{user}");
    assert_eq!((status("Uid:"), status("Gid:")), (vec![user.clone(); 4], vec![user; 4]));
    assert!(status("Groups:").is_empty());
    for set in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        assert_eq!(status(set), ["0000000000000000"], "{set}");
    }
    for (name, value) in [("NoNewPrivs:", "1"), ("Seccomp:", "2"), ("Threads:", "1")] {
        assert_eq!(status(name), [value], "{name}");
    }
    let limit = |name: &str| read_proc_field(&fixture, "limits", name)[..2].to_vec();
    for (name, limit_value) in [
        ("Max processes", "0"),
        ("Max open files", "4096"),
        ("Max address space", "268435456"),
        ("Max locked memory", "0"),
        ("Max file size", "0"),
        ("Max core file size", "0"),
    ] {
        assert_eq!(limit(name), [limit_value, limit_value], "{name}");
    }
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_probe_names_the_address_that_the_program_listens_on() {
    let (bench, _fixture) = RuntimeFixture::start_bench().await;
    for (server, expected) in [
        ("httpd -f -p 127.0.0.1:8000", "it listens on 127.0.0.1:8000 only"),
        ("httpd -f -p 5000", "it listens on port 5000, not on port 8000"),
        ("sleep 3600", "no connection to port 8000"),
    ] {
        let mut workload = Workload { probes: build_http_probe("/"), ..bench.build_set(1, &[Forever]) };
        workload.owner = Bench::new_tool().into();
        workload.process.argv = ["/bin/sh", "-c", server].map(String::from).into();
        bench.start_instances(&workload, 1).await;
        bench.wait_for_state(workload.id(), |state| read_failure(state).contains(expected)).await;
    }
    bench.close().await;
}

/// Reads from an address as a user of the host; empty if the connection fails.
fn read_as_user(user: u32, address: Ipv4Addr, port: u16) -> String {
    let mut nc = Command::new("/bin/busybox");
    nc.args(["nc", "-w", "1", &address.to_string(), &port.to_string()]);
    let output = nc.uid(user).gid(user).stdin(Stdio::null()).stderr(Stdio::null()).output().expect("busybox");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn user_of_the_probe_process_reaches_containers_only() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let (_, container) = start_web_job(&bench, bench.tool).await;
    let user = read_proc_field(&fixture, "status", "Uid:")[0].parse().expect("a number");
    let another_user = 0x7fff_fffe;
    let port = serve_text("0.0.0.0", "host");
    let [first, second, ..] = container.octets();
    let door = Ipv4Addr::new(first, second, 0, 1);
    for host in [Ipv4Addr::LOCALHOST, door] {
        assert_eq!(
            (read_as_user(another_user, host, port).as_str(), &*read_as_user(user, host, port)),
            ("host", "")
        );
    }
    // The container opens a new listener after each connection.
    bench
        .wait_until("the probe user reaches the container", || async {
            read_as_user(user, container, 8080) == "hello"
        })
        .await;
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn crash_of_the_probe_process_makes_no_container_unready() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let one = start_ready_container(&bench).await;
    let before = bench.wait_for_state(one.workload, |_| true).await;
    let first = find_probe_process(&fixture).expect("a process");
    kill_process(first, Signal::KILL).expect("kill");
    let fixture = &fixture;
    let another = || async move { find_probe_process(fixture).is_some_and(|pid| pid != first) };
    bench.wait_until("another probe process is started", another).await;
    // Once a probe of another container passes, the new process sends probes of the first one too.
    start_ready_container(&bench).await;
    let state = bench.wait_for_state(one.workload, |_| true).await;
    assert_eq!(state.instances[0].health, before.instances[0].health);
    bench.run_steps_in(one, &[Shut("ready".into())]).await;
    bench.wait_for_state(one.workload, |state| !state.instances[0].health.ready).await;
    bench.close().await;
}

/// Builds a continuous workload that answers each connection with the output of a script.
fn build_answering_workload(bench: &Bench, script: &str) -> Workload {
    let mut workload = Workload { probes: build_http_probe("/"), ..bench.build_set(1, &[Forever]) };
    let script = format!("while :; do ({script}) | nc -l -p {HTTP_PORT} >/dev/null 2>&1; done");
    workload.process.argv = ["/bin/sh", "-c", &script].map(String::from).into();
    workload
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_answers_end_their_probe_and_delay_no_other() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let visits = Arc::new(AtomicUsize::new(0));
    let elsewhere = count_visits(&visits);
    let first = find_probe_process(&fixture).expect("a process");
    let (ready, not_http) = ("", "returned no HTTP response");
    let redirect =
        format!("printf 'HTTP/1.1 302 Found\\r\\nLocation: http://127.0.0.1:{elsewhere}/\\r\\n\\r\\n'");
    for (script, expected_failure) in [
        ("printf 'HTTP/1.1 100 Continue\\r\\nX: '; cat /dev/zero", not_http),
        ("yes HTTP/1.1", not_http),
        ("printf 'HTTP/1.1 200 OK\\r\\n'; yes 'X: endless'", ready),
        ("printf 'HTTP/1.1 200 OK\\r\\n\\r\\n'; cat /dev/zero", ready),
        ("sleep 4713", "it did not respond in 2 seconds"),
        ("true", not_http),
        (redirect.as_str(), ready),
    ] {
        let hostile = build_answering_workload(&bench, script);
        bench.start_instances(&hostile, 1).await;
        let answered = |state: &WorkloadState| match expected_failure {
            "" => state.instances[0].health.ready,
            expected_failure => read_failure(state).contains(expected_failure),
        };
        bench.wait_for_state(hostile.id(), answered).await;
    }
    start_ready_container(&bench).await;
    assert_eq!(visits.load(Ordering::Relaxed), 0, "a redirect was followed");
    assert_eq!(find_probe_process(&fixture), Some(first), "no answer ended the probe process");
    bench.close().await;
}

/// Listens on a port of the host and counts connections.
fn count_visits(visits: &Arc<AtomicUsize>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port of the host");
    let port = listener.local_addr().expect("an address").port();
    let visits = Arc::clone(visits);
    std::thread::spawn(move || {
        listener.incoming().flatten().for_each(|_visitor| {
            visits.fetch_add(1, Ordering::Relaxed);
        });
    });
    port
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn program_of_a_probe_that_times_out_ends_with_its_children() {
    let (bench, _rig) = RuntimeFixture::start_bench().await;
    let argv = ["/bin/sh", "-c", "sleep 4711 & sleep 4712; true"].map(String::from).into();
    let probes = build_readiness(ProbeCheck::Exec { argv }, Duration::from_millis(300));
    let workload = Workload { probes, ..bench.build_set(1, &[Forever]) };
    let one = bench.start_instances(&workload, 1).await[0];
    bench
        .wait_for_state(one.workload, |state| read_failure(state) == "it did not respond in 0.3 seconds")
        .await;
    let mut relaxed = Workload { probes: Probes::default(), ..workload };
    relaxed.version.generation += 1;
    bench.apply(&relaxed).await;
    bench
        .wait_for_state(one.workload, |state| {
            state.version == relaxed.version && state.instances[0].health.ready
        })
        .await;
    let mut count = bench.build_process(&[]);
    let line = "ps | grep 'sleep 471' | grep -v grep | wc -l";
    count.argv = ["/bin/sh", "-c", line].map(String::from).into();
    let none = || async { bench.run_process(one, count.clone()).await == "0" };
    bench.wait_until("no process of the probe runs any more", none).await;
    bench.close().await;
}
