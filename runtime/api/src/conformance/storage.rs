//! What a tool owns beside its containers.

use std::time::Duration;

use crate::{
    conformance::Bench,
    fake::Step::{Fill, Forever, Out, Save, Show},
};

/// It belongs to the tool.
pub async fn a_home_outlives_its_runs(bench: &Bench) {
    bench.outcome(&bench.once(&[Save("kept".into())])).await;
    assert_eq!(bench.lines(&bench.once(&[Show])).await, ["kept"]);
}

/// Nor see each other's.
pub async fn tools_do_not_share_a_home(bench: &Bench) {
    bench.outcome(&bench.once(&[Save("mine".into())])).await;
    let mut other = bench.once(&[Show]);
    other.owner = Bench::new_tool().into();
    assert_eq!(bench.lines(&other).await, ["nothing"]);
}

/// For ever.
pub async fn an_erased_home_is_empty(bench: &Bench) {
    bench.outcome(&bench.once(&[Save("old".into())])).await;
    bench.runtime().erase(bench.tool).await.expect("erase");
    bench.runtime().erase(bench.tool).await.expect("erase again");
    assert_eq!(bench.lines(&bench.once(&[Show])).await, ["nothing"]);
}

/// It is stopped first.
pub async fn a_tool_that_runs_is_not_erased(bench: &Bench) {
    bench.running(&bench.once(&[Forever]), 1).await;
    let refused = bench.runtime().erase(bench.tool).await.err();
    assert_eq!(refused.as_ref().map(|error| error.code()), Some("tool-still-runs"));
}

/// And for nothing else.
pub async fn usage_is_told_for_what_runs(bench: &Bench) {
    assert!(bench.runtime().usage().await.expect("usage").is_empty());
    let instance = bench.running(&bench.keep(1, &[Fill(8), Out("written".into()), Forever]), 1).await[0];
    bench.runtime().logs(instance, 1, Duration::from_secs(20)).await.expect("logs");
    let usage = bench.runtime().usage().await.expect("usage");
    assert_eq!(usage.len(), 1);
    assert_eq!(usage[0].instance, instance);
    assert!(usage[0].memory > 0 && usage[0].processes > 0);
    assert!((8 << 20..9 << 20).contains(&usage[0].disk), "{usage:?}");
}
