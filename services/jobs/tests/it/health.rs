//! How containers are, and what becomes of those that are not well.

use axum::{Router, routing::get};
use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_runtime_api::InstanceId;
use hearth_testkit::{on_every_store, until};
use hearth_wire::jobs::{
    Checks, HealthAsk, HealthCheck, JobCreate, Run, RunEnd, StatusShort, StopPolicy, StopSignal,
};
use http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::json;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use crate::stage::{Stage, job_name, kept};

/// A program with two pages that are well or not, as a test says: `/ready` and `/alive`.
struct Program {
    port: u16,
    ready: watch::Sender<bool>,
    alive: watch::Sender<bool>,
    _serving: JoinSet<()>,
}

impl Program {
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

    /// A job that it is, asked `/ready` and `/alive` each second; two bad answers in a row are one.
    fn job(&self) -> JobCreate {
        let checks = Checks { liveness: Some(often("/alive")), ..Checks::default() };
        JobCreate {
            port: Some(self.port),
            health_check: Some(often("/ready")),
            checks: Some(checks),
            ..kept("web")
        }
    }
}

fn often(path: &str) -> HealthCheck {
    let ask = HealthAsk::Http(path.to_owned());
    HealthCheck { interval: Some(1), failures: Some(2), ..HealthCheck::of(ask) }
}

/// Waits until a run of the job has ended in this way.
async fn ended(stage: &Stage, end: RunEnd) -> Result<Run> {
    until("a run has ended so", async || {
        Ok(stage.runs("web").await?.into_iter().find(|run| run.end == Some(end)))
    })
    .await
}

async fn what_is_not_alive_is_restarted(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    let program = Program::new().await;
    stage.create(&program.job()).await?;
    stage.until("web", |job| job.status.ready == 1).await?;
    let old = stage.one_running(None).await?;
    program.alive.send_replace(false);
    let run = ended(&stage, RunEnd::Unhealthy).await?;
    let reason = "it was restarted: GET /alive was answered with 503, 2 times in a row";
    assert_eq!((run.id.as_str(), run.reason.as_deref()), (old.to_string().as_str(), Some(reason)));
    // It starts well, for only its readiness is asked for that, and is found out again.
    program.alive.send_replace(true);
    stage.until("web", |job| job.status.ready == 1 && job.status.short == StatusShort::Running).await?;
    let new = stage.one_running(Some(old)).await?;
    assert!(new.start > old.start);
    Ok(())
}

async fn what_is_not_ready_is_left_alone(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    let program = Program::new().await;
    stage.create(&program.job()).await?;
    stage.until("web", |job| job.status.ready == 1).await?;
    let one = stage.one_running(None).await?;
    program.ready.send_replace(false);
    let job = stage.until("web", |job| job.status.ready == 0).await?;
    assert!(job.status_long.contains("GET /ready was answered with 503"), "{job:?}");
    // However long it takes: it had started.
    stage.stand.passes(SignedDuration::from_hours(1));
    program.ready.send_replace(true);
    stage.until("web", |job| job.status.ready == 1).await?;
    assert_eq!(stage.one_running(None).await?, one);
    Ok(())
}

async fn what_serves_is_asked_as_it_was_until_it_is_replaced(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    let program = Program::new().await;
    stage.create(&program.job()).await?;
    stage.until("web", |job| job.status.ready == 1).await?;
    let old = stage.one_running(None).await?;
    // What is to replace it is asked for pages that neither of them has, and at once found to be not alive.
    let health_check = Some(HealthCheck { failures: Some(1), ..often("/nowhere") });
    let changed =
        JobCreate { health_check: health_check.clone(), cmd: "./other".to_owned(), ..program.job() };
    let checks = Some(Checks { liveness: health_check, ..Checks::default() });
    stage.maintainer.jobs().update(&stage.tool, &JobCreate { checks, ..changed }).await?;
    let told =
        stage.until("web", |job| job.status_long.contains("GET /nowhere was answered with 404")).await?;
    assert!(told.status_long.contains("what was there before goes on"), "{told:?}");
    stage.stand.passes(SignedDuration::from_mins(1));
    let ready: Vec<Run> = stage.runs("web").await?.into_iter().filter(|run| run.ended.is_none()).collect();
    assert!(ready.iter().any(|run| run.id == old.to_string()), "{ready:#?}");
    // And it is still asked: that it is not alive is found out by the check that it came with.
    program.alive.send_replace(false);
    let gone = ended(&stage, RunEnd::Unhealthy).await?;
    assert_eq!(gone.id, old.to_string());
    assert!(gone.reason.unwrap().contains("GET /alive was answered with 503"));
    Ok(())
}

