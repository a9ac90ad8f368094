//! Tests that the runtime process may crash at any time: containers keep running, and no exit is lost.

use std::{fs, os::unix::process::CommandExt, time::Duration};

use hearth_runtime_api::{
    LogStream, Phase, Termination,
    fake::ScriptStep::{Await, Exit, Forever, Open, Out},
};
use rustix::process::{Signal, kill_process};

use crate::fixture::RuntimeFixture;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_outlive_the_runtime() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let instance = bench
        .start_instances(
            &bench.build_set(1, &[Out("one".into()), Await("go".into()), Out("two".into()), Forever]),
            1,
        )
        .await[0];
    fixture.restart().await;
    let state = bench.wait_for_state(instance.workload, |state| state.running_instances().count() == 1).await;
    assert_eq!(state.instances.iter().map(|instance| instance.id).collect::<Vec<_>>(), [instance]);
    bench.run_steps_in(instance, &[Open("go".into())]).await;
    let page = bench.runtime().read_logs(instance, 2, Duration::from_secs(20)).await.expect("logs");
    assert_eq!(page.lines.first().map(|line| line.text.as_str()), Some("two"));
    let version = bench.wait_for_state(instance.workload, |_| true).await.version;
    bench.runtime().stop(instance.workload, version, Duration::from_secs(20)).await.expect("stop");
    bench.wait_for_state(instance.workload, |state| state.done).await;
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exit_without_a_runtime_process_is_not_lost() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let mut workload = bench.build_run(&[Exit(0)]);
    workload.process.argv =
        ["/bin/sh", "-c", "while [ ! -e /home/gate ]; do sleep 0.02; done; echo last; exit 7"]
            .map(String::from)
            .into();
    let instance = bench.start_instances(&workload, 1).await[0];
    fixture.kill_runtime().await;
    let exit = fixture.state_folder().join("runs").join(instance.to_string()).join("exit.json");
    assert!(!exit.exists());
    fs::write(fixture.home_folder(instance).join("gate"), "").expect("a gate in the home");
    bench.wait_until("the helper writes the exit file", || async { exit.exists() }).await;
    fixture.spawn_runtime().await;
    assert_eq!(bench.wait_for_end(workload.id()).await.end, Termination::Exited { code: 7 });
    assert_eq!(bench.read_log(instance, 1).await.lines.first().map(|line| line.text.as_str()), Some("last"));
    // A repeated apply does not start it again.
    assert_eq!(bench.run_to_end(&workload).await.end, Termination::Exited { code: 7 });
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn container_with_a_dead_helper_is_lost_and_leaves_no_resources() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let workload = bench.build_run(&[Forever]);
    let instance = bench.start_instances(&workload, 1).await[0];
    let init = fixture.read_pid(instance, "init").expect("a first process");
    kill_process(fixture.wait_for_small_helper(&bench, instance).await, Signal::KILL).expect("kill");
    assert_eq!(bench.wait_for_end(workload.id()).await.end, Termination::Lost);
    bench
        .wait_until(
            "its process is gone",
            || async move { rustix::process::test_kill_process(init).is_err() },
        )
        .await;
    assert!(!fixture.state_folder().join("uppers").join(instance.to_string()).exists());
    assert!(
        !std::path::Path::new(&format!(
            "/sys/fs/cgroup/memory/hearth/{}/{instance}",
            fixture.instance_name()
        ))
        .exists()
    );
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requested_stop_is_reported_after_a_restart_of_the_runtime() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let mut workload = bench.build_run(&[Exit(0)]);
    let script = "trap 'echo asked; while [ ! -e /home/gate ]; do sleep 0.02; done; exit 7' TERM; \
                  echo ready; while :; do sleep 0.02; done";
    workload.process.argv = ["/bin/sh", "-c", script].map(String::from).into();
    let instance = bench.start_instances(&workload, 1).await[0];
    let has_line =
        async |line: &str| bench.read_log(instance, 1).await.lines.iter().any(|logged| logged.text == line);
    bench.wait_until("its trap is set", || has_line("ready")).await;
    bench.runtime().stop(workload.id(), workload.version, Duration::from_secs(60)).await.expect("stop");
    bench.wait_until("it has received the stop signal", || has_line("asked")).await;
    fixture.kill_runtime().await;
    fs::write(fixture.home_folder(instance).join("gate"), "").expect("a gate");
    let exit = fixture.state_folder().join("runs").join(instance.to_string()).join("exit.json");
    bench.wait_until("its exit file is written", || async { exit.exists() }).await;
    fixture.spawn_runtime().await;
    let outcome = bench.wait_for_end(workload.id()).await;
    assert_eq!((outcome.end, outcome.stopped), (Termination::Exited { code: 7 }, true));
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restart_starts_no_run_twice() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let workload = bench.build_run(&[Out("started".into()), Exit(0)]);
    bench.run_to_end(&workload).await;
    fixture.restart().await;
    assert_eq!(bench.run_for_lines(&workload).await, ["started"]);
    bench.runtime().acknowledge_workload(workload.id()).await.expect("acknowledge");
    fixture.restart().await;
    let refused = bench.runtime().apply(workload).await.err();
    assert_eq!(refused.as_ref().map(|error| error.code()), Some("run-already-done"));
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_helper_of_a_cancelled_start_starts_no_container() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let build_workload = || {
        let mut workload = bench.build_run(&[]);
        workload.process.argv = ["/bin/sh", "-c", "echo started >> /home/starts"].map(String::from).into();
        workload
    };
    let (first, late) = (build_workload(), build_workload());
    assert_eq!(bench.run_to_end(&first).await.end, Termination::Exited { code: 0 });
    fixture.kill_runtime().await;
    // The state after the runtime process died between spawning a helper and its first event.
    let copy_from_first = |name: &str, file: &str| {
        let [from, to] = [&first, &late]
            .map(|workload| fixture.state_folder().join(name.replace("ID", &workload.id().to_string())));
        fs::create_dir_all(&to).expect("a folder");
        let text = fs::read_to_string(from.join(file)).expect("a file");
        let [file, text] =
            [file, &text].map(|text| text.replace(&first.id().to_string(), &late.id().to_string()));
        fs::write(to.join(file), text).expect("a file");
        to
    };
    copy_from_first("workloads", &format!("{}.json", first.id()));
    let folder = copy_from_first("runs/ID.0.1", "helper.json");
    fixture.spawn_runtime().await;
    assert!(matches!(bench.wait_for_end(late.id()).await.end, Termination::NotStarted { .. }));
    let exit_record = fs::read(folder.join("exit.json")).expect("an exit");
    let helper = std::process::Command::new(env!("CARGO_BIN_EXE_hearth-runtime"))
        .arg0("hearth-runtime-helper")
        .arg(&folder)
        .stdin(std::process::Stdio::null())
        .status();
    assert_eq!(helper.expect("a helper").code(), Some(2));
    assert_eq!(fs::read(folder.join("exit.json")).expect("an exit"), exit_record);
    let mut reader = build_workload();
    reader.process.argv = ["/bin/cat", "/home/starts"].map(String::from).into();
    assert_eq!(bench.run_for_lines(&reader).await, ["started"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn second_process_for_one_instance_is_refused() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_hearth-runtime"))
        .args([
            fixture.instance_name(),
            fixture.state_folder().to_string_lossy().into_owned(),
            "0".to_owned(),
        ])
        .output()
        .expect("a second process");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("already runs"));
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flood_of_lines_is_dropped_and_counted_and_the_tool_runs_on() {
    let (bench, _rig) = RuntimeFixture::start_bench().await;
    let mut workload = bench.build_run(&[Exit(0)]);
    workload.process.argv = [
        "/bin/sh",
        "-c",
        "yes 0123456789012345678901234567890123456789012345678901234567890ab | head -c 41943040; exit 3",
    ]
    .map(String::from)
    .into();
    assert_eq!(bench.run_to_end(&workload).await.end, Termination::Exited { code: 3 });
    let state = bench.wait_for_state(workload.id(), |state| state.done).await;
    assert!(matches!(state.instances[0].phase, Phase::Ended(_)));
    let (mut sequence, mut lost, mut kept) = (1, 0, 0u64);
    loop {
        let page = bench.read_log(state.instances[0].id, sequence).await;
        for line in &page.lines {
            assert_eq!(line.sequence, sequence);
            sequence += 1;
            match line.stream {
                LogStream::Note => {
                    lost += line.text.trim_end_matches(" lines lost").parse::<u64>().expect("a count")
                }
                _ => kept += 1,
            }
        }
        if page.complete {
            break;
        }
    }
    assert_eq!(lost + kept, (40 << 20) / 64);
    assert!(lost > 0);
    bench.close().await;
}
