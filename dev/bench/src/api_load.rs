//! Reads and writes of the jobs' API while a hundred thousand schedules run, a minute after the other.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use hearth_base::Result;
use hearth_wire::{jobs::JobsQuery, reply::Paging};

use crate::{
    crowd::{Crowd, MIXED, job},
    report::{Goal, Report, Row},
    times::Times,
};

const TOOLS: usize = 10_000;
/// How many callers there are, and how many calls each makes; one of ten writes.
const CALLERS: usize = 8;
const CALLS: usize = 500;

/// Measures it.
pub async fn run() -> Result<Report> {
    let mut report = Report::new("api-load");
    let mut crowd = Crowd::new().await?;
    crowd.grow(TOOLS, &MIXED).await?;
    let mut members = Vec::new();
    for caller in 0..CALLERS {
        let own = (0..CALLS).map(|call| crowd.member((caller * CALLS + call) * 37));
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
                    // Another command; it is due as before.
                    0 => {
                        let mut job = job("job0", MIXED[0])?;
                        job.cmd = format!("./run {number}");
                        jobs.update(&tool, &job).await?;
                        writes.push(began.elapsed());
                        continue;
                    }
                    1..=3 => drop(jobs.list(&tool, &JobsQuery::default()).await?),
                    4..=6 => drop(jobs.show(&tool, &name, &JobsQuery::default()).await?),
                    _ => drop(jobs.history(&tool, &name, &Paging::default()).await?),
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
            runs += crowd.minute().await?.len();
        }
        Ok::<usize, hearth_base::Error>(runs)
    };
    let (called, runs) = tokio::join!(calling, driving);
    let (mut reads, mut writes): (Vec<Duration>, Vec<Duration>) = Default::default();
    for (read, written) in called? {
        reads.extend(read);
        writes.extend(written);
    }
    let (reads, writes) = (Times::new(reads), Times::new(writes));
    report.row(Row::new("a read, median", reads.median(), "ms"));
    report.row(Row::new("the same, p99", reads.percentile(99), "ms").goal(Goal::AtMost(20.0)));
    report.row(Row::new("a write, median", writes.median(), "ms"));
    report.row(Row::new("the same, p99", writes.percentile(99), "ms").goal(Goal::AtMost(50.0)));
    report.note(format!(
        "{CALLERS} callers without a pause, while {} runs were begun, as many as could be",
        runs?
    ));
    Ok(report)
}
