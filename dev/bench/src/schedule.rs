//! A hundred thousand schedules: how late each run begins, and what they cost while none is due.

use std::time::Duration;

use hearth_base::Result;

use crate::{
    crowd::{Crowd, HOURLY, MIXED},
    proc,
    report::{Goal, Report, Row},
    times::{Times, millis},
};

const TOOLS: usize = 10_000;
/// An hour of the mixed ones.
const MINUTES: usize = 60;
/// Minutes in which the sixtieth part of all is due.
const FULL: usize = 5;
/// How long nothing is due.
const QUIET: Duration = Duration::from_secs(10);

/// Measures it.
pub async fn run() -> Result<Report> {
    let mut report = Report::new("schedule");
    let mut crowd = Crowd::new().await?;
    let made = Times::new(crowd.grow(TOOLS, &MIXED).await?);
    report.row(Row::new("a job made, eight at a time, median", made.median(), "ms"));
    let own = [std::process::id()];
    let before = proc::cpu(&own)?;
    tokio::time::sleep(QUIET).await;
    let used = proc::cpu(&own)?.saturating_sub(before);
    report.row(Row::new("processor time while nothing is due", millis(used) / QUIET.as_secs_f64(), "ms/s"));
    late(&mut report, &mut crowd, "one a day for most", MINUTES).await?;
    drop(crowd);
    let mut crowd = Crowd::new().await?;
    crowd.grow(TOOLS, &HOURLY).await?;
    late(&mut report, &mut crowd, "all of them every hour", FULL).await?;
    report.note(format!(
        "{} schedules; each run began once, and was over before the next minute",
        crowd.schedules()
    ));
    Ok(report)
}

async fn late(report: &mut Report, crowd: &mut Crowd, what: &str, minutes: usize) -> Result<()> {
    let mut lags = Vec::new();
    for _ in 0..minutes {
        lags.extend(crowd.minute().await?);
    }
    let runs = lags.len();
    let lags = Times::new(lags);
    report.row(Row::new(format!("due → started, {what}, median"), lags.median(), "ms"));
    let row = Row::new(format!("the same, p99 of {runs} runs"), lags.percentile(99), "ms");
    report.row(row.goal(Goal::AtMost(1000.0)));
    Ok(())
}
