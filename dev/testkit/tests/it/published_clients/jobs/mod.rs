//! `toolforge jobs`.

mod files;
mod following;
mod maintainer;
mod older;
mod running;

use hearth_base::Result;
use hearth_testkit::{Hearth, MailServer, Shape};

pub use self::maintainer::Maintainer;
use super::Terminal;
use crate::whole::provide;

#[tokio::test]
async fn every_command_and_flag_of_toolforge_jobs() -> Result<()> {
    let mails = MailServer::start().await?;
    let config = format!(
        "[jobs]\nretry_pause = 1\ngrace = 2\n[notify]\nfrom = \"Hearth <hearth@hearth.example>\"\n{}",
        mails.configuration()
    );
    let hearth = Hearth::start_with(Shape::UP, &config).await?;
    let maintainer = Maintainer::of(&hearth, "hello").await?;
    // What takes longest is begun first, and looked at last.
    let slow = maintainer.terminal.begins(&maintainer::run("slow --wait 1", "sleep 600"));
    let waited = maintainer.terminal.begins(&maintainer::run("waited --wait", "sleep 1"));
    running::jobs_that_end(&hearth, &maintainer, &mails).await?;
    running::jobs_that_go_on(&hearth, &maintainer).await?;
    let slow = slow.ends();
    assert!(slow.status == Some(2) && slow.err.contains("timed out 1 seconds waiting"), "{slow:?}");
    assert!(waited.ends().err.contains("job 'waited' completed"));
    following::lines_are_shown_and_followed(&maintainer).await?;
    files::what_was_dumped_is_loaded(&maintainer).await?;
    older::an_older_release_works_too(&maintainer).await?;
    maintainer.terminal.has_typed_all_of(&["jobs"]);
    hearth.stop().await
}

async fn every_command_of_toolforge_jobs(hearth: Hearth) -> Result<()> {
    provide(&hearth, &["bookworm"])?;
    let operator = hearth.operator().await?;
    let terminal = Terminal::open(&hearth, &operator, "hello").await?;

    // One-off: waited for, shown with its outcome, its lines with their time.
    assert!(terminal.done(&["jobs", "images"]).contains("bookworm"));
    let once = ["jobs", "run", "once", "--image", "bookworm", "--wait", "--command"];
    terminal.done(&[&once[..], &["echo hello; echo trouble >&2"]].concat());
    let shown = terminal.done(&["jobs", "show", "once"]);
    assert!(shown.contains("one-off") && shown.contains("Succeeded"), "{shown}");
    let log = terminal.done(&["jobs", "logs", "once"]);
    assert!(log.contains("hello") && log.contains("trouble"), "{log}");
    let failing = ["jobs", "run", "failing", "--image", "bookworm", "--wait", "--command", "exit 3"];
    let failed = terminal.toolforge(&failing);
    assert_ne!(failed.status, Some(0), "{}", failed.out);

    // Continuous, and scheduled.
    let long = "while true; do echo tick; sleep 1; done";
    terminal.done(&["jobs", "run", "long", "--image", "bookworm", "--continuous", "--command", long]);
    let hourly = ["--schedule", "@hourly", "--command", "true"];
    terminal.done(&[&["jobs", "run", "hourly", "--image", "bookworm"], &hourly[..]].concat());
    let listed = terminal.done(&["jobs", "list"]);
    for told in ["continuous", "one-off", "scheduled", "Failed"] {
        assert!(listed.contains(told), "{told}: {listed}");
    }
    terminal.done(&["jobs", "restart", "long"]);
    let dumped = terminal.done(&["jobs", "dump"]);
    assert!(dumped.contains("name: hourly") && dumped.contains("continuous: true"), "{dumped}");
    assert!(terminal.done(&["jobs", "quota"]).contains("Cron jobs"));

    // What was dumped can be loaded: nothing is another than before.
    let file = terminal.path("jobs.yaml");
    std::fs::write(&file, &dumped).unwrap();
    terminal.done(&["jobs", "load", &file.display().to_string()]);
    assert_eq!(terminal.done(&["jobs", "dump"]), dumped);

    terminal.done(&["jobs", "delete", "long"]);
    assert!(!terminal.done(&["jobs", "dump"]).contains("name: long"));
    terminal.done(&["jobs", "flush"]);
    assert!(!terminal.done(&["jobs", "dump"]).contains("name:"));

    // Refusals are told in Hearth's words.
    let unknown = terminal.toolforge(&["jobs", "run", "x", "--image", "nosuch", "--command", "true"]);
    assert_ne!(unknown.status, Some(0));
    let said = format!("{}{}", unknown.out, unknown.err);
    assert!(said.contains("nosuch"), "{said}");
    hearth.stop().await
}

mod split {
    hearth_testkit::in_shape!(every_command_of_toolforge_jobs, SPLIT_WITH_CONTAINERS);
}
