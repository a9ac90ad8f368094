//! Tests of programs that are started in a running container, and of programs that cannot be started.

use hearth_runtime_api::{
    ExecRequest, TerminalSize, Termination,
    conformance::Bench,
    fake::ScriptStep::{Exit, Forever},
};

use crate::{escape::build_shell_run, fixture::RuntimeFixture};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn program_with_a_terminal_has_its_type_and_size() {
    let (bench, _fixture) = RuntimeFixture::start_bench().await;
    let instance = bench.start_instances(&bench.build_run(&[Forever]), 1).await[0];
    for (script, terminal, expected) in [
        ("echo $TERM; stty size", Some(TerminalSize { rows: 33, columns: 111 }), "xterm-256color 33 111"),
        ("export TERM; echo ${TERM:-none}; test -t 0 || echo stream", None, "none stream"),
    ] {
        let process = build_shell_run(&bench, script).process;
        let session = bench.runtime().exec(ExecRequest { instance, process, terminal }).await.expect("exec");
        let (out, _, end) = session.collect_output().await;
        let words: Vec<String> =
            String::from_utf8_lossy(&out).split_whitespace().map(str::to_owned).collect();
        assert_eq!((words.join(" ").as_str(), end), (expected, Termination::Exited { code: 0 }), "{script}");
    }
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn program_that_cannot_be_executed_is_reported_with_the_reason() {
    let (bench, _fixture) = RuntimeFixture::start_bench().await;
    let prepare = "echo 'echo hello' > /home/plain.sh; mkdir /home/folder; \
                   printf '#!/no/such/python3\\n' > /home/lost; printf '#!/bin/sh\\r\\n' > /home/windows; \
                   echo text > /home/text; chmod 755 /home/lost /home/windows /home/text; busybox mkfifo -m 755 /home/pipe";
    bench.run_to_end(&build_shell_run(&bench, prepare)).await;
    let instance = bench.start_instances(&bench.build_run(&[Forever]), 1).await[0];
    for (program, reason, status) in [
        ("/home/plain.sh", "is not executable; run chmod +x /home/plain.sh, or start it with: sh", 126),
        ("/home/folder", "is a folder", 126),
        // Opening a pipe would wait for a writer, and nothing could stop the container.
        ("/home/pipe", "is a special file", 126),
        ("/home/lost", "is missing in the image: /no/such/python3", 127),
        ("/home/windows", "carriage return", 126),
        ("/home/none", "the image has no program", 127),
        ("none", "in its PATH", 127),
    ] {
        let mut workload = bench.build_run(&[Exit(0)]);
        workload.process.argv = vec![program.to_owned()];
        let outcome = bench.run_to_end(&workload).await;
        let Termination::NotStarted { reason: given } = &outcome.end else {
            panic!("{program}: {outcome:?}")
        };
        assert!(given.contains(reason), "{program}: {given}");
        assert_eq!(run_beside(&bench, instance, program).await, (true, status), "{program}: {reason}");
    }
    // The kernel refuses this file only when it is executed.
    let (_, status) = run_beside(&bench, instance, "/home/text").await;
    assert_eq!(status, 126);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn program_opens_its_standard_streams_by_their_names() {
    let (bench, _fixture) = RuntimeFixture::start_bench().await;
    for uid in [0, 1000] {
        for name in ["/dev/stdout", "/dev/stderr", "/proc/self/fd/2"] {
            let mut workload = build_shell_run(&bench, &format!("echo a line > {name}"));
            (workload.process.user.uid, workload.process.user.gid) = (uid, uid);
            let outcome = bench.run_to_end(&workload).await;
            assert_eq!(outcome.end, Termination::Exited { code: 0 }, "{name} as {uid}");
        }
    }
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tool_with_many_open_programs_starts_no_more_and_delays_no_other() {
    let (bench, _fixture) = RuntimeFixture::start_bench().await;
    let mut other = bench.build_run(&[Forever]);
    other.owner = Bench::new_tool().into();
    let mut workload = bench.build_run(&[Forever]);
    workload.limits.processes = 200;
    let instance = bench.start_instances(&workload, 1).await[0];
    let other = bench.start_instances(&other, 1).await[0];
    let open = async |instance| {
        let process = build_shell_run(&bench, "cat").process;
        bench.runtime().exec(ExecRequest { instance, process, terminal: None }).await
    };
    let mut held = Vec::new();
    for _ in 0..32 {
        held.push(open(instance).await.expect("exec"));
    }
    let refused = open(instance).await.err();
    assert_eq!(refused.as_ref().map(|error| error.code()), Some("exec-limit"));
    held.push(open(other).await.expect("exec of another tool"));
    drop(held);
    bench.wait_until("a program may be started again", || async { open(instance).await.is_ok() }).await;
    bench.close().await;
}

/// Starts a program in a container. Returns whether its standard error names the program, and its exit status.
async fn run_beside(bench: &Bench, instance: hearth_runtime_api::InstanceId, program: &str) -> (bool, i32) {
    let mut process = bench.build_process(&[]);
    process.argv = vec![program.to_owned()];
    let request = ExecRequest { instance, process, terminal: None };
    let (_, err, end) = bench.runtime().exec(request).await.expect("exec").collect_output().await;
    let Termination::Exited { code } = end else { panic!("{program}: {end:?}") };
    (String::from_utf8_lossy(&err).contains(&format!("{program} cannot be started")), code)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn working_folder_that_no_layer_has_is_created() {
    let (bench, _fixture) = RuntimeFixture::start_bench().await;
    let mut workload = build_shell_run(&bench, "test \"$(pwd)\" = /srv/new/folder && test -O . || test -r .");
    workload.process.cwd = "/srv/new/folder".to_owned();
    let outcome = bench.run_to_end(&workload).await;
    assert_eq!(outcome.end, Termination::Exited { code: 0 }, "{outcome:?}");
    bench.close().await;
}
