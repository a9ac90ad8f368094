//! The examples, by the words of their READMEs, and beside them a schedule by the real clock.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use hearth_base::{Error, Result};
use hearth_testkit::{Hearth, Keyboard, Person, Shape, until, until_within};
use hearth_wire::{
    jobs::{Run, RunEnd},
    reply::Paging,
};
use jiff::Timestamp;

use super::{Visitor, images::provide};

#[tokio::test]
async fn every_readme_keeps_its_word() -> Result<()> {
    let hearth = Hearth::start(Shape::UP).await?;
    provide(&hearth, &["builder", "bookworm", "node18", "python3.11"])?;
    let operator = hearth.operator().await?;
    let keyboard = operator.keyboard(&hearth).await?;
    let visitor = Visitor::at(hearth.url())?;
    schedule(&keyboard).await?;
    let folder = tempfile::tempdir().map_err(Error::internal)?;
    let follow = async |name: &str| {
        let copy = folder.path().join(name);
        copy_folder(&example(name), &copy)?;
        let mut printed = String::new();
        for command in commands(&copy)? {
            let words: Vec<&str> = command.split_whitespace().skip(1).collect();
            let answer = keyboard.types_in(&copy, &words).await?;
            assert_eq!(answer.status, Some(0), "{command}: {answer:?}");
            printed += &answer.out;
        }
        Ok::<_, Error>(printed)
    };

    // The one in JavaScript is deployed in another test.
    for (name, tool) in [("hello", "hello-ada"), ("static", "page-ada")] {
        let printed = follow(name).await?;
        assert!(printed.contains(&format!("http://{tool}.localhost")), "{printed}");
        let (status, page) = visitor.visits(tool).await?;
        assert!(status.is_success() && page.contains("<html"), "{tool}: {status} {page}");
    }

    follow("cron").await?;
    let (tool, job, all) = ("report-ada".parse()?, "report".parse()?, Paging::default());
    let run = until("the end of a run", async || {
        let runs = operator.client.jobs().runs(&tool, &job, &all).await?.runs;
        Ok(runs.into_iter().find(|run| run.end.is_some()))
    })
    .await?;
    assert_eq!((run.end, run.exit_code), (Some(RunEnd::Exited), Some(0)), "{run:?}");
    until("what it wrote", async || {
        let log = keyboard.done(&["logs", "report", "--tool", "report-ada"]).await?;
        Ok(log.contains("files, ").then_some(()))
    })
    .await?;
    // Its process is called by name at the keyboard as well.
    let image = "tool-report-ada/tool-report-ada:latest";
    let own = ["jobs", "run", "--rm", "-i", "--tool", "report-ada", "--image", image, "--mount", "all"];
    let given = keyboard.given(&[&own[..], &["--command", "report"]].concat(), "").await?;
    assert!(given.status == Some(0) && given.out.contains("files in"), "{given:?}");
    has_run_by_the_clock(&operator, &keyboard).await?;
    hearth.stop().await
}

/// A job for each full minute.
async fn schedule(keyboard: &Keyboard) -> Result<()> {
    keyboard.done(&["new", "third"]).await?;
    let words = ["jobs", "run", "tick", "--tool", "third", "--schedule", "* * * * *", "--image", "bookworm"];
    keyboard.done(&[&words[..], &["--command", "echo tock; exit 3"]].concat()).await.map(drop)
}

/// It has run twice by now, or will have soon: each with its status and its log.
async fn has_run_by_the_clock(operator: &Person, keyboard: &Keyboard) -> Result<()> {
    let (tool, job, all) = ("third".parse()?, "tick".parse()?, Paging::default());
    let twice = async || {
        let runs: Vec<Run> = operator.client.jobs().runs(&tool, &job, &all).await?.runs;
        let ended: Vec<Run> = runs.into_iter().filter(|run| run.end.is_some()).collect();
        Ok((ended.len() >= 2).then_some(ended))
    };
    let mut runs = until_within(Duration::from_secs(150), "two runs", twice).await?;
    runs.sort_by_key(|run| run.created);
    for run in &runs {
        let how = (run.cause.as_str(), run.end, run.exit_code);
        assert_eq!(how, ("schedule", Some(RunEnd::Exited), Some(3)), "{run:?}");
    }
    let due: Vec<i64> = runs.iter().filter_map(|run| run.due).map(Timestamp::as_second).collect();
    assert!(due.len() == runs.len() && due.iter().all(|second| second % 60 == 0), "{due:?}");
    assert!(due.windows(2).all(|pair| pair[1] - pair[0] == 60), "{due:?}");
    until("what both wrote", async || {
        let log = keyboard.done(&["jobs", "logs", "tick", "--tool", "third"]).await?;
        Ok((log.matches("tock").count() >= 2).then_some(()))
    })
    .await
}

/// The folder of an example.
pub fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}

/// The commands of an example's README, for somebody called Ada, but for those that show what has been written: it may
/// not have been yet.
fn commands(example: &Path) -> Result<Vec<String>> {
    let readme = std::fs::read_to_string(example.join("README.md")).map_err(Error::internal)?;
    let block = readme.split("```").nth(1).ok_or_else(|| Error::internal("a README without commands"))?;
    let whole = block.replace("\\\n", " ").replace("YOU", "ada");
    let lines = whole.lines().map(|line| line.split("  #").next().unwrap_or(line).trim().to_owned());
    Ok(lines.filter(|line| !line.is_empty() && !line.starts_with("hearth logs")).collect())
}

/// Copies a folder with all that is in it.
pub fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).map_err(Error::internal)?;
    for entry in std::fs::read_dir(from).map_err(Error::internal)? {
        let entry = entry.map_err(Error::internal)?;
        let goal = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &goal)?;
        } else {
            std::fs::copy(entry.path(), goal).map_err(Error::internal)?;
        }
    }
    Ok(())
}
