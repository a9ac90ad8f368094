//! The runtime's process may die at any moment: nothing is stopped, and no exit is lost.

use std::{fs, os::unix::process::CommandExt, time::Duration};

use hearth_runtime_api::{
    End, Phase, Stream,
    fake::Step::{Await, Exit, Forever, Open, Out},
};
use rustix::process::{Signal, kill_process};

use crate::rig::Rig;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn containers_outlive_the_runtime() {
    let (bench, rig) = Rig::bench().await;
    let instance = bench
        .running(&bench.keep(1, &[Out("one".into()), Await("go".into()), Out("two".into()), Forever]), 1)
        .await[0];
    rig.restart().await;
    let state = bench.until(instance.workload, |state| state.running().count() == 1).await;
    assert_eq!(state.instances.iter().map(|instance| instance.id).collect::<Vec<_>>(), [instance]);
    bench.run_in(instance, &[Open("go".into())]).await;
    let page = bench.runtime().logs(instance, 2, Duration::from_secs(20)).await.expect("logs");
    assert_eq!(page.lines.first().map(|line| line.text.as_str()), Some("two"));
    let version = bench.until(instance.workload, |_| true).await.version;
    bench.runtime().stop(instance.workload, version, Duration::from_secs(20)).await.expect("stop");
    bench.until(instance.workload, |state| state.done).await;
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exit_that_nobody_saw_is_not_lost() {
    let (bench, rig) = Rig::bench().await;
    let mut workload = bench.once(&[Exit(0)]);
    workload.process.argv =
        ["/bin/sh", "-c", "while [ ! -e /home/gate ]; do sleep 0.02; done; echo last; exit 7"]
            .map(String::from)
            .into();
    let instance = bench.running(&workload, 1).await[0];
    rig.kill().await;
    let exit = rig.state().join("runs").join(instance.to_string()).join("exit.json");
    assert!(!exit.exists());
    fs::write(rig.state().join("homes/0/gate"), "").expect("a gate in the home");
    bench.eventually("the helper writes the exit down", || async { exit.exists() }).await;
    rig.spawn_again().await;
    assert_eq!(bench.ended(workload.id()).await.end, End::Exited { code: 7 });
    assert_eq!(bench.log(instance, 1).await.lines.first().map(|line| line.text.as_str()), Some("last"));
    // And it is not started again by being applied again.
    assert_eq!(bench.outcome(&workload).await.end, End::Exited { code: 7 });
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_whose_helper_died_is_lost_and_leaves_nothing() {
    let (bench, rig) = Rig::bench().await;
    let workload = bench.once(&[Forever]);
    let instance = bench.running(&workload, 1).await[0];
    let init = rig.pid_of(instance, "init").expect("a first process");
    kill_process(rig.small_helper(&bench, instance).await, Signal::KILL).expect("kill");
    assert_eq!(bench.ended(workload.id()).await.end, End::Lost);
    bench
        .eventually(
            "its process is gone",
            || async move { rustix::process::test_kill_process(init).is_err() },
        )
        .await;
    assert!(!rig.state().join("boxes").join(instance.to_string()).exists());
    assert!(
        !std::path::Path::new(&format!("/sys/fs/cgroup/memory/hearth/{}/{instance}", rig.instance()))
            .exists()
    );
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_was_asked_for_is_told_so_though_nobody_saw_it() {
    let (bench, rig) = Rig::bench().await;
    let mut workload = bench.once(&[Exit(0)]);
    let script = "trap 'echo asked; while [ ! -e /home/gate ]; do sleep 0.02; done; exit 7' TERM; \
                  echo ready; while :; do sleep 0.02; done";
    workload.process.argv = ["/bin/sh", "-c", script].map(String::from).into();
    let instance = bench.running(&workload, 1).await[0];
    let says = async |line: &str| bench.log(instance, 1).await.lines.iter().any(|said| said.text == line);
    bench.eventually("its trap is set", || says("ready")).await;
    bench.runtime().stop(workload.id(), workload.version, Duration::from_secs(60)).await.expect("stop");
    bench.eventually("it is asked to end", || says("asked")).await;
    rig.kill().await;
    fs::write(rig.state().join("homes/0/gate"), "").expect("a gate");
    let exit = rig.state().join("runs").join(instance.to_string()).join("exit.json");
    bench.eventually("its end is written down", || async { exit.exists() }).await;
    rig.spawn_again().await;
    let outcome = bench.ended(workload.id()).await;
    assert_eq!((outcome.end, outcome.stopped), (End::Exited { code: 7 }, true));
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_is_not_started_twice_by_a_restart() {
    let (bench, rig) = Rig::bench().await;
    let workload = bench.once(&[Out("started".into()), Exit(0)]);
    bench.outcome(&workload).await;
    rig.restart().await;
    assert_eq!(bench.lines(&workload).await, ["started"]);
    bench.runtime().acknowledge(workload.id()).await.expect("acknowledge");
    rig.restart().await;
    let refused = bench.runtime().apply(workload).await.err();
    assert_eq!(refused.as_ref().map(|error| error.code()), Some("run-already-done"));
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_helper_that_comes_when_its_start_was_given_up_starts_nothing() {
    let (bench, rig) = Rig::bench().await;
    let starts = || {
        let mut workload = bench.once(&[]);
        workload.process.argv = ["/bin/sh", "-c", "echo started >> /home/starts"].map(String::from).into();
        workload
    };
    let (first, late) = (starts(), starts());
    assert_eq!(bench.outcome(&first).await.end, End::Exited { code: 0 });
    rig.kill().await;
    // As it is when the process died between starting a helper and hearing of it.
    let like_first = |name: &str, file: &str| {
        let [from, to] =
            [&first, &late].map(|workload| rig.state().join(name.replace("ID", &workload.id().to_string())));
        fs::create_dir_all(&to).expect("a folder");
        let text = fs::read_to_string(from.join(file)).expect("a file");
        let [file, text] =
            [file, &text].map(|text| text.replace(&first.id().to_string(), &late.id().to_string()));
        fs::write(to.join(file), text).expect("a file");
        to
    };
    like_first("workloads", &format!("{}.json", first.id()));
    let folder = like_first("runs/ID.0.1", "brief.json");
    rig.spawn_again().await;
    assert!(matches!(bench.ended(late.id()).await.end, End::NotStarted { .. }));
    let told = fs::read(folder.join("exit.json")).expect("an exit");
    let helper = std::process::Command::new(env!("CARGO_BIN_EXE_hearth-runtime"))
        .arg0("hearth-runtime-helper")
        .arg(&folder)
        .stdin(std::process::Stdio::null())
        .status();
    assert_eq!(helper.expect("a helper").code(), Some(2));
    assert_eq!(fs::read(folder.join("exit.json")).expect("an exit"), told);
    let starts = fs::read_to_string(rig.state().join("homes/0/starts")).expect("what started");
    assert_eq!(starts, "started\n");
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_process_for_one_instance_is_refused() {
    let (bench, rig) = Rig::bench().await;
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_hearth-runtime"))
        .args([rig.instance(), rig.state().to_string_lossy().into_owned(), "0".to_owned()])
        .output()
        .expect("a second process");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("already runs"));
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_lines_is_cut_and_counted_and_the_tool_goes_on() {
    let (bench, _rig) = Rig::bench().await;
    let mut workload = bench.once(&[Exit(0)]);
    workload.process.argv = [
        "/bin/sh",
        "-c",
        "yes 0123456789012345678901234567890123456789012345678901234567890ab | head -c 41943040; exit 3",
    ]
    .map(String::from)
    .into();
    assert_eq!(bench.outcome(&workload).await.end, End::Exited { code: 3 });
    let state = bench.until(workload.id(), |state| state.done).await;
    assert!(matches!(state.instances[0].phase, Phase::Ended(_)));
    let (mut sequence, mut lost, mut kept) = (1, 0, 0u64);
    loop {
        let page = bench.log(state.instances[0].id, sequence).await;
        for line in &page.lines {
            assert_eq!(line.sequence, sequence);
            sequence += 1;
            match line.stream {
                Stream::Note => {
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
