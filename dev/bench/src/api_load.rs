//! Bench `api-load`: latency of reads and writes of the jobs API while 100,000 schedules run.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use hearth_base::Result;
use hearth_wire::{jobs::JobsQuery, reply::Paging};

use crate::{
    durations::Durations,
    fleet::{MIXED_SCHEDULES, ToolFleet, build_job},
    report::{BenchReport, Goal, ReportRow},
};

const TOOL_COUNT: usize = 10_000;
/// Number of concurrent callers, and calls of each; one call of ten is a write.
const CALLER_COUNT: usize = 8;
const CALLS_PER_CALLER: usize = 500;

/// Runs the bench.
pub async fn run() -> Result<BenchReport> {
    let mut report = BenchReport::new("api-load");
    let mut fleet = ToolFleet::new().await?;
    fleet.add_tools(TOOL_COUNT, &MIXED_SCHEDULES).await?;
    let mut members = Vec::new();
    for caller in 0..CALLER_COUNT {
        let own =
            (0..CALLS_PER_CALLER).map(|call| fleet.member_client((caller * CALLS_PER_CALLER + call) * 37));
        members.push(own.collect::<Result<Vec<_>>>()?);
    }
    let done = AtomicBool::new(false);
    let calling = async {
        let calls = members.into_iter().map(|own| async move {
            let (mut reads, mut writes) = (Vec::new(), Vec::new());
            for (number, (client, tool)) in own.into_iter().enumerate() {
                let (jobs, name) = (client.jobs(), format!("job{}", number % 10).parse()?);
                let began = Instant::now();
                match number % 10 {
                    // The update changes the command; the schedule stays the same.
                    0 => {
                        let mut job = build_job("job0", MIXED_SCHEDULES[0])?;
                        job.cmd = format!("./run {number}");
                        jobs.update(&tool, &job).await?;
                        writes.push(began.elapsed());
                        continue;
                    }
                    1..=3 => drop(jobs.list(&tool, &JobsQuery::default()).await?),
                    4..=6 => drop(jobs.show(&tool, &name, &JobsQuery::default()).await?),
                    _ => drop(jobs.show_history(&tool, &name, &Paging::default()).await?),
                }
                reads.push(began.elapsed());
            }
            Ok::<_, hearth_base::Error>((reads, writes))
        });
        let all = futures::future::try_join_all(calls).await;
        done.store(true, Ordering::Relaxed);
        all
    };
    let driving = async {
        let mut runs = 0;
        while !done.load(Ordering::Relaxed) {
            runs += fleet.run_minute().await?.len();
        }
        Ok::<usize, hearth_base::Error>(runs)
    };
    let (called, runs) = tokio::join!(calling, driving);
    let (mut reads, mut writes): (Vec<Duration>, Vec<Duration>) = Default::default();
    for (read, written) in called? {
        reads.extend(read);
        writes.extend(written);
    }
    let (reads, writes) = (Durations::new(reads), Durations::new(writes));
    report.add_row(ReportRow::new("a read, median", reads.median_millis(), "ms"));
    report.add_row(
        ReportRow::new("the same, p99", reads.percentile_millis(99), "ms").with_goal(Goal::AtMost(20.0)),
    );
    report.add_row(ReportRow::new("a write, median", writes.median_millis(), "ms"));
    report.add_row(
        ReportRow::new("the same, p99", writes.percentile_millis(99), "ms").with_goal(Goal::AtMost(50.0)),
    );
    report.add_note(format!(
        "{CALLER_COUNT} callers without a pause, while the scheduler started {} runs at its maximum rate",
        runs?
    ));
    Ok(report)
}
