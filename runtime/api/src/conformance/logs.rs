//! Logs: every line, in order, once.

use std::time::Duration;

use crate::{
    Stream,
    conformance::Bench,
    fake::Step::{Await, Err, Open, Out},
};

/// Numbered from 1 without gaps; each stream's own order holds.
pub async fn lines_come_in_order_with_their_stream(bench: &Bench) {
    let workload =
        bench.once(&[Out("one".into()), Out("two".into()), Err("three".into()), Out("four".into())]);
    bench.outcome(&workload).await;
    let state = bench.until(workload.id(), |state| state.done).await;
    let page = bench.log(state.instances[0].id, 1).await;
    assert!(page.complete && page.next == 5, "{page:?}");
    assert_eq!(page.lines.iter().map(|line| line.sequence).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let of =
        |stream| page.lines.iter().filter(move |line| line.stream == stream).map(|line| line.text.as_str());
    assert_eq!(of(Stream::Out).collect::<Vec<_>>(), ["one", "two", "four"]);
    assert_eq!(of(Stream::Err).collect::<Vec<_>>(), ["three"]);
}

/// By sequence.
pub async fn a_reader_goes_on_where_it_was(bench: &Bench) {
    let workload = bench.once(&[Out("one".into()), Out("two".into()), Out("three".into())]);
    bench.outcome(&workload).await;
    let state = bench.until(workload.id(), |state| state.done).await;
    let page = bench.log(state.instances[0].id, 3).await;
    assert_eq!(page.lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["three"]);
    let end = bench.log(state.instances[0].id, page.next).await;
    assert!(end.lines.is_empty() && end.complete && end.next == page.next);
}

/// And is given it when it comes.
pub async fn a_reader_waits_for_the_next_line(bench: &Bench) {
    // With the first program's end all others are killed: it waits for the end of the one that lets it go on.
    let steps = [Out("one".into()), Await("go".into()), Out("two".into()), Await("end".into())];
    let workload = bench.once(&steps);
    let instance = bench.running(&workload, 1).await[0];
    let first = bench.runtime().logs(instance, 1, Duration::from_secs(50)).await.expect("logs");
    assert_eq!((first.lines.len(), first.complete), (1, false));
    let (runtime, go) = (bench.runtime(), [Open("go".into())]);
    let (second, _) = tokio::join!(
        runtime.logs(instance, first.next, Duration::from_secs(50)),
        bench.run_in(instance, &go)
    );
    assert_eq!(second.expect("logs").lines[0].text, "two");
}
