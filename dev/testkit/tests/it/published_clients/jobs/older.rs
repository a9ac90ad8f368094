//! A release of the jobs client that is more than a year older than the newest: it asks the API in other words.

use hearth_base::Result;
use hearth_wire::jobs::StatusShort::Succeeded;

use super::maintainer::{Maintainer, reads, run};
use crate::python;

const OLDER: &[&str] = &["toolforge-cli==0.3.4", "toolforge-jobs-cli==16.1.15"];

pub async fn an_older_release_works_too(maintainer: &Maintainer) -> Result<()> {
    let terminal = maintainer.terminal.with_programs(python::environment("older-jobs-client", OLDER));
    let runs = |job, command| terminal.done(&run(job, command));
    runs("counted --no-filelog", "seq 1 3");
    runs("filed", "echo out; echo err >&2");
    runs("kept --continuous -p 8000 --no-filelog", "echo up; exec httpd -f -p $PORT");
    runs("nightly --schedule @daily --no-filelog", "true");
    maintainer.ended("counted", Succeeded).await?;
    maintainer.ended("filed", Succeeded).await?;
    maintainer.ready("kept", 1).await?;

    let listed = terminal.done(&["jobs", "list"]);
    for told in
        ["one-off", "schedule: @daily", "continuous", "Completed", "Running", "Waiting for scheduled time"]
    {
        assert!(listed.contains(told), "{told}\n{listed}");
    }
    let shown = terminal.done(&["jobs", "show", "counted"]);
    assert!(
        shown.contains("bookworm") && shown.contains("Completed") && shown.contains("seq 1 3"),
        "{shown}"
    );
    reads(&terminal, "counted", &["1", "2", "3"]).await?;
    reads(&terminal, "counted --last 1", &["3"]).await?;
    // It has lines go to files unless told otherwise, and says where they are.
    let elsewhere = terminal.toolforge(&["jobs", "logs", "filed"]);
    assert_eq!(elsewhere.status, Some(1));
    assert!(elsewhere.err.contains("/data/project/hello/filed.out and"), "{}", elsewhere.err);
    let mut following = terminal.begins(&["jobs", "logs", "kept", "--follow"]);
    assert!(following.lines(1)[0].ends_with(" up"));
    let ended = following.interrupted();
    assert!(!ended.err.contains("Traceback"), "{}", ended.err);

    let dumped = terminal.done(&["jobs", "dump"]);
    for told in ["name: kept", "port: 8000", "schedule: '@daily'", "no-filelog: 'true'"] {
        assert!(dumped.contains(told), "{told}\n{dumped}");
    }
    // Loaded again, it changes nothing.
    let before = maintainer.job("kept").await?.status.generation;
    terminal.done(&["jobs", "dump", "--to-file", "older.yaml"]);
    terminal.done(&["jobs", "load", "older.yaml"]);
    assert_eq!(terminal.done(&["jobs", "dump"]), dumped);
    assert_eq!(maintainer.job("kept").await?.status.generation, before);
    terminal.done(&["jobs", "restart", "kept"]);
    terminal.done(&["jobs", "delete", "kept"]);
    assert!(!terminal.done(&["jobs", "list", "--output", "name"]).contains("kept"));
    terminal.done(&["jobs", "flush"]);
    assert_eq!(terminal.done(&["jobs", "list"]), "");
    Ok(())
}
