//! What is known of tools: heard from `jobs`, kept on disk, told to visitors.

use hearth_base::Result;
use hearth_testkit::until;
use hearth_wire::jobs::internal::{Route, RouteEvent, RouteRemoved, RouteState};

use crate::rig::{Rig, answering, hello, nobody, route};

const ONE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none";
const TWO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\ntwo";

#[tokio::test]
async fn a_page_moves_when_jobs_says_so() -> Result<()> {
    let ((one, _), (two, _)) = (answering(ONE).await, answering(TWO).await);
    let first = route("hello", RouteState::Ready, &[one]);
    let rig = Rig::start(vec![first.clone()]).await?;
    rig.knows("hello").await?;
    assert!(rig.get("hello", "").await.ends_with("one"));
    rig.jobs.append(&RouteEvent::Changed(Route { targets: vec![two], ..first.clone() }));
    until("the page has moved", async || Ok(rig.get("hello", "").await.ends_with("two").then_some(())))
        .await?;
    rig.jobs.append(&RouteEvent::Removed(RouteRemoved { tool: first.tool }));
    until("the page is gone", async || {
        Ok(rig.get("hello", "").await.starts_with("HTTP/1.1 404").then_some(()))
    })
    .await
}

#[tokio::test]
async fn after_a_restart_pages_are_served_without_jobs() -> Result<()> {
    let (one, _) = answering(ONE).await;
    let rig = Rig::start(hello(one)).await?;
    rig.knows("hello").await?;
    let rig = rig.again(false).await?;
    assert!(rig.get("hello", "").await.ends_with("one"));
    assert!(rig.get("other", "").await.starts_with("HTTP/1.1 404"));
    Ok(())
}

#[tokio::test]
async fn before_anything_is_known_nobody_is_told_that_there_is_no_page() -> Result<()> {
    let rig = Rig::start_with(Vec::new(), "", false).await?;
    let answer = rig.get("hello", "").await;
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 2"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn each_state_is_told_in_its_own_words_and_form() -> Result<()> {
    let routes = vec![
        route("asleep", RouteState::Stopped, &[]),
        route("waking", RouteState::Starting, &[]),
        route("deaf", RouteState::Ready, &[nobody().await]),
    ];
    let rig = Rig::start(routes).await?;
    until("the routes are known", async || {
        Ok(rig.get("asleep", "").await.contains("page-stopped").then_some(()))
    })
    .await?;
    for (name, status, code) in [
        ("asleep", 503, "page-stopped"),
        ("waking", 503, "page-starting"),
        ("deaf", 502, "page-no-answer"),
        ("none-such", 404, "no-such-page"),
        ("UPPER--", 404, "no-such-page"),
    ] {
        let text = rig.get(name, "accept: */*\r\n").await;
        assert!(text.starts_with(&format!("HTTP/1.1 {status}")), "{text}");
        assert!(text.contains("content-type: text/plain") && text.contains(code), "{text}");
        let page = rig.get(name, "accept: text/html,*/*\r\n").await;
        assert!(page.contains("content-type: text/html") && page.contains("<h1>"), "{page}");
        assert!(page.contains("content-security-policy: default-src 'none'"), "{page}");
        assert!(page.contains("\r\nx-hearth-code: "), "{page}");
        let json = rig.get(name, "accept: application/json\r\n").await;
        let body = json.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["code"], code);
    }
    Ok(())
}
