//! `toolforge logs`, which only the newest releases have.

use hearth_base::Result;
use hearth_testkit::{Hearth, Shape};
use hearth_wire::jobs::StatusShort::Succeeded;
use serde_json::Value;

use super::{Terminal, jobs::Maintainer};

#[tokio::test(flavor = "multi_thread")]
async fn every_command_and_flag_of_toolforge_logs() -> Result<()> {
    let hearth = Hearth::start_with(Shape::UP, "").await?;
    let maintainer = Maintainer::of(&hearth, "hello").await?;
    let terminal = maintainer.terminal.with_newest_clients();
    maintainer.run_all(&[("one", "seq 1 700"), ("two", "seq 1 5")]);
    for job in ["one", "two"] {
        maintainer.ended(job, Succeeded).await?;
    }
    let all: Vec<String> = (1..=700).map(|number| number.to_string()).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    // Their lines have arrived once the client that reads a job's shows the last of them.
    maintainer.reads("one -l 1", &["700"]).await?;
    maintainer.reads("two -l 1", &["5"]).await?;

    // More than a page, oldest line first.
    assert_eq!(texts_of(&terminal, "one", &["--job-names", "one"]), all);
    let newest = ["--job-names", "one", "--lines", "2", "--direction", "newest_first"];
    assert_eq!(texts_of(&terminal, "one", &newest), ["700", "699"]);
    assert_eq!(texts_of(&terminal, "two", &["--job-names=two", "--since", "1h"]), ["1", "2", "3", "4", "5"]);
    assert_eq!(get(&terminal, &["--job-names=one,two", "--sources", "run-logs,jobs"]).lines().count(), 705);
    assert_eq!(get(&terminal, &["--until", "2020-01-01T00:00:00Z"]), "");

    // Entries of other kinds are not in it, and neither are those of somebody else's deployment.
    let no_line = "the log holds lines of runs: events of jobs and of deployments are not in it\n";
    assert_eq!(get(&terminal, &["--sources", "deployments"]), no_line);
    assert_eq!(get(&terminal, &["--deployment-ids", "one"]), no_line);
    assert_eq!(get(&terminal, &["--build-ids", "one"]), no_line);
    let refused = terminal.toolforge(&["logs", "get", "--sources", "weather"]);
    assert!(refused.status == Some(1) && refused.err.contains("weather"), "{refused:?}");

    let entries = get(&terminal, &["--json", "--job-names", "two", "--lines", "1"]);
    let entry: Value = serde_json::from_str(entries.trim()).unwrap();
    assert_eq!((entry["source"].as_str(), entry["message"].as_str()), (Some("run-logs"), Some("1")));
    // `get` need not be typed.
    assert_eq!(terminal.done(&["logs", "--lines", "1"]).lines().count(), 1);
    terminal.has_typed_all_of(&["logs", "get"]);
    hearth.stop().await
}

/// The output of `toolforge logs get` and these words.
fn get(terminal: &Terminal, words: &[&str]) -> String {
    terminal.done(&[&["logs", "get"], words].concat())
}

/// The texts of the lines that it prints, each of which is of this job.
fn texts_of(terminal: &Terminal, job: &str, words: &[&str]) -> Vec<String> {
    let text = |line: &str| {
        let [_, name, _, text] = line.splitn(4, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        assert_eq!(name, format!("[{job}]"), "{line}");
        text.to_owned()
    };
    get(terminal, words).lines().map(text).collect()
}