async fn what_does_not_start_in_time_is_restarted(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    let program = Program::new().await;
    program.ready.send_replace(false);
    let mut job = program.job();
    job.checks = job.checks.map(|checks| Checks { start_within: Some(3), ..checks });
    stage.create(&job).await?;
    stage.until("web", |job| job.status_long.contains("answered with 503")).await?;
    let old = stage.one_running(None).await?;
    let run = ended(&stage, RunEnd::Unhealthy).await?;
    let reason = run.reason.unwrap_or_default();
    assert!(reason.contains("it did not start in 3 seconds: GET /ready was answered"), "{reason}");
    stage.one_running(Some(old)).await.map(drop)
}

async fn what_is_not_alive_is_restarted_while_nobody_looks(db: Db) -> Result<()> {
    let mut stage = Stage::new(db).await?;
    let program = Program::new().await;
    stage.create(&program.job()).await?;
    stage.until("web", |job| job.status.ready == 1).await?;
    let old = stage.one_running(None).await?;
    stage.runtime.stop().await;
    stage.stop().await;
    program.alive.send_replace(false);
    let gone = |one: &InstanceId| *one != old;
    stage.eventually("it is ended", async || Ok(stage.running().await.iter().all(gone))).await?;
    program.alive.send_replace(true);
    stage.one_begun(Some(old)).await?;
    stage.start().await?;
    stage.runtime.restart();
    let run = ended(&stage, RunEnd::Unhealthy).await?;
    assert_eq!(run.id, old.to_string());
    assert!(run.reason.unwrap().contains("2 times in a row"));
    stage.until("web", |job| job.status.ready == 1).await.map(drop)
}

async fn a_change_of_checks_restarts_nothing(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    let program = Program::new().await;
    stage.create(&program.job()).await?;
    stage.until("web", |job| job.status.ready == 1).await?;
    let one = stage.one_running(None).await?;
    program.alive.send_replace(false);
    let relaxed = JobCreate { checks: Some(Checks::default()), ..program.job() };
    assert!(stage.maintainer.jobs().update(&stage.tool, &relaxed).await?.job_changed);
    stage.until("web", |job| job.status.ready == 1 && job.status.up_to_date).await?;
    assert_eq!(stage.one_running(None).await?, one);
    Ok(())
}

async fn a_stop_says_its_signal_and_its_time(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    let stop = Some(StopPolicy { signal: Some(StopSignal::Int), grace: Some(7) });
    stage.create(&JobCreate { stop, ..kept("web") }).await?;
    let one = stage.one_running(None).await?;
    let workload = stage.runtime.fake.workload(one).unwrap();
    assert_eq!((workload.process.stop_signal, workload.grace.as_secs()), (2, 7));
    assert_eq!(stage.job("web").await?.stop, stop);
    Ok(())
}

async fn a_check_that_cannot_be_is_refused_by_name(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    let base =
        json!({"name": "web", "imagename": "python3.11", "cmd": "./run", "continuous": true, "port": 8000});
    for (field, value, said) in [
        ("health_check", json!({"type": "http"}), "a health check of type http has a path"),
        ("health_check", json!({"type": "http", "path": "/", "timeout": 0}), "health_check.timeout is 0"),
        ("health_check", json!({"type": "http", "path": "/", "often": 3}), "often"),
        (
            "checks",
            json!({"liveness": {"type": "script", "script": ""}}),
            "checks.liveness: its script is empty",
        ),
        ("checks", json!({"start_within": 9999}), "checks.start_within is 9999"),
        ("stop", json!({"grace": 1000}), "stop.grace is 1000"),
        ("stop", json!({"signal": "KILL"}), "KILL"),
    ] {
        let mut job = base.clone();
        job[field] = value;
        let (status, answer) = stage.send(Method::POST, "/jobs", Some(job)).await;
        assert!(status.is_client_error(), "{answer}");
        assert!(answer["error"][0].as_str().unwrap_or_default().contains(said), "{answer} / {said}");
    }
    assert!(stage.maintainer.jobs().show(&stage.tool, &job_name("web"), &Default::default()).await.is_err());
    Ok(())
}

on_every_store!(
    what_is_not_alive_is_restarted,
    what_is_not_ready_is_left_alone,
    what_serves_is_asked_as_it_was_until_it_is_replaced,
    what_does_not_start_in_time_is_restarted,
    what_is_not_alive_is_restarted_while_nobody_looks,
    a_change_of_checks_restarts_nothing,
    a_stop_says_its_signal_and_its_time,
    a_check_that_cannot_be_is_refused_by_name,
);
