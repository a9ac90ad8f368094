//! `toolforge jobs`.

mod files;
mod log_following;
mod maintainer;
mod older_client;
mod running;

use hearth_base::Result;
use hearth_testkit::{Hearth, HearthShape, MailServer};

pub use self::maintainer::Maintainer;
use super::Terminal;
use crate::end_to_end::provide_images;

#[tokio::test]
async fn every_command_and_flag_of_toolforge_jobs() -> Result<()> {
    let mails = MailServer::start().await?;
    let config = format!(
        "[jobs]\nretry_pause = 1\ngrace = 2\n[notify]\nfrom = \"Hearth <hearth@hearth.example>\"\n{}",
        mails.build_configuration()
    );
    let hearth = Hearth::start_with(HearthShape::UP_WITH_CONTAINERS, &config).await?;
    let maintainer = Maintainer::create_with_tool(&hearth, "hello").await?;
    // The slowest commands are started first and checked last.
    let slow = maintainer.terminal.spawn_command(&maintainer::build_run_words("slow --wait 1", "sleep 600"));
    let waited = maintainer.terminal.spawn_command(&maintainer::build_run_words("waited --wait", "sleep 1"));
    running::check_ending_jobs(&hearth, &maintainer, &mails).await?;
    running::check_continuous_jobs(&hearth, &maintainer).await?;
    let slow = slow.wait_for_end();
    assert!(slow.status == Some(2) && slow.err.contains("timed out 1 seconds waiting"), "{slow:?}");
    assert!(waited.wait_for_end().err.contains("job 'waited' completed"));
    log_following::check_logs_and_restart(&maintainer).await?;
    files::check_dump_and_load(&maintainer).await?;
    older_client::check_older_release(&maintainer).await?;
    maintainer.terminal.check_all_options_used(&["jobs"]);
    hearth.stop().await
}

async fn every_command_of_toolforge_jobs(hearth: Hearth) -> Result<()> {
    provide_images(&hearth, &["bookworm"])?;
    let operator = hearth.operator().await?;
    let terminal = Terminal::open(&hearth, &operator, "hello").await?;

    // A one-off job: wait for its end, show its outcome and its log.
    assert!(terminal.run_successfully(&["jobs", "images"]).contains("bookworm"));
    let once = ["jobs", "run", "once", "--image", "bookworm", "--no-filelog", "--wait", "--command"];
    terminal.run_successfully(&[&once[..], &["echo hello; echo trouble >&2"]].concat());
    let shown = terminal.run_successfully(&["jobs", "show", "once"]);
    assert!(shown.contains("one-off") && shown.contains("Succeeded"), "{shown}");
    let log = terminal.run_successfully(&["jobs", "logs", "once"]);
    assert!(log.contains("hello") && log.contains("trouble"), "{log}");
    let failing = ["jobs", "run", "failing", "--image", "bookworm", "--wait", "--command", "exit 3"];
    let failed = terminal.run_toolforge(&failing);
    assert_ne!(failed.status, Some(0), "{}", failed.out);

    // A continuous and a scheduled job.
    let long = "while true; do echo tick; sleep 1; done";
    terminal.run_successfully(&[
        "jobs",
        "run",
        "long",
        "--image",
        "bookworm",
        "--continuous",
        "--command",
        long,
    ]);
    let hourly = ["--schedule", "@hourly", "--command", "true"];
    terminal.run_successfully(&[&["jobs", "run", "hourly", "--image", "bookworm"], &hourly[..]].concat());
    let listed = terminal.run_successfully(&["jobs", "list"]);
    for text in ["continuous", "one-off", "scheduled", "Failed"] {
        assert!(listed.contains(text), "{text}: {listed}");
    }
    terminal.run_successfully(&["jobs", "restart", "long"]);
    let dumped = terminal.run_successfully(&["jobs", "dump"]);
    assert!(dumped.contains("name: hourly") && dumped.contains("continuous: true"), "{dumped}");
    assert!(terminal.run_successfully(&["jobs", "quota"]).contains("Cron jobs"));

    // Loading a dump restores the same jobs.
    let file = terminal.file_path("jobs.yaml");
    std::fs::write(&file, &dumped).unwrap();
    terminal.run_successfully(&["jobs", "load", &file.display().to_string()]);
    assert_eq!(terminal.run_successfully(&["jobs", "dump"]), dumped);

    terminal.run_successfully(&["jobs", "delete", "long"]);
    assert!(!terminal.run_successfully(&["jobs", "dump"]).contains("name: long"));
    terminal.run_successfully(&["jobs", "flush"]);
    assert!(!terminal.run_successfully(&["jobs", "dump"]).contains("name:"));

    // The client prints Hearth's refusals.
    let unknown = terminal.run_toolforge(&["jobs", "run", "x", "--image", "nosuch", "--command", "true"]);
    assert_ne!(unknown.status, Some(0));
    let said = format!("{}{}", unknown.out, unknown.err);
    assert!(said.contains("nosuch"), "{said}");
    hearth.stop().await
}

mod split {
    hearth_testkit::in_shape!(every_command_of_toolforge_jobs, SPLIT_WITH_CONTAINERS);
}
