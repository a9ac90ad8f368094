//! Bench `schedule`: start delay of runs with 100,000 schedules, and processor time while no job is due.

use std::time::Duration;

use hearth_base::Result;

use crate::{
    durations::{Durations, to_millis},
    fleet::{HOURLY_SCHEDULES, MIXED_SCHEDULES, ToolFleet},
    proc,
    report::{BenchReport, Goal, ReportRow},
};

const TOOL_COUNT: usize = 10_000;
/// Simulated minutes of mixed schedules.
const MIXED_MINUTES: usize = 60;
/// Simulated minutes of hourly schedules; in each minute a sixtieth of the jobs is due.
const HOURLY_MINUTES: usize = 5;
/// Time of the measurement without due jobs.
const IDLE_DURATION: Duration = Duration::from_secs(10);

/// Runs the bench.
pub async fn run() -> Result<BenchReport> {
    let mut report = BenchReport::new("schedule");
    let mut fleet = ToolFleet::new().await?;
    let durations = Durations::new(fleet.add_tools(TOOL_COUNT, &MIXED_SCHEDULES).await?);
    report.add_row(ReportRow::new(
        "creating a job, eight at a time, median",
        durations.median_millis(),
        "ms",
    ));
    let own = [std::process::id()];
    let before = proc::read_cpu_time(&own)?;
    tokio::time::sleep(IDLE_DURATION).await;
    let used = proc::read_cpu_time(&own)?.saturating_sub(before);
    report.add_row(ReportRow::new(
        "processor time while no job is due",
        to_millis(used) / IDLE_DURATION.as_secs_f64(),
        "ms/s",
    ));
    measure_lateness(&mut report, &mut fleet, "one a day for most", MIXED_MINUTES).await?;
    drop(fleet);
    let mut fleet = ToolFleet::new().await?;
    fleet.add_tools(TOOL_COUNT, &HOURLY_SCHEDULES).await?;
    measure_lateness(&mut report, &mut fleet, "all of them every hour", HOURLY_MINUTES).await?;
    report.add_note(format!(
        "{} schedules; each run started once and ended before the next minute",
        fleet.count_schedules()
    ));
    Ok(report)
}

async fn measure_lateness(
    report: &mut BenchReport,
    fleet: &mut ToolFleet,
    what: &str,
    minutes: usize,
) -> Result<()> {
    let mut lags = Vec::new();
    for _ in 0..minutes {
        lags.extend(fleet.run_minute().await?);
    }
    let runs = lags.len();
    let lags = Durations::new(lags);
    report.add_row(ReportRow::new(format!("due → started, {what}, median"), lags.median_millis(), "ms"));
    let row = ReportRow::new(format!("the same, p99 of {runs} runs"), lags.percentile_millis(99), "ms");
    report.add_row(row.with_goal(Goal::AtMost(1000.0)));
    Ok(())
}
