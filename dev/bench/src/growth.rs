//! Bench `growth`: cost of single operations with 1,000, 10,000 and 100,000 jobs.

use std::time::{Duration, Instant};

use hearth_base::Result;
use hearth_wire::jobs::JobsQuery;

use crate::{
    durations::{Durations, to_millis},
    fleet::{MIXED_SCHEDULES, ToolFleet},
    proc,
    report::{BenchReport, Goal, ReportRow},
};

/// Numbers of tools, each with ten jobs.
const TOOL_COUNTS: [usize; 3] = [100, 1_000, 10_000];
/// Number of list requests at each size.
const LIST_CALLS: usize = 2_000;
/// Simulated minutes of running schedules at each size.
const SCHEDULE_MINUTES: usize = 60;

/// Measures at each size, in milliseconds.
const MEASURE_NAMES: [&str; 3] =
    ["creating a job, median", "listing a tool's ten jobs, median", "processor time of a scheduled run"];

/// Runs the bench.
pub async fn run() -> Result<BenchReport> {
    let mut report = BenchReport::new("growth");
    let mut fleet = ToolFleet::new().await?;
    let mut smaller = [None; MEASURE_NAMES.len()];
    for tools in TOOL_COUNTS {
        let costs = measure_at_size(&mut fleet, tools).await?;
        for ((what, cost), smaller) in MEASURE_NAMES.into_iter().zip(costs).zip(&mut smaller) {
            let row = ReportRow::new(format!("{what}, of {} jobs", tools * 10), cost, "ms");
            report.add_row(match smaller.replace(cost) {
                Some(smaller) => {
                    row.with_peer("with a tenth of the jobs", smaller).with_goal(Goal::RatioAtMost(1.2))
                }
                None => row,
            });
        }
    }
    Ok(report)
}

async fn measure_at_size(fleet: &mut ToolFleet, tools: usize) -> Result<[f64; MEASURE_NAMES.len()]> {
    let creation = Durations::new(fleet.add_tools(tools, &MIXED_SCHEDULES).await?).median_millis();
    let mut lists = Vec::new();
    for number in 0..LIST_CALLS {
        let (client, tool) = fleet.member_client(number * 37)?;
        let began = Instant::now();
        client.jobs().list(&tool, &JobsQuery::default()).await?;
        lists.push(began.elapsed());
    }
    let own = [std::process::id()];
    let before = proc::read_cpu_time(&own)?;
    let mut runs = 0_u32;
    for _ in 0..SCHEDULE_MINUTES {
        runs += u32::try_from(fleet.run_minute().await?.len()).unwrap_or(u32::MAX);
    }
    let used: Duration = proc::read_cpu_time(&own)?.saturating_sub(before);
    Ok([creation, Durations::new(lists).median_millis(), to_millis(used) / f64::from(runs.max(1))])
}
