//! Sleeping pages: their visitors are held while they wake, and visits are reported.

use std::sync::{Arc, Mutex};

use hearth_base::Result;
use hearth_testkit::wait_until;
use hearth_wire::jobs::internal::{Route, RouteEvent, RouteSleep, RouteState};
use tokio::task::JoinSet;

use crate::fixture::{EdgeFixture, build_route, start_answering_instance, start_instance};

const RESPONSE_ONE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none";

fn build_sleeping_route(name: &str) -> Route {
    let sleep = Some(RouteSleep { after: 60, asleep: true });
    Route { sleep, ..build_route(name, RouteState::Stopped, &[]) }
}

fn wake_route(route: &Route, target: std::net::SocketAddr) -> [RouteEvent; 2] {
    let sleep = Some(RouteSleep { after: 60, asleep: false });
    let starting = Route { state: RouteState::Starting, sleep, ..route.clone() };
    let ready = Route { state: RouteState::Ready, targets: vec![target], ..starting.clone() };
    [starting, ready].map(RouteEvent::Changed)
}

async fn wait_for_wakes(fixture: &EdgeFixture, count: usize) -> Result<()> {
    wait_until("the page is being woken", async || {
        Ok((fixture.jobs.list_wakes().len() >= count).then_some(()))
    })
    .await
}

/// Starts an edge that knows its routes.
async fn start_edge(mut routes: Vec<Route>, settings: &str) -> Result<EdgeFixture> {
    routes.push(build_route("known", RouteState::Stopped, &[]));
    let fixture = EdgeFixture::start_with(routes, settings, true).await?;
    wait_until("the routes are loaded", async || {
        Ok(fixture.get("known", "").await.contains("page-stopped").then_some(()))
    })
    .await?;
    Ok(fixture)
}

#[tokio::test]
async fn visitors_of_a_sleeping_page_are_held_and_wake_it_once() -> Result<()> {
    let requests: Arc<Mutex<Vec<String>>> = Arc::default();
    let recorded = requests.clone();
    let target = start_instance(move |mut wire| {
        let recorded = recorded.clone();
        async move {
            let head = wire.read_until("\r\n\r\n").await;
            if head.starts_with("POST") {
                wire.read_until("a=1\n").await;
            }
            recorded.lock().unwrap().push(head);
            wire.send(RESPONSE_ONE).await;
        }
    })
    .await;
    let route = build_sleeping_route("hello");
    let fixture = start_edge(vec![route.clone()], "").await?;
    let requests_of_visitors = [
        "GET / HTTP/1.1\r\nhost: hello.localhost\r\nconnection: close\r\n\r\n",
        "GET /second HTTP/1.1\r\nhost: hello.localhost\r\nconnection: close\r\n\r\n",
        "HEAD / HTTP/1.1\r\nhost: hello.localhost\r\nconnection: close\r\n\r\n",
        "POST /form HTTP/1.1\r\nhost: hello.localhost\r\nconnection: close\r\ncontent-length: 4\r\n\r\na=1\n",
    ];
    let mut visitors = Vec::new();
    for request in requests_of_visitors {
        let mut visitor = fixture.connect_visitor().await;
        visitor.send(request).await;
        visitors.push(visitor);
        wait_for_wakes(&fixture, 1).await?;
    }
    // Others are served meanwhile.
    assert!(fixture.get("known", "").await.contains("page-stopped"));
    for event in wake_route(&route, target) {
        fixture.jobs.append_events(&event);
    }
    for visitor in visitors {
        let answer = visitor.read_to_end().await;
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    }
    let wakes = fixture.jobs.list_wakes();
    assert_eq!(wakes.iter().map(|wake| wake.tool).collect::<Vec<_>>(), [route.tool], "one wake-up for all");
    let heads = requests.lock().unwrap().clone();
    for start in ["GET / ", "GET /second ", "HEAD / ", "POST /form "] {
        assert!(heads.iter().any(|head| head.starts_with(start)), "{start} of {heads:?}");
    }
    Ok(())
}

