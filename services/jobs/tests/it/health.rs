//! Health checks: readiness, restarts and stop policies.

use axum::{Router, routing::get};
use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_runtime_api::{InstanceId, ProbeFailure};
use hearth_testkit::{on_every_store, wait_until};
use hearth_wire::jobs::{
    Checks, HealthCheck, HealthProbe, Job, JobCreate, Run, RunEnd, RunProblem, StatusShort, StopPolicy,
    StopSignal,
};
use http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::json;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use crate::harness::{JobsHarness, build_continuous_job, job_name};

/// A program with two pages, `/ready` and `/alive`, whose status a test sets.
struct HealthProgram {
    port: u16,
    ready: watch::Sender<bool>,
    alive: watch::Sender<bool>,
    _serving: JoinSet<()>,
}

impl HealthProgram {
    async fn new() -> Self {
        let (ready, alive) = (watch::Sender::new(true), watch::Sender::new(true));
        let page = |well: &watch::Sender<bool>| {
            let well = well.subscribe();
            get(move || {
                let status = if *well.borrow() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
                std::future::ready(status)
            })
        };
        let app = Router::new().route("/ready", page(&ready)).route("/alive", page(&alive));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut serving = JoinSet::new();
        serving.spawn(async move { drop(axum::serve(listener, app).await) });
        Self { port, ready, alive, _serving: serving }
    }

    /// Builds the job of this program, with checks of `/ready` and `/alive` each second and a failure
    /// threshold of 2.
    fn build_job(&self) -> JobCreate {
        let checks = Checks { liveness: Some(check_each_second("/alive")), ..Checks::default() };
        JobCreate {
            port: Some(self.port),
            health_check: Some(check_each_second("/ready")),
            checks: Some(checks),
            ..build_continuous_job("web")
        }
    }
}

fn check_each_second(path: &str) -> HealthCheck {
    let probe = HealthProbe::Http(path.to_owned());
    HealthCheck { interval: Some(1), failures: Some(2), ..HealthCheck::from_probe(probe) }
}

/// Waits until a run of the job has ended with `end`.
async fn wait_for_end(harness: &JobsHarness, end: RunEnd) -> Result<Run> {
    wait_until("a run has the expected end", async || {
        Ok(harness.list_runs("web").await?.into_iter().find(|run| run.end == Some(end)))
    })
    .await
}

async fn container_with_failing_liveness_check_is_restarted(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let program = HealthProgram::new().await;
    harness.create(&program.build_job()).await?;
    harness.wait_for_job("web", |job| job.status.ready == 1).await?;
    let old = harness.wait_for_one_running(None).await?;
    program.alive.send_replace(false);
    let run = wait_for_end(&harness, RunEnd::Unhealthy).await?;
    let reason = "it was restarted: GET /alive returned status 503, 2 times in a row";
    assert_eq!((run.id.as_str(), run.reason.as_deref()), (old.to_string().as_str(), Some(reason)));
    // Its start needs readiness only. The liveness check then passes, too.
    program.alive.send_replace(true);
    harness
        .wait_for_job("web", |job| job.status.ready == 1 && job.status.short == StatusShort::Running)
        .await?;
    let new = harness.wait_for_one_running(Some(old)).await?;
    assert!(new.start > old.start);
    Ok(())
}

async fn container_with_failing_readiness_check_is_not_restarted(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let program = HealthProgram::new().await;
    harness.create(&program.build_job()).await?;
    harness.wait_for_job("web", |job| job.status.ready == 1).await?;
    let one = harness.wait_for_one_running(None).await?;
    program.ready.send_replace(false);
    let job = harness.wait_for_job("web", |job| job.status.ready == 0).await?;
    assert!(job.status_long.contains("GET /ready returned status 503"), "{job:?}");
    // Readiness may fail for any time after the start.
    harness.stand.advance_clock(SignedDuration::from_hours(1));
    program.ready.send_replace(true);
    harness.wait_for_job("web", |job| job.status.ready == 1).await?;
    assert_eq!(harness.wait_for_one_running(None).await?, one);
    Ok(())
}

