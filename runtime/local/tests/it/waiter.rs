//! The helper of a container that runs is a small program, and nobody notices but the host's memory.

use std::{fs, path::PathBuf, time::Duration};

use hearth_base::{Clock, SystemClock};
use hearth_runtime_api::{
    End, InstanceId, Workload, WorkloadKind,
    conformance::Bench,
    fake::Step::{Await, Err, Exit, Forever, Open, Out, Work},
};
use rustix::process::Pid;

use crate::rig::{Rig, program_of};

/// Bytes of memory that nobody shares with a process (proc_pid_smaps(5)).
fn private(pid: Pid) -> u64 {
    let path = format!("/proc/{}/smaps_rollup", pid.as_raw_nonzero());
    let text = fs::read_to_string(path).expect("a process");
    let fields = text.lines().filter(|line| line.starts_with("Private_"));
    let kilobytes = fields.map(|line| line.split_ascii_whitespace().nth(1).expect("a number"));
    kilobytes.map(|number| number.parse::<u64>().expect("a number") * 1024).sum()
}

/// A run of a shell script.
fn shell(bench: &Bench, script: &str) -> Workload {
    let mut workload = bench.once(&[Exit(0)]);
    workload.process.argv = ["/bin/sh", "-c", script].map(String::from).into();
    workload
}

/// All of an instance's lines that are there.
async fn all(bench: &Bench, instance: InstanceId) -> Vec<String> {
    let (mut sequence, mut lines) = (1, Vec::new());
    loop {
        let page = bench.log(instance, sequence).await;
        let empty = page.lines.is_empty();
        lines.extend(page.lines.into_iter().map(|line| line.text));
        sequence = page.next;
        if empty {
            return lines;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_helper_has_less_than_a_tenth_of_a_megabyte_for_itself() {
    let (bench, rig) = Rig::bench().await;
    let workload = bench.keep(1, &[Forever]);
    let idle = bench.running(&workload, 1).await[0];
    let helper = rig.small_helper(&bench, idle).await;
    let at_rest = private(helper);
    assert!((1..100_000).contains(&at_rest), "{at_rest} bytes");
    // It has no more of it once much has passed through it, in long lines too, on both streams.
    let long = "yes 0123456789abcdef | head -c 400000 | tr -d '\\n'; echo";
    let flood = format!("{long}; {long} >&2; yes | head -c 400000; echo full; while :; do sleep 1; done");
    let flooded = bench.running(&shell(&bench, &flood), 1).await[0];
    let helper = rig.small_helper(&bench, flooded).await;
    bench
        .eventually("everything has passed", || async {
            // What the other stream brought may come behind it.
            all(&bench, flooded).await.iter().any(|line| line == "full")
        })
        .await;
    let after = private(helper);
    println!("private memory of a helper: {at_rest} bytes at rest, {after} after a flood");
    assert!((1..100_000).contains(&after), "{after} bytes");
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_that_are_written_while_the_helper_becomes_small_are_all_there() {
    let (bench, rig) = Rig::bench().await;
    // It begins at once with many of them, and goes on when the helper is small. Its end would end who asks for that too.
    let script = "i=0; while [ ! -e /tmp/enough ]; do echo $i; i=$((i+1)); [ $i -lt 20000 ] || sleep 0.01; done; sleep 1; exit 5";
    let workload = shell(&bench, script);
    let instance = bench.running(&workload, 1).await[0];
    rig.small_helper(&bench, instance).await;
    let small = SystemClock.now();
    let (mut lines, mut asked, mut sequence) = (Vec::new(), false, 1);
    loop {
        let page = bench.runtime().logs(instance, sequence, Duration::from_secs(20)).await.expect("logs");
        sequence = page.next;
        lines.extend(page.lines);
        if page.complete {
            break;
        }
        if !asked && lines.last().is_some_and(|line| line.time > small) {
            bench.run_in(instance, &[Open("enough".into())]).await;
            asked = true;
        }
    }
    assert_eq!(bench.ended(workload.id()).await.end, End::Exited { code: 5 });
    assert!(asked && lines.first().is_some_and(|line| line.text == "0"));
    let wrong = lines.iter().enumerate().find(|(number, line)| line.text != number.to_string());
    assert_eq!(wrong, None);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_helper_outlives_the_runtime_and_is_found_again() {
    let (bench, rig) = Rig::bench().await;
    let steps =
        [Out("one".into()), Await("go".into()), Err("two".into()), Work { memory: 30, cpu: 50 }, Exit(9)];
    let workload = bench.once(&steps);
    let instance = bench.running(&workload, 1).await[0];
    let helper = rig.small_helper(&bench, instance).await;
    rig.restart().await;
    bench.until(workload.id(), |state| state.running().count() == 1).await;
    assert_eq!(rig.pid_of(instance, "helper"), Some(helper));
    // What a later process of the runtime starts, it starts with a copy of its own.
    let other = bench.running(&bench.once(&[Forever]), 1).await[0];
    rig.small_helper(&bench, other).await;
    let open = [Open("go".into())];
    bench.run_in(instance, &open).await;
    let outcome = bench.ended(workload.id()).await;
    assert_eq!(outcome.end, End::Exited { code: 9 });
    assert!(outcome.peak_memory >= 30 << 20 && outcome.cpu_micros >= 50_000, "{outcome:?}");
    assert_eq!(all(&bench, instance).await, ["one", "two"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_helper_that_stays_large_does_the_same() {
    let rig = Rig::start_with(vec!["large-helpers".to_owned()]).await;
    let bench = Bench::new(rig.clone());
    let mut workload = bench.once(&[Out("out".into()), Err("err".into()), Forever]);
    if let WorkloadKind::Once { time_limit, .. } = &mut workload.kind {
        *time_limit = Some(Duration::from_secs(5));
    }
    let instance = bench.running(&workload, 1).await[0];
    let helper = rig.pid_of(instance, "helper").expect("a helper");
    rig.restart().await;
    assert_eq!(rig.pid_of(instance, "helper"), Some(helper));
    assert!(program_of(helper).ends_with("hearth-runtime"));
    assert_eq!(bench.ended(workload.id()).await.end, End::TimedOut);
    let mut lines = all(&bench, instance).await;
    lines.sort();
    assert_eq!(lines, ["err", "out"]);
    let outcome = bench.outcome(&shell(&bench, "x=0123456789; while :; do x=$x$x; done")).await;
    assert_eq!(outcome.end, End::OutOfMemory);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_that_ended_leaves_nothing_on_the_host() {
    let (bench, rig) = Rig::bench().await;
    let workload = shell(&bench, "echo much > /etc/written; sleep 100 & exit 0");
    assert_eq!(bench.outcome(&workload).await.end, End::Exited { code: 0 });
    let WorkloadKind::Once { run, .. } = workload.kind else { panic!("a run") };
    let instance = InstanceId::of_run(run).to_string();
    let mut left = vec![rig.state().join("boxes").join(&instance)];
    left.extend(["memory/", "cpuacct/", ""].map(|controller| {
        PathBuf::from(format!("/sys/fs/cgroup/{controller}hearth/{}/{instance}", rig.instance()))
    }));
    bench.eventually("nothing is left", || async { left.iter().all(|path| !path.exists()) }).await;
    bench.close().await;
}
