//! Routes from `jobs`: updates, persistence and error pages.

use hearth_base::Result;
use hearth_testkit::wait_until;
use hearth_wire::jobs::internal::{EnvironmentRouteRemoved, Route, RouteEvent, RouteRemoved, RouteState};

use crate::fixture::{
    EdgeFixture, build_hello_route, build_route, reserve_closed_port, start_answering_instance,
    start_instance,
};

const RESPONSE_ONE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none";
const RESPONSE_TWO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\ntwo";

#[tokio::test]
async fn route_follows_events_of_jobs() -> Result<()> {
    let ((one, _), (two, _)) =
        (start_answering_instance(RESPONSE_ONE).await, start_answering_instance(RESPONSE_TWO).await);
    let first = build_route("hello", RouteState::Ready, &[one]);
    let fixture = EdgeFixture::start(vec![first.clone()]).await?;
    fixture.wait_for_page("hello").await?;
    assert!(fixture.get("hello", "").await.ends_with("one"));
    fixture.jobs.append_events(&RouteEvent::Changed(Route { targets: vec![two], ..first.clone() }));
    wait_until("the page has moved", async || {
        Ok(fixture.get("hello", "").await.ends_with("two").then_some(()))
    })
    .await?;
    fixture.jobs.append_events(&RouteEvent::Removed(RouteRemoved { tool: first.tool }));
    wait_until("the page is gone", async || {
        Ok(fixture.get("hello", "").await.starts_with("HTTP/1.1 404").then_some(()))
    })
    .await
}

#[tokio::test]
async fn environment_has_a_page_beside_that_of_its_tool() -> Result<()> {
    let ((one, _), (two, _)) =
        (start_answering_instance(RESPONSE_ONE).await, start_answering_instance(RESPONSE_TWO).await);
    let production = build_route("hello", RouteState::Ready, &[one]);
    let staging = Route { environment: Some("staging".parse()?), targets: vec![two], ..production.clone() };
    let fixture = EdgeFixture::start(vec![production.clone(), staging.clone()]).await?;
    fixture.wait_for_page("hello").await?;
    fixture.wait_for_page("hello--staging").await?;
    assert!(fixture.get("hello--staging", "").await.ends_with("two"));
    assert!(fixture.get("hello", "").await.ends_with("one"));
    assert!(fixture.get("hello--other", "").await.starts_with("HTTP/1.1 404"));

    let stopped = Route { state: RouteState::Stopped, targets: Vec::new(), ..staging };
    fixture.jobs.append_events(&RouteEvent::EnvironmentChanged(stopped));
    wait_until("the page of the environment is stopped", async || {
        Ok(fixture.get("hello--staging", "").await.contains("page-stopped").then_some(()))
    })
    .await?;
    assert!(fixture.get("hello", "").await.ends_with("one"));
    let removed = EnvironmentRouteRemoved { tool: production.tool, environment: "staging".parse()? };
    fixture.jobs.append_events(&RouteEvent::EnvironmentRemoved(removed));
    wait_until("the page of the environment is gone", async || {
        Ok(fixture.get("hello--staging", "").await.starts_with("HTTP/1.1 404").then_some(()))
    })
    .await?;
    assert!(fixture.get("hello", "").await.ends_with("one"));
    Ok(())
}

#[tokio::test]
async fn visits_of_environments_count_to_their_tool() -> Result<()> {
    let target = start_instance(|mut wire| async move {
        if wire.read_until("\r\n\r\n").await.contains("/slow") {
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nslow").await;
            std::future::pending::<()>().await;
        }
        wire.send(RESPONSE_ONE).await;
    })
    .await;
    let production = build_route("hello", RouteState::Ready, &[target]);
    let staging = Route { environment: Some("staging".parse()?), ..production.clone() };
    let settings = "[edge]\nvisits_per_tool = 1";
    let fixture = EdgeFixture::start_with(vec![production, staging], settings, true).await?;
    fixture.wait_for_page("hello--staging").await?;
    let mut open = fixture.connect_visitor().await;
    open.send("GET /slow HTTP/1.1\r\nhost: hello--staging.localhost\r\n\r\n").await;
    open.read_until("slow").await;
    assert!(fixture.get("hello", "").await.contains("page-busy"));
    Ok(())
}

#[tokio::test]
async fn pages_are_served_after_a_restart_without_jobs() -> Result<()> {
    let (one, _) = start_answering_instance(RESPONSE_ONE).await;
    let fixture = EdgeFixture::start(build_hello_route(one)).await?;
    fixture.wait_for_page("hello").await?;
    let fixture = fixture.restart(false).await?;
    assert!(fixture.get("hello", "").await.ends_with("one"));
    assert!(fixture.get("other", "").await.starts_with("HTTP/1.1 404"));
    Ok(())
}

#[tokio::test]
async fn unknown_page_is_starting_until_the_routes_are_loaded() -> Result<()> {
    let fixture = EdgeFixture::start_with(Vec::new(), "", false).await?;
    let answer = fixture.get("hello", "").await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 2"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn each_state_has_an_error_page_in_each_format() -> Result<()> {
    let routes = vec![
        build_route("asleep", RouteState::Stopped, &[]),
        build_route("waking", RouteState::Starting, &[]),
        build_route("deaf", RouteState::Ready, &[reserve_closed_port().await]),
    ];
    let fixture = EdgeFixture::start(routes).await?;
    wait_until("the routes are loaded", async || {
        Ok(fixture.get("asleep", "").await.contains("page-stopped").then_some(()))
    })
    .await?;
    for (name, status, code) in [
        ("asleep", 503, "page-stopped"),
        ("waking", 503, "page-starting"),
        ("deaf", 502, "page-no-answer"),
        ("none-such", 404, "no-such-page"),
        ("UPPER--", 404, "no-such-page"),
    ] {
        let text = fixture.get(name, "accept: */*\r\n").await;
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{text}");
        assert!(text.contains("content-type: text/plain") && text.contains(code), "{text}");
        let page = fixture.get(name, "accept: text/html,*/*\r\n").await;
        assert!(page.contains("content-type: text/html") && page.contains("<h1>"), "{page}");
        assert!(page.contains("content-security-policy: default-src 'none'"), "{page}");
        assert!(page.contains("\r\nx-hearth-code: "), "{page}");
        let json = fixture.get(name, "accept: application/json\r\n").await;
        let body = json.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["code"], code);
    }
    Ok(())
}
