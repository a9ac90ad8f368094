//! What jobs use.

use hearth_base::{Clock, Result};
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, until};
use hearth_wire::jobs::{Metrics, MetricsQuery, Sample};
use http::{Method, StatusCode};
use jiff::SignedDuration;

use crate::stage::{Stage, job_name, kept, once};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const NOW: MetricsQuery = MetricsQuery { hours: None };

async fn used(stage: &Stage, job: &str) -> Result<Metrics> {
    stage.maintainer.jobs().metrics(&stage.tool, &job_name(job), &NOW).await
}

/// A minute later, by the clock of the service.
async fn a_minute_later(stage: &mut Stage) -> Result<()> {
    stage.stop().await;
    stage.stand.passes(SignedDuration::from_secs(61));
    stage.start().await
}

async fn what_runs_is_counted_by_the_minute_and_each_end_once(db: Db) -> Result<()> {
    let mut stage = Stage::new(db).await?;
    stage.create(&kept("web")).await?;
    let first = stage.one_running(None).await?;
    stage.until("web", |job| job.status.ready == 1).await?;
    assert_eq!(used(&stage, "web").await?.step, 60);
    a_minute_later(&mut stage).await?;
    let now = stage.stand.clock.now();
    let counted = async || {
        let samples = used(&stage, "web").await?.samples;
        Ok(samples.last().is_some_and(|last| last.at.duration_until(now) < MINUTE).then_some(samples))
    };
    let samples = until("it is counted", counted).await?;
    // The service counts when it starts. If it was late, it has seen the container then, too.
    let early = samples.len() - 1;
    assert!(early <= 1, "{samples:?}");
    assert_eq!(samples.iter().map(|sample| sample.cpu_micros).sum::<u64>(), 1000);
    for sample in samples {
        let Sample { memory, disk, containers, restarts, .. } = sample;
        assert_eq!((memory, disk, containers, restarts), (1 << 20, 16 << 10, 1, 0));
    }

    // Its end adds what was not counted before: nothing. The next container is another.
    stage.end_one(None, 3).await?;
    let new = stage.one_running(Some(first)).await?.to_string();
    stage.until("web", |job| job.status.ready == 1 && job.status.run.as_ref() == Some(&new)).await?;
    // So much in all, in so many minutes.
    let counted = async |stage: &Stage, wanted: (u64, u32, usize)| {
        let seen = async || {
            let samples = used(stage, "web").await?.samples;
            let cpu = samples.iter().map(|sample: &Sample| sample.cpu_micros).sum();
            let restarts = samples.iter().map(|sample| sample.restarts).sum();
            Ok(((cpu, restarts, samples.len()) == wanted).then_some(()))
        };
        until("it is counted", seen).await
    };
    counted(&stage, (1000, 1, 1 + early)).await?;
    for minute in [2, 3] {
        a_minute_later(&mut stage).await?;
        counted(&stage, (2000, 1, minute + early)).await?;
    }

    let tool = stage.maintainer.jobs().tool_metrics(&stage.tool, &NOW).await?;
    assert_eq!(tool, used(&stage, "web").await?);
    assert!(tool.samples.iter().all(|sample| sample.disk == 16 << 10), "{tool:?}");
    for (hours, step) in [(48, 900), (720, 7200)] {
        let query = MetricsQuery { hours: Some(hours) };
        let coarse = stage.maintainer.jobs().metrics(&stage.tool, &job_name("web"), &query).await?;
        let cpu: u64 = coarse.samples.iter().map(|sample| sample.cpu_micros).sum();
        assert_eq!((coarse.step, cpu), (step, 2000));
    }
    // The definition goes, and with it what it used.
    stage.maintainer.jobs().delete(&stage.tool, &job_name("web")).await?;
    assert!(stage.maintainer.jobs().tool_metrics(&stage.tool, &NOW).await?.samples.is_empty());
    Ok(())
}

async fn a_short_run_is_counted_at_its_end(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    stage.create(&once("once")).await?;
    stage.end_one(None, 0).await?;
    let sample = until("it is counted", async || Ok(used(&stage, "once").await?.samples.pop())).await?;
    assert_eq!((sample.memory, sample.cpu_micros, sample.restarts), (1 << 20, 1000, 0));

    let path = "/metrics/openmetrics";
    let request = stage.maintainer.call(Method::GET, &format!("/jobs/v1/tool/hello{path}"));
    let text = String::from_utf8(request.bytes().await?.1.to_vec()).unwrap();
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

async fn a_time_that_is_not_kept_is_refused(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    for hours in ["0", "721", "many"] {
        let (status, answer) = stage.send(Method::GET, &format!("/metrics?hours={hours}"), None).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{answer}");
        assert!(answer["error"][0].as_str().unwrap_or_default().contains("hours"), "{answer}");
    }
    let (status, _) = stage.send(Method::GET, "/jobs/nosuch/metrics", None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    Ok(())
}

on_every_store!(
    what_runs_is_counted_by_the_minute_and_each_end_once,
    a_short_run_is_counted_at_its_end,
    a_time_that_is_not_kept_is_refused,
);
