//! Storage of a tool: homes, erasure, and resource usage.

use std::time::Duration;

use crate::{
    conformance::Bench,
    fake::ScriptStep::{Fill, Forever, Out, Save, Show},
};

/// The home belongs to the tool, not to a run.
pub async fn a_home_outlives_its_runs(bench: &Bench) {
    bench.run_to_end(&bench.build_run(&[Save("kept".into())])).await;
    assert_eq!(bench.run_for_lines(&bench.build_run(&[Show])).await, ["kept"]);
}

/// A tool cannot read another tool's home.
pub async fn tools_do_not_share_a_home(bench: &Bench) {
    bench.run_to_end(&bench.build_run(&[Save("mine".into())])).await;
    let mut other = bench.build_run(&[Show]);
    other.owner = Bench::new_tool().into();
    assert_eq!(bench.run_for_lines(&other).await, ["nothing"]);
}

/// Erasure is idempotent and permanent.
pub async fn an_erased_home_is_empty(bench: &Bench) {
    bench.run_to_end(&bench.build_run(&[Save("old".into())])).await;
    bench.runtime().erase_tool(bench.tool).await.expect("erase");
    bench.runtime().erase_tool(bench.tool).await.expect("erase again");
    assert_eq!(bench.run_for_lines(&bench.build_run(&[Show])).await, ["nothing"]);
}

/// The error has the code `tool-still-runs`.
pub async fn a_tool_that_runs_is_not_erased(bench: &Bench) {
    bench.start_instances(&bench.build_run(&[Forever]), 1).await;
    let refused = bench.runtime().erase_tool(bench.tool).await.err();
    assert_eq!(refused.as_ref().map(|error| error.code()), Some("tool-still-runs"));
}

/// Usage includes memory, processes and disk.
pub async fn usage_covers_running_containers_only(bench: &Bench) {
    assert!(bench.runtime().read_usage().await.expect("usage").is_empty());
    let instance =
        bench.start_instances(&bench.build_set(1, &[Fill(8), Out("written".into()), Forever]), 1).await[0];
    bench.runtime().read_logs(instance, 1, Duration::from_secs(20)).await.expect("logs");
    let usage = bench.runtime().read_usage().await.expect("usage");
    assert_eq!(usage.len(), 1);
    assert_eq!(usage[0].instance, instance);
    assert!(usage[0].memory > 0 && usage[0].processes > 0);
    assert!((8 << 20..9 << 20).contains(&usage[0].disk), "{usage:?}");
}
