//! Where a tool's page is answered, as others are told.

use std::time::Duration;

use hearth_base::Result;
use hearth_kit::db::Db;
use hearth_testkit::{on_every_store, until};
use hearth_wire::{
    events::{After, Topic},
    jobs::{
        HealthAsk, HealthCheck, JobCreate, JobType,
        internal::{Route, RouteEvent, RouteState, RoutesQuery},
    },
};
use http::StatusCode;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use crate::stage::{Stage, job_name, once};

fn page(name: &str, port: u16) -> JobCreate {
    JobCreate { job_type: Some(JobType::Webservice), port: Some(port), ..once(name) }
}

async fn route(stage: &Stage) -> Result<Option<Route>> {
    Ok(stage.edge.jobs().routes(&RoutesQuery::default()).await?.routes.into_iter().next())
}

async fn a_page_is_ready_when_it_answers(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    stage.create(&page("web", address.port())).await?;
    let first = route(&stage).await?.unwrap();
    assert_eq!((first.state, first.targets.len(), first.name), (RouteState::Starting, 0, stage.tool.clone()));
    stage.until("web", |job| job.status_long.contains("does it listen on 0.0.0.0")).await?;
    // Some servers listen before they have loaded what they serve, and hang up when it cannot be.
    let listener = TcpListener::bind(address).await.unwrap();
    let mut serving = JoinSet::new();
    serving.spawn(async move { while listener.accept().await.is_ok() {} });
    stage.until("web", |job| job.status_long.contains("GET / at port")).await?;
    assert_eq!(route(&stage).await?.map(|route| route.state), Some(RouteState::Starting));
    serving.shutdown().await;
    let listener = TcpListener::bind(address).await.unwrap();
    serving.spawn(async move { drop(axum::serve(listener, axum::Router::new()).await) });
    stage
        .eventually("it is ready", async || {
            Ok(route(&stage)
                .await?
                .is_some_and(|route| route.state == RouteState::Ready && route.targets == [address]))
        })
        .await?;
    assert_eq!(stage.until("web", |job| job.status.ready == 1).await?.publish, Some(true));
    stage.maintainer.jobs().delete(&stage.tool, &job_name("web")).await?;
    assert_eq!(route(&stage).await?, None);
    let events = stage.edge.read_events(RouteEvent::TOPIC_INFO, &After::default()).await?.events;
    let types: Vec<_> = events.iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(types, ["route.changed", "route.changed", "route.removed"], "what runs wrote is not for them");
    assert_eq!(events[1].data["targets"][0], address.to_string());
    Ok(())
}

async fn the_page_of_a_paused_job_is_stopped(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut serving = JoinSet::new();
    serving.spawn(async move { drop(axum::serve(listener, axum::Router::new()).await) });
    stage.create(&page("web", port)).await?;
    let is = async |state| {
        let seen = async || Ok(route(&stage).await?.filter(|route| route.state == state));
        until("the route is so", seen).await
    };
    is(RouteState::Ready).await?;
    stage.maintainer.jobs().pause(&stage.tool, &job_name("web")).await?;
    // At once: nobody is sent to what is being ended.
    assert_eq!(
        route(&stage).await?.map(|route| (route.state, route.targets.len())),
        Some((RouteState::Stopped, 0))
    );
    stage.eventually("nothing runs", async || Ok(stage.running().await.is_empty())).await?;
    stage.maintainer.jobs().resume(&stage.tool, &job_name("web")).await?;
    is(RouteState::Ready).await.map(drop)
}

async fn a_tool_has_one_page(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    stage.create(&page("web", 8000)).await?;
    let refused = stage.create(&page("other", 8001)).await.unwrap_err();
    assert_eq!(refused.code(), "page-taken");
    Ok(())
}

async fn a_health_check_decides_who_is_ready(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
    let app = axum::Router::new()
        .route("/well", axum::routing::get(async || "well"))
        .route("/unwell", axum::routing::get(async || axum::http::StatusCode::INTERNAL_SERVER_ERROR));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut serving = JoinSet::new();
    serving.spawn(async move { axum::serve(listener, app).await });
    let check = |path: &str| Some(HealthCheck::of(HealthAsk::Http(path.to_owned())));
    stage.create(&JobCreate { health_check: check("/unwell"), ..page("web", port) }).await?;
    stage.until("web", |job| job.status_long.contains("answered with 500")).await?;
    assert_eq!(route(&stage).await?.map(|route| route.state), Some(RouteState::Starting));
    stage
        .maintainer
        .jobs()
        .update(&stage.tool, &JobCreate { health_check: check("/well"), ..page("web", port) })
        .await?;
    stage.until("web", |job| job.status.ready == 1 && job.status.up_to_date).await?;
    Ok(())
}

async fn what_is_new_takes_over_when_it_is_ready(db: Db) -> Result<()> {
    let stage = Stage::new(db).await?;
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
    let check = Some(HealthCheck::of(HealthAsk::Http("/health".to_owned())));
    stage.create(&JobCreate { health_check: check, ..page("web", port) }).await?;
    stage.until("web", |job| job.status.ready == 1).await?;
    let old = stage.running().await;

    well.send_replace(false);
    stage.maintainer.jobs().restart(&stage.tool, &job_name("web")).await?;
    let job = stage.until("web", |job| job.status_long.contains("answered with 500")).await?;
    assert!(!job.status.up_to_date && job.status_long.contains("what was there before goes on"), "{job:?}");
    assert_eq!(route(&stage).await?.map(|route| route.state), Some(RouteState::Ready));
    assert!(stage.running().await.len() == 2 && stage.running().await.contains(&old[0]));

    well.send_replace(true);
    stage.until("web", |job| job.status.ready == 1 && job.status.up_to_date).await?;
    // What visitors asked of the one before is answered first: it goes on for a while.
    let second = stage.runs("web").await?.iter().filter_map(|run| run.id.parse().ok()).max().unwrap();
    let drain = stage.runtime.fake.workload(second)?.rollout().drain();
    assert_eq!(drain, Duration::from_secs(5));

    // Replaced in turn before that, what answers now goes on like the one before it.
    well.send_replace(false);
    stage.maintainer.jobs().restart(&stage.tool, &job_name("web")).await?;
    stage.until("web", |job| job.status_long.contains("answered with 500")).await?;
    assert!(stage.running().await.contains(&second));
    assert_eq!(route(&stage).await?.map(|route| route.state), Some(RouteState::Ready));
    well.send_replace(true);
    stage.until("web", |job| job.status.ready == 1 && job.status.up_to_date).await?;
    stage.one_running(Some(second)).await?;
    Ok(())
}

on_every_store!(
    a_page_is_ready_when_it_answers,
    the_page_of_a_paused_job_is_stopped,
    a_tool_has_one_page,
    a_health_check_decides_who_is_ready,
    what_is_new_takes_over_when_it_is_ready,
);
