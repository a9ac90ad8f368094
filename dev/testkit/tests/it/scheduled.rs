//! A schedule by the real clock, with real containers.

use std::time::Duration;

use hearth_base::Result;
use hearth_testkit::{Hearth, Shape, until_within};
use hearth_wire::{
    jobs::{Run, RunEnd},
    reply::Paging,
};
use jiff::Timestamp;

use crate::whole::provide;

#[tokio::test]
async fn a_job_runs_at_each_full_minute() -> Result<()> {
    let hearth = Hearth::start(Shape::UP).await?;
    provide(&hearth, &["bookworm"])?;
    let operator = hearth.operator().await?;
    let keyboard = operator.keyboard(&hearth).await?;
    keyboard.done(&["new", "third"]).await?;
    let words = ["jobs", "run", "tick", "--tool", "third", "--schedule", "* * * * *", "--image", "bookworm"];
    keyboard.done(&[&words[..], &["--command", "echo tock; exit 3"]].concat()).await?;
    let (tool, job, all) = ("third".parse()?, "tick".parse()?, Paging::default());
    let twice = async || {
        let runs: Vec<Run> = operator.client.jobs().runs(&tool, &job, &all).await?.runs;
        let ended: Vec<Run> = runs.into_iter().filter(|run| run.end.is_some()).collect();
        Ok((ended.len() >= 2).then_some(ended))
    };
    let mut runs = until_within(Duration::from_secs(150), "two runs", twice).await?;
    runs.sort_by_key(|run| run.created);
    for run in &runs {
        assert_eq!((run.cause.as_str(), run.end, run.exit_code), ("schedule", Some(RunEnd::Exited), Some(3)));
    }
    let minutes: Vec<i64> = runs.iter().filter_map(|run| run.due).map(Timestamp::as_second).collect();
    assert!(minutes.iter().all(|second| second % 60 == 0), "{minutes:?}");
    assert!(minutes.windows(2).all(|pair| pair[1] - pair[0] == 60) && minutes.len() == runs.len());
    let log = keyboard.done(&["jobs", "logs", "tick", "--tool", "third"]).await?;
    assert!(log.matches("tock").count() >= 2, "{log}");
    hearth.stop().await
}
