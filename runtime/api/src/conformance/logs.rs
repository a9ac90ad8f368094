//! Logs: every line exactly once, in order.

use std::time::Duration;

use crate::{
    LogStream,
    conformance::Bench,
    fake::ScriptStep::{Await, Err, Open, Out},
};

/// Sequence numbers start at 1 without gaps, and keep the order within each stream.
pub async fn lines_come_in_order_with_their_stream(bench: &Bench) {
    let workload =
        bench.build_run(&[Out("one".into()), Out("two".into()), Err("three".into()), Out("four".into())]);
    bench.run_to_end(&workload).await;
    let state = bench.wait_for_state(workload.id(), |state| state.done).await;
    let page = bench.read_log(state.instances[0].id, 1).await;
    assert!(page.complete && page.next == 5, "{page:?}");
    assert_eq!(page.lines.iter().map(|line| line.sequence).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let texts =
        |stream| page.lines.iter().filter(move |line| line.stream == stream).map(|line| line.text.as_str());
    assert_eq!(texts(LogStream::Out).collect::<Vec<_>>(), ["one", "two", "four"]);
    assert_eq!(texts(LogStream::Err).collect::<Vec<_>>(), ["three"]);
}

/// A reader passes the sequence of its next line.
pub async fn reader_continues_from_a_sequence(bench: &Bench) {
    let workload = bench.build_run(&[Out("one".into()), Out("two".into()), Out("three".into())]);
    bench.run_to_end(&workload).await;
    let state = bench.wait_for_state(workload.id(), |state| state.done).await;
    let page = bench.read_log(state.instances[0].id, 3).await;
    assert_eq!(page.lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["three"]);
    let end = bench.read_log(state.instances[0].id, page.next).await;
    assert!(end.lines.is_empty() && end.complete && end.next == page.next);
}

/// The call returns as soon as the line is written.
pub async fn a_reader_waits_for_the_next_line(bench: &Bench) {
    // The end of a container's process kills all other programs in it. So the container's process waits at
    // the end, until the program that opened its gate has ended.
    let steps = [Out("one".into()), Await("go".into()), Out("two".into()), Await("end".into())];
    let workload = bench.build_run(&steps);
    let instance = bench.start_instances(&workload, 1).await[0];
    let first = bench.runtime().read_logs(instance, 1, Duration::from_secs(50)).await.expect("logs");
    assert_eq!((first.lines.len(), first.complete), (1, false));
    let (runtime, go) = (bench.runtime(), [Open("go".into())]);
    let (second, _) = tokio::join!(
        runtime.read_logs(instance, first.next, Duration::from_secs(50)),
        bench.run_steps_in(instance, &go)
    );
    assert_eq!(second.expect("logs").lines[0].text, "two");
}
