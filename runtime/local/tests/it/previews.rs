//! Tests of previews: their runs reach neither their tool nor Hearth, and leave nothing on the host.

use std::fs;

use hearth_base::{PreviewNumber, ToolId};
use hearth_runtime_api::{Isolation, Mount, MountSource, Owner, Workload, conformance::Bench};

use crate::{
    escape::build_shell_run,
    fixture::RuntimeFixture,
    network::{UnusedNetwork, serve_text, start_web_job},
};

fn preview_of(tool: ToolId, number: u32) -> Owner {
    Owner::Preview { tool, number: PreviewNumber::new(number).expect("a number") }
}

/// Builds a run of a preview of the bench's tool.
fn build_preview_run(bench: &Bench, number: u32, script: &str) -> Workload {
    let mut workload = build_shell_run(bench, script);
    workload.owner = preview_of(bench.tool, number);
    workload.network.without_services = true;
    workload.mounts.clear();
    workload
}

/// True if a preview has a number.
fn has_preview_number(fixture: &RuntimeFixture) -> bool {
    let stored = fs::read_to_string(fixture.state_folder().join("tools.json")).unwrap_or_default();
    stored.contains("/pr-")
}

/// A script that tries the door, by name and by address, and the job `web` by name and by address.
fn build_attempts(service: &str, web: &str) -> String {
    format!(
        "(nc -w 1 hearth.internal 80 </dev/null || echo no-door; nc -w 1 {service} 80 </dev/null || echo no-address; \
         grep -q hearth.internal /etc/hosts || echo no-hosts-entry; \
         nslookup -type=a hearth.internal >/dev/null || echo unknown-door; \
         nslookup -type=a postgres.hearth.internal >/dev/null || echo unknown-endpoint; \
         nslookup -type=a web >/dev/null || echo unknown-job; \
         nslookup -type=a web.tool-dup-finder.svc.cluster.local >/dev/null || echo unknown-full-name; \
         nc -w 1 {web} 8080 </dev/null || echo no-job) 2>/dev/null"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn run_of_a_preview_reaches_neither_its_tool_nor_hearth() {
    let door = serve_text("127.0.0.1", "door\n");
    let fixture = RuntimeFixture::start_with(vec![format!("80=127.0.0.1:{door}")]).await;
    let bench = Bench::new(fixture.clone());
    let (_web, address) = start_web_job(&bench, bench.tool).await;
    let [a, b, ..] = address.octets();
    let attempts = build_attempts(&format!("{a}.{b}.0.1"), &address.to_string());
    let apart = [
        "no-door",
        "no-address",
        "no-hosts-entry",
        "unknown-door",
        "unknown-endpoint",
        "unknown-job",
        "unknown-full-name",
        "no-job",
    ];
    assert_eq!(bench.run_for_lines(&build_preview_run(&bench, 7, &attempts)).await, apart);
    // The rules hold for bridges of an earlier process too, and the tool is as before.
    let waits =
        build_preview_run(&bench, 8, &format!("while [ ! -e /tmp/go ]; do sleep 0.1; done; {attempts}"));
    let instance = bench.start_instances(&waits, 1).await.remove(0);
    fixture.restart().await;
    let mut process = waits.process.clone();
    process.argv = ["/bin/sh", "-c", "echo > /tmp/go"].map(String::from).into();
    bench.wait_for_state(waits.id(), |state| state.running_instances().count() == 1).await;
    bench.run_process(instance, process).await;
    assert_eq!(bench.run_for_lines(&waits).await, apart);
    let of_tool = build_shell_run(&bench, "nc -w 2 hearth.internal 80 </dev/null");
    assert_eq!(bench.run_for_lines(&of_tool).await, ["door"]);
    bench.close().await;
}

/// The rule for the internet is that of tools: addresses of it are reached, private ones and mail ports are not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn run_of_a_preview_reaches_the_internet_as_a_tool_does() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    // No other test uses these networks.
    let outside = UnusedNetwork::new(&fixture, &[[192, 88, 99], [10, 254, 253]]);
    let attempt = |address: &str, port: u16| {
        build_preview_run(&bench, 7, &format!("nc -w 1 {address} {port} </dev/null 2>&1; exit 0"))
    };
    let lines = bench.run_for_lines(&attempt("192.88.99.7", 25)).await;
    assert!(lines.iter().any(|line| line.contains("refused")), "{lines:?}");
    bench.run_to_end(&attempt("10.254.253.7", 80)).await;
    assert!(!outside.was_asked_for("192.88.99.7") && !outside.was_asked_for("10.254.253.7"));
    let lines = bench.run_for_lines(&attempt("192.88.99.7", 80)).await;
    assert!(outside.was_asked_for("192.88.99.7"), "{lines:?}");
    bench.close().await;
}

/// A build fetches its source and packages through Hearth's door, apart from the preview's runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn build_of_a_preview_reaches_the_door_and_not_its_tool() {
    let door = serve_text("127.0.0.1", "door\n");
    let fixture = RuntimeFixture::start_with(vec![format!("80=127.0.0.1:{door}")]).await;
    let bench = Bench::new(fixture);
    let (_web, address) = start_web_job(&bench, bench.tool).await;
    let script = format!(
        "(nc -w 2 hearth.internal 80 </dev/null; nslookup -type=a web >/dev/null || echo unknown-job; \
         nc -w 1 {address} 8080 </dev/null || echo no-job; nslookup -type=a web--pr-7 >/dev/null || echo unknown-run) 2>/dev/null"
    );
    let mut run = build_preview_run(&bench, 7, "sleep 600");
    run.network.name = Some("web--pr-7".parse().expect("a name"));
    bench.start_instances(&run, 1).await;
    let mut build = build_preview_run(&bench, 7, &script);
    build.isolation = Isolation::Build;
    build.network.without_services = false;
    assert_eq!(bench.run_for_lines(&build).await, ["door", "unknown-job", "no-job", "unknown-run"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn preview_has_ids_of_its_own_until_its_workloads_are_acknowledged() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let read_ids = "cat /proc/self/uid_map | head -1";
    let of_tool = bench.run_for_lines(&build_shell_run(&bench, read_ids)).await;
    let first = build_preview_run(&bench, 7, read_ids);
    let of_preview = bench.run_for_lines(&first).await;
    let of_other = build_preview_run(&bench, 8, &format!("{read_ids}; echo started; sleep 600"));
    bench.start_instances(&of_other, 1).await;
    assert!(
        of_tool.len() == 1 && of_preview.len() == 1 && of_tool != of_preview,
        "{of_tool:?} {of_preview:?}"
    );
    assert!(has_preview_number(&fixture));
    bench.runtime().stop(of_other.id(), of_other.version, std::time::Duration::ZERO).await.expect("stop");
    bench.wait_for_end(of_other.id()).await;
    for ended in [first.id(), of_other.id()] {
        assert!(has_preview_number(&fixture), "a later step of a build would have other ids");
        bench.runtime().acknowledge_workload(ended).await.expect("acknowledge");
    }
    bench.wait_until("the numbers are taken back", || async { !has_preview_number(&fixture) }).await;
    bench.close().await;
}

/// The steps of a build share the cache of the preview, which is not that of the tool, and ends with the build.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn build_cache_of_a_preview_is_its_own_and_ends_with_the_build() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let with_cache = |mut workload: Workload| {
        workload.isolation = Isolation::Build;
        workload.network.without_services = false;
        let (source, at) = (MountSource::BuildCache, "/cache".to_owned());
        workload.mounts = vec![Mount { source, at, read_only: false }];
        workload
    };
    let step = |script: &str| with_cache(build_preview_run(&bench, 7, script));
    let of_tool = with_cache(build_shell_run(&bench, "echo tool > /cache/file"));
    bench.run_to_end(&of_tool).await;
    let steps = [
        step("cat /cache/file 2>/dev/null || echo none; echo preview > /cache/file"),
        step("cat /cache/file"),
    ];
    assert_eq!(bench.run_for_lines(&steps[0]).await, ["none"]);
    assert_eq!(bench.run_for_lines(&steps[1]).await, ["preview"]);
    for step in &steps {
        bench.runtime().acknowledge_workload(step.id()).await.expect("acknowledge");
    }
    bench.wait_until("the number is taken back", || async { !has_preview_number(&fixture) }).await;
    assert_eq!(bench.run_for_lines(&step("cat /cache/file 2>/dev/null || echo none")).await, ["none"]);
    let of_tool = with_cache(build_shell_run(&bench, "cat /cache/file"));
    assert_eq!(bench.run_for_lines(&of_tool).await, ["tool"]);
    bench.close().await;
}

/// Erasure waits for the previews of the tool too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn erasure_of_a_tool_waits_for_its_previews() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let run = build_preview_run(&bench, 7, "sleep 600");
    bench.start_instances(&run, 1).await;
    let refused = bench.runtime().erase_tool(bench.tool).await.expect_err("a preview runs");
    assert_eq!(refused.code(), "tool-still-runs");
    bench.runtime().stop(run.id(), run.version, std::time::Duration::ZERO).await.expect("stop");
    bench.wait_for_end(run.id()).await;
    bench
        .wait_until("the tool is erased", || async { bench.runtime().erase_tool(bench.tool).await.is_ok() })
        .await;
    assert!(!has_preview_number(&fixture));
    bench.close().await;
}