async fn container_that_listens_elsewhere_has_this_problem_until_it_is_ready(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let program = HealthProgram::new().await;
    program.ready.send_replace(false);
    harness.create(&program.build_job()).await?;
    let one = harness.wait_for_one_running(None).await?;
    let wait_for_reason = async |reason: &str| {
        wait_until("the run has the expected reason", async || {
            let found = harness.list_runs("web").await?.into_iter().next();
            Ok(found.filter(|run| run.reason.as_deref().unwrap_or_default().starts_with(reason)))
        })
        .await
    };
    assert_eq!(wait_for_reason("GET /ready returned status 503").await?.problem, None);
    let failure = ProbeFailure::ListensElsewhere { loopback: true, port: 8000 };
    harness.runtime.fake.set_probe_failure(one, Some(failure))?;
    let run = wait_for_reason("it listens on 127.0.0.1:8000 only").await?;
    assert_eq!(run.problem, Some(RunProblem::ListensOnLoopback));
    let elsewhere = ProbeFailure::ListensElsewhere { loopback: false, port: 5000 };
    harness.runtime.fake.set_probe_failure(one, Some(elsewhere))?;
    let run = wait_for_reason("it listens on port 5000").await?;
    assert_eq!(run.problem, Some(RunProblem::ListensOnOtherPort));
    harness.runtime.fake.set_probe_failure(one, Some(failure))?;
    wait_for_reason("it listens on 127.0.0.1:8000 only").await?;
    harness.runtime.fake.set_probe_failure(one, None)?;
    program.ready.send_replace(true);
    harness.wait_for_job("web", |job| job.status.ready == 1).await?;
    assert_eq!(harness.list_runs("web").await?[0].problem, None);
    Ok(())
}

async fn old_container_keeps_its_checks_until_it_is_replaced(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let program = HealthProgram::new().await;
    harness.create(&program.build_job()).await?;
    harness.wait_for_job("web", |job| job.status.ready == 1).await?;
    let old = harness.wait_for_one_running(None).await?;
    // The new container gets checks of a page that neither of them has, with a failure threshold of 1.
    let health_check = Some(HealthCheck { failures: Some(1), ..check_each_second("/nowhere") });
    let changed =
        JobCreate { health_check: health_check.clone(), cmd: "./other".to_owned(), ..program.build_job() };
    let checks = Some(Checks { liveness: health_check, ..Checks::default() });
    harness.maintainer.jobs().update(&harness.tool, &JobCreate { checks, ..changed }).await?;
    let shown = harness
        .wait_for_job("web", |job| job.status_long.contains("GET /nowhere returned status 404"))
        .await?;
    assert!(shown.status_long.contains("old ones stay in use"), "{shown:?}");
    harness.stand.advance_clock(SignedDuration::from_mins(1));
    let ready: Vec<Run> =
        harness.list_runs("web").await?.into_iter().filter(|run| run.ended.is_none()).collect();
    assert!(ready.iter().any(|run| run.id == old.to_string()), "{ready:#?}");
    // The old container keeps its own liveness check, which fails now.
    program.alive.send_replace(false);
    let ended = wait_for_end(&harness, RunEnd::Unhealthy).await?;
    assert_eq!(ended.id, old.to_string());
    assert!(ended.reason.unwrap().contains("GET /alive returned status 503"));
    Ok(())
}

async fn older_container_that_is_wanted_again_replaces_its_successor_at_once(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let program = HealthProgram::new().await;
    let job = program.build_job();
    harness.create(&job).await?;
    harness.wait_for_job("web", |job| job.status.ready == 1).await?;
    let changed = JobCreate { cmd: "./other".to_owned(), ..job.clone() };
    for (wanted, generation) in [(&changed, 2), (&job, 3)] {
        harness.maintainer.jobs().update(&harness.tool, wanted).await?;
        let is_current = |job: &Job| job.status.generation >= generation && job.status.up_to_date;
        harness.wait_for_job("web", |job| is_current(job) && job.status.ready == 1).await?;
    }
    // The job is up to date while the successor still drains.
    let active = harness.list_runs("web").await?.into_iter().filter(|run| run.ended.is_none());
    assert_eq!(active.count(), 2);
    Ok(())
}

async fn container_that_misses_its_start_deadline_is_restarted(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let program = HealthProgram::new().await;
    program.ready.send_replace(false);
    let mut job = program.build_job();
    job.checks = job.checks.map(|checks| Checks { start_within: Some(3), ..checks });
    harness.create(&job).await?;
    harness.wait_for_job("web", |job| job.status_long.contains("returned status 503")).await?;
    let old = harness.wait_for_one_running(None).await?;
    let run = wait_for_end(&harness, RunEnd::Unhealthy).await?;
    let reason = run.reason.unwrap_or_default();
    assert!(reason.contains("it did not start in 3 seconds: GET /ready returned"), "{reason}");
    harness.wait_for_one_running(Some(old)).await.map(drop)
}

