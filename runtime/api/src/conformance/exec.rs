//! Exec sessions: additional programs in running containers.

use crate::{
    ExecInput, ExecRequest, Termination,
    conformance::Bench,
    fake::ScriptStep::{Echo, Err, Exit, Forever, Out, ShowEnv},
};

/// Its output does not appear in the container's log.
pub async fn a_second_program_has_streams_and_a_status(bench: &Bench) {
    let workload = bench.build_run(&[Forever]);
    let instance = bench.start_instances(&workload, 1).await[0];
    let process = bench.build_process(&[Out("out".into()), Err("err".into()), Exit(7)]);
    let session =
        bench.runtime().exec(ExecRequest { instance, process, terminal: None }).await.expect("exec");
    let (out, err, end) = session.collect_output().await;
    assert_eq!((out.as_slice(), err.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
    assert_eq!(end, Termination::Exited { code: 7 });
    assert!(bench.read_log(instance, 1).await.lines.is_empty());
}

/// The program receives all input and then its end.
pub async fn input_reaches_a_second_program(bench: &Bench) {
    let workload = bench.build_run(&[Forever]);
    let instance = bench.start_instances(&workload, 1).await[0];
    let exec = ExecRequest { instance, process: bench.build_process(&[Echo]), terminal: None };
    let session = bench.runtime().exec(exec).await.expect("exec");
    session.input.send(ExecInput::Data(b"hello\n".to_vec())).await.expect("input");
    session.input.send(ExecInput::Data(b"again\n".to_vec())).await.expect("input");
    session.input.send(ExecInput::Close).await.expect("close");
    let (out, _, end) = session.collect_output().await;
    assert_eq!((out.as_slice(), end), (&b"hello\nagain\n"[..], Termination::Exited { code: 0 }));
}

/// The error has the code `not-running`.
pub async fn exec_in_an_ended_container_is_refused(bench: &Bench) {
    let workload = bench.build_run(&[Exit(0)]);
    bench.run_to_end(&workload).await;
    let state = bench.wait_for_state(workload.id(), |state| state.done).await;
    let exec = ExecRequest {
        instance: state.instances[0].id,
        process: bench.build_process(&[Exit(0)]),
        terminal: None,
    };
    let refused = bench.runtime().exec(exec).await.err();
    assert_eq!(refused.as_ref().map(|error| error.code()), Some("not-running"));
}

/// Sealed variables work in exec sessions as in the container's process.
pub async fn a_sealed_variable_is_opened_for_a_second_program(bench: &Bench) {
    let workload = bench.build_run(&[Forever]);
    let instance = bench.start_instances(&workload, 1).await[0];
    let mut process = bench.build_process(&[ShowEnv("API_KEY".into())]);
    bench.seal_variable(&mut process, None, "s3cret").await;
    assert_eq!(bench.run_process(instance, process).await, "s3cret");
}
