//! A release of the jobs client that is more than a year older than the newest one and sends other requests.

use hearth_base::Result;
use hearth_wire::jobs::StatusShort::Succeeded;

use super::maintainer::{Maintainer, build_run_words, wait_for_texts};
use crate::python;

const OLDER_PACKAGES: &[&str] = &["toolforge-cli==0.3.4", "toolforge-jobs-cli==16.1.15"];

pub async fn check_older_release(maintainer: &Maintainer) -> Result<()> {
    let terminal =
        maintainer.terminal.with_programs(python::install_environment("older-jobs-client", OLDER_PACKAGES));
    let runs = |job, command| terminal.run_successfully(&build_run_words(job, command));
    runs("counted --no-filelog", "seq 1 3");
    runs("filed", "echo out; echo err >&2");
    runs("kept --continuous -p 8000 --no-filelog", "echo up; exec httpd -f -p $PORT");
    runs("nightly --schedule @daily --no-filelog", "true");
    maintainer.wait_for_end("counted", Succeeded).await?;
    maintainer.wait_for_end("filed", Succeeded).await?;
    maintainer.wait_for_ready("kept", 1).await?;

    let listed = terminal.run_successfully(&["jobs", "list"]);
    for text in
        ["one-off", "schedule: @daily", "continuous", "Completed", "Running", "Waiting for scheduled time"]
    {
        assert!(listed.contains(text), "{text}\n{listed}");
    }
    let shown = terminal.run_successfully(&["jobs", "show", "counted"]);
    assert!(
        shown.contains("bookworm") && shown.contains("Completed") && shown.contains("seq 1 3"),
        "{shown}"
    );
    wait_for_texts(&terminal, "counted", &["1", "2", "3"]).await?;
    wait_for_texts(&terminal, "counted --last 1", &["3"]).await?;
    // By default this release sends lines to files, and names the files.
    let elsewhere = terminal.run_toolforge(&["jobs", "logs", "filed"]);
    assert_eq!(elsewhere.status, Some(1));
    assert!(elsewhere.err.contains("/data/project/hello/filed.out and"), "{}", elsewhere.err);
    let mut following = terminal.spawn_command(&["jobs", "logs", "kept", "--follow"]);
    assert!(following.read_lines(1)[0].ends_with(" up"));
    let ended = following.interrupt_and_wait();
    assert!(!ended.err.contains("Traceback"), "{}", ended.err);

    let dumped = terminal.run_successfully(&["jobs", "dump"]);
    for text in ["name: kept", "port: 8000", "schedule: '@daily'", "no-filelog: 'true'"] {
        assert!(dumped.contains(text), "{text}\n{dumped}");
    }
    // Loading a dump changes nothing.
    let before = maintainer.show_job("kept").await?.status.generation;
    terminal.run_successfully(&["jobs", "dump", "--to-file", "older.yaml"]);
    terminal.run_successfully(&["jobs", "load", "older.yaml"]);
    assert_eq!(terminal.run_successfully(&["jobs", "dump"]), dumped);
    assert_eq!(maintainer.show_job("kept").await?.status.generation, before);
    terminal.run_successfully(&["jobs", "restart", "kept"]);
    terminal.run_successfully(&["jobs", "delete", "kept"]);
    assert!(!terminal.run_successfully(&["jobs", "list", "--output", "name"]).contains("kept"));
    terminal.run_successfully(&["jobs", "flush"]);
    assert_eq!(terminal.run_successfully(&["jobs", "list"]), "");
    Ok(())
}
