//! `toolforge logs`, a command of the newest releases only.

use hearth_base::Result;
use hearth_testkit::{Hearth, HearthShape};
use hearth_wire::jobs::StatusShort::Succeeded;
use serde_json::Value;

use super::{Terminal, jobs::Maintainer};

#[tokio::test(flavor = "multi_thread")]
async fn every_command_and_flag_of_toolforge_logs() -> Result<()> {
    let hearth = Hearth::start_with(HearthShape::UP_WITH_CONTAINERS, "").await?;
    let maintainer = Maintainer::create_with_tool(&hearth, "hello").await?;
    let terminal = maintainer.terminal.with_newest_clients();
    maintainer.run_all(&[("one", "seq 1 700"), ("two", "seq 1 5")]);
    for job in ["one", "two"] {
        maintainer.wait_for_end(job, Succeeded).await?;
    }
    let all: Vec<String> = (1..=700).map(|number| number.to_string()).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    // All lines are stored once `toolforge jobs logs` shows the last one.
    maintainer.wait_for_log_texts("one -l 1", &["700"]).await?;
    maintainer.wait_for_log_texts("two -l 1", &["5"]).await?;

    // More than one page, from oldest to newest.
    assert_eq!(get_log_texts(&terminal, "one", &["--job-names", "one"]), all);
    let newest = ["--job-names", "one", "--lines", "2", "--direction", "newest_first"];
    assert_eq!(get_log_texts(&terminal, "one", &newest), ["700", "699"]);
    assert_eq!(
        get_log_texts(&terminal, "two", &["--job-names=two", "--since", "1h"]),
        ["1", "2", "3", "4", "5"]
    );
    assert_eq!(
        get_logs(&terminal, &["--job-names=one,two", "--sources", "run-logs,jobs"]).lines().count(),
        705
    );
    assert_eq!(get_logs(&terminal, &["--until", "2020-01-01T00:00:00Z"]), "");

    // The log has no entries of other sources, and none of other deployments.
    let no_line = "the log holds lines of runs: events of jobs and of deployments are not in it\n";
    assert_eq!(get_logs(&terminal, &["--sources", "deployments"]), no_line);
    assert_eq!(get_logs(&terminal, &["--deployment-ids", "one"]), no_line);
    assert_eq!(get_logs(&terminal, &["--build-ids", "one"]), no_line);
    let refused = terminal.run_toolforge(&["logs", "get", "--sources", "weather"]);
    assert!(refused.status == Some(1) && refused.err.contains("weather"), "{refused:?}");

    let entries = get_logs(&terminal, &["--json", "--job-names", "two", "--lines", "1"]);
    let entry: Value = serde_json::from_str(entries.trim()).unwrap();
    assert_eq!((entry["source"].as_str(), entry["message"].as_str()), (Some("run-logs"), Some("1")));
    // `get` is the default command.
    assert_eq!(terminal.run_successfully(&["logs", "--lines", "1"]).lines().count(), 1);
    terminal.check_all_options_used(&["logs", "get"]);
    hearth.stop().await
}

/// Runs `toolforge logs get` with these words and returns its output.
fn get_logs(terminal: &Terminal, words: &[&str]) -> String {
    terminal.run_successfully(&[&["logs", "get"], words].concat())
}

/// Returns the texts of the printed lines. Panics if a line belongs to another job.
fn get_log_texts(terminal: &Terminal, job: &str, words: &[&str]) -> Vec<String> {
    let text = |line: &str| {
        let [_, name, _, text] = line.splitn(4, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert_eq!(name, format!("[{job}]"), "{line}");
        text.to_owned()
    };
    get_logs(terminal, words).lines().map(text).collect()
}
