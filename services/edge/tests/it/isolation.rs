//! Requests and responses of one tool or visitor do not reach Hearth or another tool, and do not use up what others need.

use hearth_base::Result;
use hearth_wire::jobs::internal::RouteState;

use crate::fixture::{EdgeFixture, build_hello_route, build_route, start_answering_instance, start_instance};

const OK_RESPONSE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

#[tokio::test]
async fn cookies_of_a_tool_stay_on_its_own_host() -> Result<()> {
    let (target, _) = start_answering_instance(
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nset-cookie: a=1; Domain=localhost; Path=/\r\n\
         set-cookie: =hearth_session=evil\r\nset-cookie: b=2; Domain=hello.localhost\r\n\
         clear-site-data: \"cache\", \"cookies\"\r\n\r\nhi",
    )
    .await;
    let fixture = EdgeFixture::start(build_hello_route(target)).await?;
    fixture.wait_for_page("hello").await?;
    let answer = fixture.get("hello", "").await;
    for line in ["set-cookie: a=1; Path=/\r\n", "set-cookie: b=2; Domain=hello.localhost\r\n"] {
        assert!(answer.contains(line), "{line} is not in {answer}");
    }
    assert!(answer.contains("clear-site-data: \"cache\"\r\n"), "{answer}");
    assert!(!answer.contains("evil") && !answer.contains("cookies"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn connection_header_removes_neither_host_nor_forwarding() -> Result<()> {
    let (target, requests) = start_answering_instance(OK_RESPONSE).await;
    let fixture = EdgeFixture::start(build_hello_route(target)).await?;
    fixture.wait_for_page("hello").await?;
    requests.lock().unwrap().clear();
    let lines = "connection: host, x-forwarded-for, x-forwarded-host\r\nx_forwarded_for: 6.6.6.6\r\n\
        authorization: Basic YW5uOmhlYXJ0aF90b2tlbl9zM2NyZXQ=\r\n";
    assert!(fixture.get("hello", lines).await.ends_with("\r\n\r\nhi"));
    let requests = requests.lock().unwrap().join("\n");
    for line in [
        "host: hello.localhost\r\n",
        "x-forwarded-for: 127.0.0.1\r\n",
        "x-forwarded-host: hello.localhost\r\n",
    ] {
        assert!(requests.contains(line), "{line} is not in {requests}");
    }
    for not in ["6.6.6.6", "authorization", "YW5uO"] {
        assert!(!requests.contains(not), "{not} is in {requests}");
    }
    Ok(())
}

#[tokio::test]
async fn forwarding_header_of_a_visitor_never_reaches_a_tool() -> Result<()> {
    let (target, requests) = start_answering_instance(OK_RESPONSE).await;
    // Also behind a trusted proxy: Hearth takes only the address and the scheme from it.
    for settings in ["", "[door]\ntrusted_proxies = [\"127.0.0.1\"]"] {
        let fixture = EdgeFixture::start_with(build_hello_route(target), settings, true).await?;
        fixture.wait_for_page("hello").await?;
        requests.lock().unwrap().clear();
        let lines = "x-forwarded-user: forged\r\nX-Forwarded-Email: forged@example.org\r\n\
            x-forwarded-port: 6666\r\nx-forwarded-prefix: /forged\r\nx-forwarded-anything: forged\r\n\
            x-forwarded: for=forged\r\nforwarded: for=forged\r\nx-real-ip: forged\r\nX_Forwarded_User: forged\r\n\
            connection: x-forwarded-user\r\nx-forward-note: kept\r\n";
        assert!(fixture.get("hello", lines).await.ends_with("\r\n\r\nhi"));
        let requests = requests.lock().unwrap().join("\n");
        assert!(requests.contains("x-forward-note: kept\r\n"), "{requests}");
        assert!(!requests.contains("forged") && !requests.contains("6666"), "{requests}");
    }
    Ok(())
}

#[tokio::test]
async fn trailers_carry_no_headers_of_hearth() -> Result<()> {
    let target = start_instance(|mut wire| async move {
        let head = wire.read_until("\r\n\r\n").await;
        if head.starts_with("POST") {
            let sent = wire.read_until("\r\n\r\n").await;
            assert!(!sent.contains("x-hearth"), "{sent}");
        }
        wire.send(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum, x-hearth-code, set-cookie\r\n\r\n\
             2\r\nhi\r\n0\r\nx-sum: 7\r\nx-hearth-code: evil\r\nset-cookie: hearth_session=evil\r\n\r\n",
        )
        .await;
    })
    .await;
    let fixture = EdgeFixture::start(build_hello_route(target)).await?;
    fixture.wait_for_page("hello").await?;
    let answer = fixture
        .send_bytes(
            "POST / HTTP/1.1\r\nhost: hello.localhost\r\nconnection: close\r\nte: trailers\r\n\
             trailer: x-hearth-identity\r\ntransfer-encoding: chunked\r\n\r\n\
             2\r\nhi\r\n0\r\nx-hearth-identity: forged\r\n\r\n",
        )
        .await;
    assert!(answer.contains("x-sum: 7") && !answer.contains("evil"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn addresses_that_a_visitor_forged_are_dropped_behind_a_trusted_proxy() -> Result<()> {
    let (target, requests) = start_answering_instance(OK_RESPONSE).await;
    let settings = "[door]\ntrusted_proxies = [\"127.0.0.1\"]";
    let fixture = EdgeFixture::start_with(build_hello_route(target), settings, true).await?;
    fixture.wait_for_page("hello").await?;
    requests.lock().unwrap().clear();
    let lines = "x-forwarded-for: 6.6.6.6, 192.0.2.7\r\nx-forwarded-proto: http, https\r\n";
    assert!(fixture.get("hello", lines).await.ends_with("\r\n\r\nhi"));
    let requests = requests.lock().unwrap().join("\n");
    assert!(requests.contains("x-forwarded-for: 192.0.2.7, 127.0.0.1\r\n"), "{requests}");
    assert!(requests.contains("x-forwarded-proto: https\r\n") && !requests.contains("6.6.6.6"), "{requests}");
    Ok(())
}

#[tokio::test]
async fn tool_with_too_many_visits_is_busy_and_another_tool_serves() -> Result<()> {
    let slow = start_instance(|mut wire| async move {
        if wire.read_until("\r\n\r\n").await.contains("/slow") {
            wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nwait\r\n").await;
            std::future::pending::<()>().await;
        }
        wire.send(OK_RESPONSE).await;
    })
    .await;
    let (other, _) = start_answering_instance(OK_RESPONSE).await;
    let routes = vec![
        build_route("slow", RouteState::Ready, &[slow]),
        build_route("other", RouteState::Ready, &[other]),
    ];
    let fixture = EdgeFixture::start_with(routes, "[edge]\nvisits_per_tool = 2", true).await?;
    fixture.wait_for_page("slow").await?;
    let mut visitors = Vec::new();
    for _ in 0..2 {
        let mut visitor = fixture.connect_visitor().await;
        visitor.send("GET /slow HTTP/1.1\r\nhost: slow.localhost\r\n\r\n").await;
        visitor.read_until("wait").await;
        visitors.push(visitor);
    }
    let busy = fixture.get("slow", "").await;
    assert!(busy.starts_with("HTTP/1.1 503") && busy.contains("page-busy"), "{busy}");
    assert!(busy.contains("retry-after: 5"), "{busy}");
    assert!(fixture.get("other", "").await.ends_with("\r\n\r\nhi"));
    drop(visitors);
    hearth_testkit::wait_until("the visits have ended", async || {
        Ok(fixture.get("slow", "").await.starts_with("HTTP/1.1 200").then_some(()))
    })
    .await
}
