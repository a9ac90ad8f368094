//! Routes of tools' pages, as `edge` reads them.

use std::time::Duration;

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, wait_until};
use hearth_wire::{
    events::{EventsQuery, Topic},
    jobs::{
        HealthCheck, HealthProbe, JobCreate, JobType,
        internal::{Route, RouteEvent, RouteState, RoutesQuery},
    },
};
use http::StatusCode;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use crate::harness::{JobsHarness, build_one_off_job, job_name};

pub fn build_page_job(name: &str, port: u16) -> JobCreate {
    JobCreate { job_type: Some(JobType::Webservice), port: Some(port), ..build_one_off_job(name) }
}

async fn read_route(harness: &JobsHarness) -> Result<Option<Route>> {
    Ok(harness.edge.jobs().list_routes(&RoutesQuery::default()).await?.routes.into_iter().next())
}

async fn page_is_ready_when_it_answers(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    harness.create(&build_page_job("web", address.port())).await?;
    let first = read_route(&harness).await?.unwrap();
    assert_eq!(
        (first.state, first.targets.len(), first.name),
        (RouteState::Starting, 0, harness.tool.clone())
    );
    harness.wait_for_job("web", |job| job.status_long.contains("does it listen on 0.0.0.0")).await?;
    // Some servers listen before their application is loaded, and close connections if it fails.
    let listener = TcpListener::bind(address).await.unwrap();
    let mut serving = JoinSet::new();
    serving.spawn(async move { while listener.accept().await.is_ok() {} });
    harness.wait_for_job("web", |job| job.status_long.contains("GET / at port")).await?;
    assert_eq!(read_route(&harness).await?.map(|route| route.state), Some(RouteState::Starting));
    serving.shutdown().await;
    let listener = TcpListener::bind(address).await.unwrap();
    serving.spawn(async move { drop(axum::serve(listener, axum::Router::new()).await) });
    harness
        .wait_until("the route is ready", async || {
            Ok(read_route(&harness)
                .await?
                .is_some_and(|route| route.state == RouteState::Ready && route.targets == [address]))
        })
        .await?;
    assert_eq!(harness.wait_for_job("web", |job| job.status.ready == 1).await?.publish, Some(true));
    harness.maintainer.jobs().delete(&harness.tool, &job_name("web")).await?;
    assert_eq!(read_route(&harness).await?, None);
    let events = harness.edge.read_events(RouteEvent::TOPIC_INFO, &EventsQuery::default()).await?.events;
    let types: Vec<_> = events.iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(
        types,
        ["route.changed", "route.changed", "route.removed"],
        "edge does not get events of runs"
    );
    assert_eq!(events[1].data["targets"][0], address.to_string());
    Ok(())
}

async fn page_of_a_paused_job_is_stopped(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut serving = JoinSet::new();
    serving.spawn(async move { drop(axum::serve(listener, axum::Router::new()).await) });
    harness.create(&build_page_job("web", port)).await?;
    let is = async |state| {
        let seen = async || Ok(read_route(&harness).await?.filter(|route| route.state == state));
        wait_until("the route has the expected state", seen).await
    };
    is(RouteState::Ready).await?;
    harness.maintainer.jobs().pause(&harness.tool, &job_name("web")).await?;
    // The route changes at once, before the container has stopped.
    assert_eq!(
        read_route(&harness).await?.map(|route| (route.state, route.targets.len())),
        Some((RouteState::Stopped, 0))
    );
    harness.wait_until("no container runs", async || Ok(harness.list_running().await.is_empty())).await?;
    harness.maintainer.jobs().resume(&harness.tool, &job_name("web")).await?;
    is(RouteState::Ready).await.map(drop)
}

async fn second_page_of_a_tool_is_refused(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&build_page_job("web", 8000)).await?;
    let refused = harness.create(&build_page_job("other", 8001)).await.unwrap_err();
    assert_eq!(refused.code(), "page-taken");
    Ok(())
}

async fn health_check_decides_readiness(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let app = axum::Router::new()
        .route("/well", axum::routing::get(async || "well"))
        .route("/unwell", axum::routing::get(async || axum::http::StatusCode::INTERNAL_SERVER_ERROR));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut serving = JoinSet::new();
    serving.spawn(async move { axum::serve(listener, app).await });
    let check = |path: &str| Some(HealthCheck::from_probe(HealthProbe::Http(path.to_owned())));
    harness.create(&JobCreate { health_check: check("/unwell"), ..build_page_job("web", port) }).await?;
    harness.wait_for_job("web", |job| job.status_long.contains("returned status 500")).await?;
    assert_eq!(read_route(&harness).await?.map(|route| route.state), Some(RouteState::Starting));
    harness
        .maintainer
        .jobs()
        .update(&harness.tool, &JobCreate { health_check: check("/well"), ..build_page_job("web", port) })
        .await?;
    harness.wait_for_job("web", |job| job.status.ready == 1 && job.status.up_to_date).await?;
    Ok(())
}

async fn new_container_takes_over_when_it_is_ready(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let (well, seen) = watch::channel(true);
    let health = move || {
        let status = if *seen.borrow() { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
        std::future::ready(status)
    };
    let app = axum::Router::new().route("/health", axum::routing::get(health));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut serving = JoinSet::new();
    serving.spawn(async move { axum::serve(listener, app).await });
    let check = Some(HealthCheck::from_probe(HealthProbe::Http("/health".to_owned())));
    harness.create(&JobCreate { health_check: check, ..build_page_job("web", port) }).await?;
    harness.wait_for_job("web", |job| job.status.ready == 1).await?;
    let old = harness.list_running().await;

    well.send_replace(false);
    harness.maintainer.jobs().restart(&harness.tool, &job_name("web")).await?;
    let job = harness.wait_for_job("web", |job| job.status_long.contains("returned status 500")).await?;
    assert!(!job.status.up_to_date && job.status_long.contains("old ones stay in use"), "{job:?}");
    assert_eq!(read_route(&harness).await?.map(|route| route.state), Some(RouteState::Ready));
    assert!(harness.list_running().await.len() == 2 && harness.list_running().await.contains(&old[0]));

    well.send_replace(true);
    harness.wait_for_job("web", |job| job.status.ready == 1 && job.status.up_to_date).await?;
    // The old container drains: it answers requests under way.
    let second = harness.list_runs("web").await?.iter().filter_map(|run| run.id.parse().ok()).max().unwrap();
    let drain = harness.runtime.fake.find_workload(second)?.rollout().drain();
    assert_eq!(drain, Duration::from_secs(5));

    // The new container is replaced in turn, and stays in use like the one before.
    well.send_replace(false);
    harness.maintainer.jobs().restart(&harness.tool, &job_name("web")).await?;
    harness.wait_for_job("web", |job| job.status_long.contains("returned status 500")).await?;
    assert!(harness.list_running().await.contains(&second));
    assert_eq!(read_route(&harness).await?.map(|route| route.state), Some(RouteState::Ready));
    well.send_replace(true);
    harness.wait_for_job("web", |job| job.status.ready == 1 && job.status.up_to_date).await?;
    harness.wait_for_one_running(Some(second)).await?;
    Ok(())
}

on_every_store!(
    page_is_ready_when_it_answers,
    page_of_a_paused_job_is_stopped,
    second_page_of_a_tool_is_refused,
    health_check_decides_readiness,
    new_container_takes_over_when_it_is_ready,
);
