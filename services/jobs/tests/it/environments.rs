//! Pages of environments: jobs `NAME--ENVIRONMENT`.

use hearth_base::{Access, Entropy, EnvironmentName, Result, ToolId, ToolName};
use hearth_kit::db::Db;
use hearth_testkit::on_every_store;
use hearth_wire::{
    events::{EventsQuery, Topic},
    jobs::{
        JobCreate,
        internal::{Route, RouteEvent, RouteState, RoutesQuery},
    },
};
use jiff::Timestamp;
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    harness::{JobsHarness, job_name},
    routes::build_page_job,
};

async fn list_routes(harness: &JobsHarness) -> Result<(Vec<Route>, Vec<Route>)> {
    let query = RoutesQuery::default();
    let tools = harness.edge.jobs().list_routes(&query).await?.routes;
    Ok((tools, harness.edge.jobs().list_environment_routes(&query).await?.routes))
}

fn parse_environment(name: &str) -> Option<EnvironmentName> {
    Some(name.parse().unwrap())
}

async fn environment_has_a_route_beside_that_of_its_tool(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut serving = JoinSet::new();
    serving.spawn(async move { drop(axum::serve(listener, axum::Router::new()).await) });
    harness.create(&build_page_job("web", 1)).await?;
    harness.create(&build_page_job("web--staging", address.port())).await?;
    harness
        .wait_until("the route of the environment is ready", async || {
            let (tools, environments) = list_routes(&harness).await?;
            assert_eq!(tools.len(), 1, "release 0.1.0 sees the page of the tool only");
            Ok(environments.iter().any(|route| route.state == RouteState::Ready))
        })
        .await?;
    let (tools, environments) = list_routes(&harness).await?;
    assert_eq!((tools[0].job.as_str(), &tools[0].environment), ("web", &None));
    let [route] = &environments[..] else { unreachable!("{environments:?}") };
    assert_eq!((&route.environment, &route.targets[..]), (&parse_environment("staging"), &[address][..]));
    assert_eq!(route.build_label(), "hello--staging");

    // A paused environment says so, and the page of the tool is as before.
    harness.maintainer.jobs().pause(&harness.tool, &job_name("web--staging")).await?;
    let (after, environments) = list_routes(&harness).await?;
    assert_eq!((after, environments[0].state), (tools, RouteState::Stopped));
    harness.maintainer.jobs().delete(&harness.tool, &job_name("web--staging")).await?;
    let (tools, environments) = list_routes(&harness).await?;
    assert_eq!((tools.len(), environments), (1, Vec::new()));

    let events = harness.edge.read_events(RouteEvent::TOPIC_INFO, &EventsQuery::default()).await?.events;
    for event in &events {
        let is_known_to_release_0_1_0 = ["route.changed", "route.removed"].contains(&&*event.event_type);
        assert_eq!(is_known_to_release_0_1_0, event.data.get("environment").is_none(), "{event:?}");
    }
    assert_eq!(events.last().unwrap().event_type, "route.environment.removed");
    Ok(())
}

async fn environment_has_one_page_and_a_name_that_fits_an_address(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&build_page_job("web--staging", 8000)).await?;
    let refused = harness.create(&build_page_job("other--staging", 8001)).await.unwrap_err();
    assert_eq!(refused.code(), "page-taken");
    assert!(refused.public_message().starts_with("environment staging of tool hello"), "{refused}");
    for name in ["web--1", "web--pr-07", "web--production", "web--a23456789012345678901"] {
        let refused = harness.create(&build_page_job(name, 8001)).await.unwrap_err();
        assert_eq!(refused.code(), "environment-name", "{name}");
    }
    // A job that is not published may have any name.
    harness
        .create(&JobCreate { continuous: Some(true), ..crate::harness::build_one_off_job("a--1") })
        .await?;
    Ok(())
}

async fn address_of_another_tool_is_refused(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    // Release 0.1.0 allowed two hyphens in names of tools.
    let earlier: ToolName = "hello--staging".parse()?;
    let id = ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System);
    let other = harness.stand.member(id, &earlier, Access::Write)?;
    other.jobs().create(&earlier, &build_page_job("web", 8000)).await?;
    let refused = harness.create(&build_page_job("web--staging", 8000)).await.unwrap_err();
    assert_eq!(refused.code(), "environment-address-taken");
    harness.create(&build_page_job("web--testing", 8000)).await.map(drop)
}

async fn deleted_jobs_leave_no_route_of_an_environment(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    harness.create(&build_page_job("web", 8000)).await?;
    harness.create(&build_page_job("web--staging", 8001)).await?;
    assert_eq!(list_routes(&harness).await?.1.len(), 1);
    harness.maintainer.jobs().flush(&harness.tool).await?;
    assert_eq!(list_routes(&harness).await?, (Vec::new(), Vec::new()));
    Ok(())
}

async fn routes_of_environments_are_paged(db: Db) -> Result<()> {
    let harness = JobsHarness::new(db).await?;
    for name in ["web--a", "web--b"] {
        harness.create(&build_page_job(name, 8000)).await?;
    }
    let mut query = RoutesQuery { limit: hearth_base::PageLimit::new(1)?, cursor: None };
    let mut names = Vec::new();
    loop {
        let page = harness.edge.jobs().list_environment_routes(&query).await?;
        names.extend(page.routes.iter().map(Route::build_label));
        query.cursor = page.next;
        if query.cursor.is_none() {
            break;
        }
    }
    assert_eq!(names, ["hello--a", "hello--b"]);
    Ok(())
}

on_every_store!(
    environment_has_a_route_beside_that_of_its_tool,
    environment_has_one_page_and_a_name_that_fits_an_address,
    address_of_another_tool_is_refused,
    deleted_jobs_leave_no_route_of_an_environment,
    routes_of_environments_are_paged,
);
