//! Runs the commands in the READMEs of the examples, and meanwhile a schedule by the real clock.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use hearth_base::{Error, Result};
use hearth_testkit::{CliSession, Hearth, HearthShape, Person, wait_until, wait_until_within};
use hearth_wire::{
    jobs::{Run, RunEnd},
    reply::Paging,
};
use jiff::Timestamp;

use super::{Visitor, images::provide_images};

#[tokio::test]
async fn commands_of_every_example_readme_work() -> Result<()> {
    let hearth = Hearth::start(HearthShape::UP_WITH_CONTAINERS).await?;
    provide_images(&hearth, &["builder", "bookworm", "node18", "static", "python3.11", "python3.11-slim"])?;
    let operator = hearth.operator().await?;
    let cli = operator.open_cli_session(&hearth).await?;
    let visitor = Visitor::for_url(hearth.url())?;
    create_scheduled_job(&cli).await?;
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let follow = async |name: &str| {
        let copy = folder.path().join(name);
        copy_folder(&example_folder(name), &copy)?;
        let mut printed = String::new();
        for command in read_commands(&copy)? {
            let words: Vec<&str> = command.split_whitespace().skip(1).collect();
            let answer = cli.run_in_folder(&copy, &words).await?;
            assert_eq!(answer.status, Some(0), "{command}: {answer:?}");
            printed += &answer.out;
        }
        Ok::<_, Error>(printed)
    };

    // Another test deploys the example in JavaScript.
    for (name, tool) in [("hello", "hello-ada"), ("static", "page-ada")] {
        let printed = follow(name).await?;
        assert!(printed.contains(&format!("http://{tool}.localhost")), "{printed}");
        let (status, page) = visitor.visit_page(tool).await?;
        assert!(status.is_success() && page.contains("<html"), "{tool}: {status} {page}");
    }

    follow("cron").await?;
    let (tool, job, all) = ("report-ada".parse()?, "report".parse()?, Paging::default());
    let run = wait_until("a run ends", async || {
        let runs = operator.client.jobs().list_runs(&tool, &job, &all).await?.runs;
        Ok(runs.into_iter().find(|run| run.end.is_some()))
    })
    .await?;
    assert_eq!((run.end, run.exit_code), (Some(RunEnd::Exited), Some(0)), "{run:?}");
    wait_until("the log has its output", async || {
        let log = cli.run_successfully(&["logs", "report", "--tool", "report-ada"]).await?;
        Ok(log.contains("files, ").then_some(()))
    })
    .await?;
    // The name of its process is also a command for `jobs run`.
    let image = "tool-report-ada/tool-report-ada:latest";
    let own = ["jobs", "run", "--rm", "-i", "--tool", "report-ada", "--image", image, "--mount", "all"];
    let printed_run = cli.run_with_input(&[&own[..], &["--command", "report"]].concat(), "").await?;
    assert!(printed_run.status == Some(0) && printed_run.out.contains("files in"), "{printed_run:?}");
    check_scheduled_runs(&operator, &cli).await?;
    hearth.stop().await
}

/// Creates a job that is due every minute.
async fn create_scheduled_job(cli: &CliSession) -> Result<()> {
    cli.run_successfully(&["new", "third"]).await?;
    let words = ["jobs", "run", "tick", "--tool", "third", "--schedule", "* * * * *", "--image", "bookworm"];
    cli.run_successfully(&[&words[..], &["--command", "echo tock; exit 3"]].concat()).await.map(drop)
}

/// Waits for two runs of that job, and checks their due times, statuses and logs.
async fn check_scheduled_runs(operator: &Person, cli: &CliSession) -> Result<()> {
    let (tool, job, all) = ("third".parse()?, "tick".parse()?, Paging::default());
    let find_two_ends = async || {
        let runs: Vec<Run> = operator.client.jobs().list_runs(&tool, &job, &all).await?.runs;
        let ended: Vec<Run> = runs.into_iter().filter(|run| run.end.is_some()).collect();
        Ok((ended.len() >= 2).then_some(ended))
    };
    let mut runs = wait_until_within(Duration::from_secs(150), "two runs", find_two_ends).await?;
    runs.sort_by_key(|run| run.created);
    for run in &runs {
        let outcome = (run.cause.as_str(), run.end, run.exit_code);
        assert_eq!(outcome, ("schedule", Some(RunEnd::Exited), Some(3)), "{run:?}");
    }
    let due: Vec<i64> = runs.iter().filter_map(|run| run.due).map(Timestamp::as_second).collect();
    assert!(due.len() == runs.len() && due.iter().all(|second| second % 60 == 0), "{due:?}");
    assert!(due.windows(2).all(|pair| pair[1] - pair[0] == 60), "{due:?}");
    wait_until("the log has the lines of both runs", async || {
        let log = cli.run_successfully(&["jobs", "logs", "tick", "--tool", "third"]).await?;
        Ok((log.matches("tock").count() >= 2).then_some(()))
    })
    .await
}

/// Returns the folder of an example.
pub fn example_folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}

/// Reads the commands of an example's README, with `ada` for `YOU`. Commands that show logs are left out,
/// because the log may still be empty.
fn read_commands(example: &Path) -> Result<Vec<String>> {
    let readme = std::fs::read_to_string(example.join("README.md")).map_err(Error::internal)?;
    let block =
        readme.split("```").nth(1).ok_or_else(|| Error::internal("README.md has no block of commands"))?;
    let whole = block.replace("\\\n", " ").replace("YOU", "ada");
    let lines = whole.lines().map(|line| line.split("  #").next().unwrap_or(line).trim().to_owned());
    Ok(lines.filter(|line| !line.is_empty() && !line.starts_with("hearth logs")).collect())
}

/// Copies a folder with all its files and folders.
pub fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).map_err(Error::internal)?;
    for entry in std::fs::read_dir(from).map_err(Error::internal)? {
        let entry = entry.map_err(Error::internal)?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target).map_err(Error::internal)?;
        }
    }
    Ok(())
}