#[tokio::test]
async fn protocol_switch_of_a_sleeping_page_is_held() -> Result<()> {
    let target = start_instance(|mut wire| async move {
        wire.read_until("\r\n\r\n").await;
        wire.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
            .await;
        let message = wire.read_until("!").await;
        wire.send(&message.to_uppercase()).await;
    })
    .await;
    let route = build_sleeping_route("hello");
    let fixture = start_edge(vec![route.clone()], "").await?;
    let mut visitor = fixture.connect_visitor().await;
    visitor
        .send(
            "GET /ws HTTP/1.1\r\nhost: hello.localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n",
        )
        .await;
    wait_for_wakes(&fixture, 1).await?;
    for event in wake_route(&route, target) {
        fixture.jobs.append_events(&event);
    }
    let head = visitor.read_until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    visitor.send("hello!").await;
    assert_eq!(visitor.read_until("!").await, "HELLO!");
    Ok(())
}

#[tokio::test]
async fn held_visitors_of_one_tool_are_limited_and_others_are_not_affected() -> Result<()> {
    let (one, other) = (build_sleeping_route("one"), build_sleeping_route("other"));
    let fixture = start_edge(vec![one.clone(), other.clone()], "[edge]\nheld_visits_per_tool = 2\n").await?;
    let mut visits = JoinSet::new();
    for _ in 0..5 {
        let mut visitor = fixture.connect_visitor().await;
        visitor.send("GET / HTTP/1.1\r\nhost: one.localhost\r\nconnection: close\r\n\r\n").await;
        visits.spawn(visitor.read_to_end());
    }
    for _ in 0..3 {
        let refused = visits.join_next().await.unwrap().unwrap();
        assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("page-busy"), "{refused}");
    }
    let mut visitor = fixture.connect_visitor().await;
    visitor.send("GET / HTTP/1.1\r\nhost: other.localhost\r\nconnection: close\r\n\r\n").await;
    wait_for_wakes(&fixture, 2).await?;
    let (target, _) = start_answering_instance(RESPONSE_ONE).await;
    for event in wake_route(&other, target) {
        fixture.jobs.append_events(&event);
    }
    assert!(visitor.read_to_end().await.ends_with("one"));
    for event in wake_route(&one, target) {
        fixture.jobs.append_events(&event);
    }
    while let Some(answer) = visits.join_next().await {
        assert!(answer.is_ok_and(|answer| answer.ends_with("one")));
    }
    Ok(())
}

#[tokio::test]
async fn page_that_does_not_wake_gets_the_error_page_of_a_starting_tool() -> Result<()> {
    let route = build_sleeping_route("hello");
    let fixture = start_edge(vec![route.clone()], "[edge]\nwake_timeout = 1\n").await?;
    let answer = fixture.get("hello", "").await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("page-starting"), "{answer}");
    // While it keeps starting, nobody is held for it.
    let [starting, _] = wake_route(&route, "127.0.0.1:1".parse().unwrap());
    fixture.jobs.append_events(&starting);
    wait_until("the page is starting", async || {
        Ok(fixture.get("hello", "").await.contains("page-starting").then_some(()))
    })
    .await?;
    // A page that its maintainers stop meanwhile is stopped.
    fixture.jobs.append_events(&RouteEvent::Changed(Route { sleep: None, ..route }));
    wait_until("the page is stopped", async || {
        Ok(fixture.get("hello", "").await.contains("page-stopped").then_some(()))
    })
    .await
}

#[tokio::test]
async fn visits_of_pages_that_sleep_are_reported_until_the_edge_stops() -> Result<()> {
    let (target, _) = start_answering_instance(RESPONSE_ONE).await;
    let sleep = Some(RouteSleep { after: 60, asleep: false });
    let sleepy = Route { sleep, ..build_route("hello", RouteState::Ready, &[target]) };
    let always = build_route("always", RouteState::Ready, &[target]);
    let fixture = start_edge(vec![sleepy.clone(), always], "").await?;
    wait_until("the edge has reported itself", async || {
        let reports = fixture.jobs.list_reports();
        Ok(reports.iter().any(|report| report.is_complete && !report.is_last).then_some(()))
    })
    .await?;
    assert!(fixture.get("hello", "").await.ends_with("one"));
    assert!(fixture.get("always", "").await.ends_with("one"));
    let fixture = fixture.restart(true).await?;
    let reports = fixture.jobs.list_reports();
    let last = reports.iter().find(|report| report.is_last).unwrap();
    let visited: Vec<_> = last.pages.iter().map(|page| (page.tool, &page.environment)).collect();
    assert_eq!(visited, [(sleepy.tool, &None)], "only pages that sleep are reported");
    Ok(())
}
