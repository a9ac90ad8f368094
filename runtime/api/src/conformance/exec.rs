//! Second programs in running containers.

use crate::{
    End, Exec, ExecInput,
    conformance::Bench,
    fake::Step::{Echo, Err, Exit, Forever, Out, ShowEnv},
};

/// Kept apart from the first one's.
pub async fn a_second_program_has_streams_and_a_status(bench: &Bench) {
    let workload = bench.once(&[Forever]);
    let instance = bench.running(&workload, 1).await[0];
    let process = bench.process(&[Out("out".into()), Err("err".into()), Exit(7)]);
    let session = bench.runtime().exec(Exec { instance, process, terminal: None }).await.expect("exec");
    let (out, err, end) = session.finish().await;
    assert_eq!((out.as_slice(), err.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
    assert_eq!(end, End::Exited { code: 7 });
    assert!(bench.log(instance, 1).await.lines.is_empty());
}

/// To its end.
pub async fn input_reaches_a_second_program(bench: &Bench) {
    let workload = bench.once(&[Forever]);
    let instance = bench.running(&workload, 1).await[0];
    let exec = Exec { instance, process: bench.process(&[Echo]), terminal: None };
    let session = bench.runtime().exec(exec).await.expect("exec");
    session.input.send(ExecInput::Data(b"hello\n".to_vec())).await.expect("input");
    session.input.send(ExecInput::Data(b"again\n".to_vec())).await.expect("input");
    session.input.send(ExecInput::Close).await.expect("close");
    let (out, _, end) = session.finish().await;
    assert_eq!((out.as_slice(), end), (&b"hello\nagain\n"[..], End::Exited { code: 0 }));
}

/// With a word about why.
pub async fn nothing_is_started_in_what_has_ended(bench: &Bench) {
    let workload = bench.once(&[Exit(0)]);
    bench.outcome(&workload).await;
    let state = bench.until(workload.id(), |state| state.done).await;
    let exec = Exec { instance: state.instances[0].id, process: bench.process(&[Exit(0)]), terminal: None };
    let refused = bench.runtime().exec(exec).await.err();
    assert_eq!(refused.as_ref().map(|error| error.code()), Some("not-running"));
}

/// As for the first one.
pub async fn a_sealed_variable_is_opened_for_a_second_program(bench: &Bench) {
    let workload = bench.once(&[Forever]);
    let instance = bench.running(&workload, 1).await[0];
    let mut process = bench.process(&[ShowEnv("API_KEY".into())]);
    bench.seal(&mut process, None, "s3cret").await;
    assert_eq!(bench.run_process(instance, process).await, "s3cret");
}
