//! What one thing costs among a thousand, ten thousand and a hundred thousand jobs.

use std::time::{Duration, Instant};

use hearth_base::Result;
use hearth_wire::jobs::JobsQuery;

use crate::{
    crowd::{Crowd, MIXED},
    proc,
    report::{Goal, Report, Row},
    times::{Times, millis},
};

/// How many tools there are, each with ten jobs.
const SIZES: [usize; 3] = [100, 1_000, 10_000];
/// How often a list is asked for.
const LISTS: usize = 2_000;
/// For how many minutes schedules run.
const MINUTES: usize = 60;

/// What is measured at each size, in milliseconds.
const WHAT: [&str; 3] =
    ["a job made, median", "a tool's ten jobs listed, median", "processor time of a scheduled run"];

/// Measures it.
pub async fn run() -> Result<Report> {
    let mut report = Report::new("growth");
    let mut crowd = Crowd::new().await?;
    let mut smaller = [None; WHAT.len()];
    for tools in SIZES {
        let costs = at(&mut crowd, tools).await?;
        for ((what, cost), smaller) in WHAT.into_iter().zip(costs).zip(&mut smaller) {
            let row = Row::new(format!("{what}, of {} jobs", tools * 10), cost, "ms");
            report.row(match smaller.replace(cost) {
                Some(smaller) => row.beside("of a tenth", smaller).goal(Goal::TimesBeside(1.2)),
                None => row,
            });
        }
    }
    Ok(report)
}

async fn at(crowd: &mut Crowd, tools: usize) -> Result<[f64; WHAT.len()]> {
    let made = Times::new(crowd.grow(tools, &MIXED).await?).median();
    let mut lists = Vec::new();
    for number in 0..LISTS {
        let (client, tool) = crowd.member(number * 37)?;
        let began = Instant::now();
        client.jobs().list(&tool, &JobsQuery::default()).await?;
        lists.push(began.elapsed());
    }
    let own = [std::process::id()];
    let before = proc::cpu(&own)?;
    let mut runs = 0_u32;
    for _ in 0..MINUTES {
        runs += u32::try_from(crowd.minute().await?.len()).unwrap_or(u32::MAX);
    }
    let used: Duration = proc::cpu(&own)?.saturating_sub(before);
    Ok([made, Times::new(lists).median(), millis(used) / f64::from(runs.max(1))])
}
