//! Tests of the small waiter program, which the helper of a running container executes.

use std::{fs, path::PathBuf, time::Duration};

use hearth_base::{Clock, SystemClock};
use hearth_runtime_api::{
    InstanceId, Termination, Workload, WorkloadKind,
    conformance::Bench,
    fake::ScriptStep::{Await, Err, Exit, Forever, Open, Out, Work},
};
use rustix::process::Pid;

use crate::fixture::{RuntimeFixture, read_program};

/// Reads the private memory of a process in bytes (proc_pid_smaps(5)).
fn read_private_memory(pid: Pid) -> u64 {
    let path = format!("/proc/{}/smaps_rollup", pid.as_raw_nonzero());
    let text = fs::read_to_string(path).expect("a process");
    let fields = text.lines().filter(|line| line.starts_with("Private_"));
    let kilobytes = fields.map(|line| line.split_ascii_whitespace().nth(1).expect("a number"));
    kilobytes.map(|number| number.parse::<u64>().expect("a number") * 1024).sum()
}

/// Builds a run of a shell script.
fn build_shell_run(bench: &Bench, script: &str) -> Workload {
    let mut workload = bench.build_run(&[Exit(0)]);
    workload.process.argv = ["/bin/sh", "-c", script].map(String::from).into();
    workload
}

/// Reads all stored log lines of an instance.
async fn read_all_lines(bench: &Bench, instance: InstanceId) -> Vec<String> {
    let (mut sequence, mut lines) = (1, Vec::new());
    loop {
        let page = bench.read_log(instance, sequence).await;
        let empty = page.lines.is_empty();
        lines.extend(page.lines.into_iter().map(|line| line.text));
        sequence = page.next;
        if empty {
            return lines;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn helper_has_less_than_100_kilobytes_of_private_memory() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let workload = bench.build_set(1, &[Forever]);
    let idle = bench.start_instances(&workload, 1).await[0];
    let helper = fixture.wait_for_small_helper(&bench, idle).await;
    let at_rest = read_private_memory(helper);
    assert!((1..100_000).contains(&at_rest), "{at_rest} bytes");
    // Its memory does not grow after a flood of output with long lines on both streams.
    let long = "yes 0123456789abcdef | head -c 400000 | tr -d '\\n'; echo";
    let flood = format!("{long}; {long} >&2; yes | head -c 400000; echo full; while :; do sleep 1; done");
    let flooded = bench.start_instances(&build_shell_run(&bench, &flood), 1).await[0];
    let helper = fixture.wait_for_small_helper(&bench, flooded).await;
    bench
        .wait_until("everything has passed", || async {
            // Lines of the other stream may follow.
            read_all_lines(&bench, flooded).await.iter().any(|line| line == "full")
        })
        .await;
    let after = read_private_memory(helper);
    println!("private memory of a helper: {at_rest} bytes at rest, {after} after a flood");
    assert!((1..100_000).contains(&after), "{after} bytes");
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_written_while_the_helper_executes_the_waiter_are_not_lost() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    // The script writes many lines at once and continues until the helper is small. It sleeps before its
    // exit, because the exit would kill the exec process that created the file.
    let script = "i=0; while [ ! -e /tmp/enough ]; do echo $i; i=$((i+1)); [ $i -lt 20000 ] || sleep 0.01; done; sleep 1; exit 5";
    let workload = build_shell_run(&bench, script);
    let instance = bench.start_instances(&workload, 1).await[0];
    fixture.wait_for_small_helper(&bench, instance).await;
    let small = SystemClock.now();
    let (mut lines, mut is_released, mut sequence) = (Vec::new(), false, 1);
    loop {
        let page =
            bench.runtime().read_logs(instance, sequence, Duration::from_secs(20)).await.expect("logs");
        sequence = page.next;
        lines.extend(page.lines);
        if page.complete {
            break;
        }
        if !is_released && lines.last().is_some_and(|line| line.time > small) {
            bench.run_steps_in(instance, &[Open("enough".into())]).await;
            is_released = true;
        }
    }
    assert_eq!(bench.wait_for_end(workload.id()).await.end, Termination::Exited { code: 5 });
    assert!(is_released && lines.first().is_some_and(|line| line.text == "0"));
    let misplaced = lines.iter().enumerate().find(|(number, line)| line.text != number.to_string());
    assert_eq!(misplaced, None);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_helper_outlives_the_runtime_and_is_adopted() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let steps =
        [Out("one".into()), Await("go".into()), Err("two".into()), Work { memory: 30, cpu: 50 }, Exit(9)];
    let workload = bench.build_run(&steps);
    let instance = bench.start_instances(&workload, 1).await[0];
    let helper = fixture.wait_for_small_helper(&bench, instance).await;
    fixture.restart().await;
    bench.wait_for_state(workload.id(), |state| state.running_instances().count() == 1).await;
    assert_eq!(fixture.read_pid(instance, "helper"), Some(helper));
    // A later runtime process starts helpers with its own copy of the program.
    let other = bench.start_instances(&bench.build_run(&[Forever]), 1).await[0];
    fixture.wait_for_small_helper(&bench, other).await;
    let open = [Open("go".into())];
    bench.run_steps_in(instance, &open).await;
    let outcome = bench.wait_for_end(workload.id()).await;
    assert_eq!(outcome.end, Termination::Exited { code: 9 });
    assert!(outcome.peak_memory >= 30 << 20 && outcome.cpu_micros >= 50_000, "{outcome:?}");
    assert_eq!(read_all_lines(&bench, instance).await, ["one", "two"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_helper_behaves_like_a_small_one() {
    let fixture = RuntimeFixture::start_with(vec!["large-helpers".to_owned()]).await;
    let bench = Bench::new(fixture.clone());
    let mut workload = bench.build_run(&[Out("out".into()), Err("err".into()), Forever]);
    if let WorkloadKind::Once { time_limit, .. } = &mut workload.kind {
        *time_limit = Some(Duration::from_secs(5));
    }
    let instance = bench.start_instances(&workload, 1).await[0];
    let helper = fixture.read_pid(instance, "helper").expect("a helper");
    fixture.restart().await;
    assert_eq!(fixture.read_pid(instance, "helper"), Some(helper));
    assert!(read_program(helper).ends_with("hearth-runtime"));
    assert_eq!(bench.wait_for_end(workload.id()).await.end, Termination::TimedOut);
    let mut lines = read_all_lines(&bench, instance).await;
    lines.sort();
    assert_eq!(lines, ["err", "out"]);
    let outcome = bench.run_to_end(&build_shell_run(&bench, "x=0123456789; while :; do x=$x$x; done")).await;
    assert_eq!(outcome.end, Termination::OutOfMemory);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ended_container_leaves_no_resources_on_the_host() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let workload = build_shell_run(&bench, "echo much > /etc/written; sleep 100 & exit 0");
    assert_eq!(bench.run_to_end(&workload).await.end, Termination::Exited { code: 0 });
    let WorkloadKind::Once { run, .. } = workload.kind else { panic!("a run") };
    let instance = InstanceId::from_run(run).to_string();
    let mut paths = vec![fixture.state_folder().join("uppers").join(&instance)];
    paths.extend(["memory/", "cpuacct/", ""].map(|controller| {
        PathBuf::from(format!("/sys/fs/cgroup/{controller}hearth/{}/{instance}", fixture.instance_name()))
    }));
    bench.wait_until("nothing is left", || async { paths.iter().all(|path| !path.exists()) }).await;
    bench.close().await;
}