async fn liveness_check_restarts_a_container_while_the_service_is_down(db: Db) -> Result<()> {
    let mut harness = JobsHarness::new(db).await?;
    let program = HealthProgram::new().await;
    harness.create(&program.build_job()).await?;
    harness.wait_for_job("web", |job| job.status.ready == 1).await?;
    let old = harness.wait_for_one_running(None).await?;
    harness.runtime.stop().await;
    harness.stop().await;
    program.alive.send_replace(false);
    let ended = |one: &InstanceId| *one != old;
    harness
        .wait_until("the container is ended", async || Ok(harness.list_running().await.iter().all(ended)))
        .await?;
    program.alive.send_replace(true);
    harness.wait_for_one_container(Some(old)).await?;
    harness.start().await?;
    harness.runtime.restart();
    let run = wait_for_end(&harness, RunEnd::Unhealthy).await?;
    assert_eq!(run.id, old.to_string());
    assert!(run.reason.unwrap().contains("2 times in a row"));
    harness.wait_for_job("web", |job| job.status.ready == 1).await.map(drop)
}

async fn change_of_checks_restarts_no_container(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let program = HealthProgram::new().await;
    harness.create(&program.build_job()).await?;
    harness.wait_for_job("web", |job| job.status.ready == 1).await?;
    let one = harness.wait_for_one_running(None).await?;
    program.alive.send_replace(false);
    let relaxed = JobCreate { checks: Some(Checks::default()), ..program.build_job() };
    assert!(harness.maintainer.jobs().update(&harness.tool, &relaxed).await?.job_changed);
    harness.wait_for_job("web", |job| job.status.ready == 1 && job.status.up_to_date).await?;
    assert_eq!(harness.wait_for_one_running(None).await?, one);
    Ok(())
}

async fn stop_policy_sets_signal_and_grace_period(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let stop = Some(StopPolicy { signal: Some(StopSignal::Int), grace: Some(7) });
    harness.create(&JobCreate { stop, ..build_continuous_job("web") }).await?;
    let one = harness.wait_for_one_running(None).await?;
    let workload = harness.runtime.fake.find_workload(one).unwrap();
    assert_eq!((workload.process.stop_signal, workload.grace.as_secs()), (2, 7));
    assert_eq!(harness.show_job("web").await?.stop, stop);
    Ok(())
}

async fn invalid_check_is_refused_with_its_field(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let base =
        json!({"name": "web", "imagename": "python3.11", "cmd": "./run", "continuous": true, "port": 8000});
    for (field, value, message) in [
        ("health_check", json!({"type": "http"}), "a health check of type http has a path"),
        (
            "health_check",
            json!({"type": "http", "path": "/", "timeout": 0}),
            "health_check.timeout is out of range: 0; expected 1 to 60",
        ),
        ("health_check", json!({"type": "http", "path": "/", "often": 3}), "often"),
        (
            "checks",
            json!({"liveness": {"type": "script", "script": ""}}),
            "checks.liveness has an invalid script",
        ),
        (
            "checks",
            json!({"start_within": 9999}),
            "checks.start_within is out of range: 9999; expected 1 to 3600",
        ),
        ("stop", json!({"grace": 1000}), "stop.grace is out of range: 1000; expected 0 to 300"),
        ("stop", json!({"signal": "KILL"}), "KILL"),
    ] {
        let mut job = base.clone();
        job[field] = value;
        let (status, answer) = harness.send(Method::POST, "/jobs", Some(job)).await;
        assert!(status.is_client_error(), "{answer}");
        assert!(answer["error"][0].as_str().unwrap_or_default().contains(message), "{answer} / {message}");
    }
    assert!(
        harness.maintainer.jobs().show(&harness.tool, &job_name("web"), &Default::default()).await.is_err()
    );
    Ok(())
}

on_every_store!(
    container_with_failing_liveness_check_is_restarted,
    container_with_failing_readiness_check_is_not_restarted,
    container_that_listens_elsewhere_has_this_problem_until_it_is_ready,
    old_container_keeps_its_checks_until_it_is_replaced,
    older_container_that_is_wanted_again_replaces_its_successor_at_once,
    container_that_misses_its_start_deadline_is_restarted,
    liveness_check_restarts_a_container_while_the_service_is_down,
    change_of_checks_restarts_no_container,
    stop_policy_sets_signal_and_grace_period,
    invalid_check_is_refused_with_its_field,
);
