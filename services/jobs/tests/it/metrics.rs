//! Usage of jobs.

use hearth_base::{Clock, Result};
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, wait_until};
use hearth_wire::jobs::{JobMetrics, MetricsQuery, MetricsSample};
use http::{Method, StatusCode};
use jiff::SignedDuration;

use crate::harness::{JobsHarness, build_continuous_job, build_one_off_job, job_name};

const ONE_MINUTE: SignedDuration = SignedDuration::from_mins(1);
const DEFAULT_QUERY: MetricsQuery = MetricsQuery { hours: None };

async fn read_metrics(harness: &JobsHarness, job: &str) -> Result<JobMetrics> {
    harness.maintainer.jobs().show_metrics(&harness.tool, &job_name(job), &DEFAULT_QUERY).await
}

/// Restarts the service a minute later by its clock.
async fn restart_a_minute_later(harness: &mut JobsHarness) -> Result<()> {
    harness.stop().await;
    harness.stand.advance_clock(SignedDuration::from_secs(61));
    harness.start().await
}

async fn usage_is_sampled_each_minute_and_once_at_each_end(db: Db) -> Result<()> {
    let mut harness = JobsHarness::new(db).await?;
    harness.create(&build_continuous_job("web")).await?;
    let first = harness.wait_for_one_running(None).await?;
    harness.wait_for_job("web", |job| job.status.ready == 1).await?;
    assert_eq!(read_metrics(&harness, "web").await?.step, 60);
    restart_a_minute_later(&mut harness).await?;
    let now = harness.stand.clock.now();
    let counted = async || {
        let samples = read_metrics(&harness, "web").await?.samples;
        Ok(samples.last().is_some_and(|last| last.at.duration_until(now) < ONE_MINUTE).then_some(samples))
    };
    let samples = wait_until("the usage is sampled", counted).await?;
    // The service samples at its start. If that was late, the container is in that sample, too.
    let early = samples.len() - 1;
    assert!(early <= 1, "{samples:?}");
    assert_eq!(samples.iter().map(|sample| sample.cpu_micros).sum::<u64>(), 1000);
    for sample in samples {
        let MetricsSample { memory, disk, containers, restarts, .. } = sample;
        assert_eq!((memory, disk, containers, restarts), (1 << 20, 16 << 10, 1, 0));
    }

    // All of its processor time was counted, so its end adds none. The next container starts at zero.
    harness.end_one_container(None, 3).await?;
    let new = harness.wait_for_one_running(Some(first)).await?.to_string();
    harness.wait_for_job("web", |job| job.status.ready == 1 && job.status.run.as_ref() == Some(&new)).await?;
    // Expected: processor time, restarts, number of samples.
    let counted = async |harness: &JobsHarness, wanted: (u64, u32, usize)| {
        let seen = async || {
            let samples = read_metrics(harness, "web").await?.samples;
            let cpu = samples.iter().map(|sample: &MetricsSample| sample.cpu_micros).sum();
            let restarts = samples.iter().map(|sample| sample.restarts).sum();
            Ok(((cpu, restarts, samples.len()) == wanted).then_some(()))
        };
        wait_until("the usage is sampled", seen).await
    };
    counted(&harness, (1000, 1, 1 + early)).await?;
    for minute in [2, 3] {
        restart_a_minute_later(&mut harness).await?;
        counted(&harness, (2000, 1, minute + early)).await?;
    }

    let tool = harness.maintainer.jobs().show_tool_metrics(&harness.tool, &DEFAULT_QUERY).await?;
    assert_eq!(tool, read_metrics(&harness, "web").await?);
    assert!(tool.samples.iter().all(|sample| sample.disk == 16 << 10), "{tool:?}");
    for (hours, step) in [(48, 900), (720, 7200)] {
        let query = MetricsQuery { hours: Some(hours) };
        let coarse = harness.maintainer.jobs().show_metrics(&harness.tool, &job_name("web"), &query).await?;
        let cpu: u64 = coarse.samples.iter().map(|sample| sample.cpu_micros).sum();
        assert_eq!((coarse.step, cpu), (step, 2000));
    }
    // A deleted job has no samples.
    harness.maintainer.jobs().delete(&harness.tool, &job_name("web")).await?;
    assert!(
        harness.maintainer.jobs().show_tool_metrics(&harness.tool, &DEFAULT_QUERY).await?.samples.is_empty()
    );
    Ok(())
}

async fn usage_of_a_short_run_is_recorded_at_its_end(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&build_one_off_job("once")).await?;
    harness.end_one_container(None, 0).await?;
    let sample =
        wait_until("the usage is sampled", async || Ok(read_metrics(&harness, "once").await?.samples.pop()))
            .await?;
    assert_eq!((sample.memory, sample.cpu_micros, sample.restarts), (1 << 20, 1000, 0));

    let path = "/metrics/openmetrics";
    let request = harness.maintainer.build_call(Method::GET, &format!("/jobs/v1/tool/hello{path}"));
    let text = String::from_utf8(request.fetch_bytes().await?.1.to_vec()).unwrap();
    for line in [
        "hearth_job_cpu_seconds_total{tool=\"hello\",job=\"once\"} 0.001\n",
        "hearth_job_restarts_total{tool=\"hello\",job=\"once\"} 0\n",
        "hearth_job_last_run_success{tool=\"hello\",job=\"once\"} 1\n",
        "# EOF\n",
    ] {
        assert!(text.contains(line), "{line} / {text}");
    }
    Ok(())
}

async fn containers_that_end_at_their_start_are_no_restarts_at_first(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&build_continuous_job("web")).await?;
    let mut last = None;
    // A failed deployment ends after three of them; the fourth is one of a crash loop.
    for (ended, restarts) in [(1, 0), (2, 0), (3, 0), (4, 1)] {
        last = Some(harness.wait_for_one_running(last).await?);
        harness.end_one_container(None, 3).await?;
        wait_until("the end is recorded", async || {
            let runs = harness.list_runs("web").await?;
            Ok((runs.iter().filter(|run| run.ended.is_some()).count() == ended).then_some(()))
        })
        .await?;
        let samples = read_metrics(&harness, "web").await?.samples;
        assert_eq!(samples.iter().map(|sample| sample.restarts).sum::<u32>(), restarts, "after {ended} ends");
    }
    Ok(())
}

async fn container_that_ends_after_it_served_is_a_restart(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&build_continuous_job("web")).await?;
    let first = harness.wait_for_one_running(None).await?;
    harness.wait_for_job("web", |job| job.status.ready == 1).await?;
    harness.stand.advance_clock(SignedDuration::from_secs(11));
    harness.end_one_container(None, 3).await?;
    harness.wait_for_one_running(Some(first)).await?;
    let samples = read_metrics(&harness, "web").await?.samples;
    assert_eq!(samples.iter().map(|sample| sample.restarts).sum::<u32>(), 1);
    Ok(())
}

async fn metrics_beyond_their_retention_are_refused(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    for hours in ["0", "721", "many"] {
        let (status, answer) = harness.send(Method::GET, &format!("/metrics?hours={hours}"), None).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
        assert!(answer["error"][0].as_str().unwrap_or_default().contains("hours"), "{answer}");
    }
    let (status, _) = harness.send(Method::GET, "/jobs/nosuch/metrics", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    Ok(())
}

on_every_store!(
    usage_is_sampled_each_minute_and_once_at_each_end,
    usage_of_a_short_run_is_recorded_at_its_end,
    containers_that_end_at_their_start_are_no_restarts_at_first,
    container_that_ends_after_it_served_is_a_restart,
    metrics_beyond_their_retention_are_refused,
);
