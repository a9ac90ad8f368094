//! Invalid requests of clients, and invalid, slow and missing responses of instances.

use hearth_base::Result;

use crate::fixture::{EdgeFixture, build_hello_route, start_answering_instance, start_instance};

const OK_RESPONSE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

#[tokio::test]
async fn request_with_ambiguous_framing_reaches_no_tool() -> Result<()> {
    let (target, requests) = start_answering_instance(OK_RESPONSE).await;
    let fixture = EdgeFixture::start(build_hello_route(target)).await?;
    fixture.wait_for_page("hello").await?;
    requests.lock().unwrap().clear();
    let host = "host: hello.localhost\r\n";
    for request in [
        format!("POST / HTTP/1.1\r\n{host}content-length: 4\r\ncontent-length: 5\r\n\r\nbody!"),
        format!("POST / HTTP/1.1\r\n{host}content-length: 4, 4\r\n\r\nbody"),
        format!("POST / HTTP/1.1\r\n{host}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        format!("POST / HTTP/1.1\r\n{host}content-length: +4\r\n\r\nbody"),
        "GET / HTTP/1.1\r\nhost: hello.localhost\r\nhost: other.localhost\r\n\r\n".to_owned(),
        "GET http://hello.localhost/ HTTP/1.1\r\nhost: other.localhost\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.1\r\n{host}x: a\rb\r\n\r\n"),
        format!("GET / HTTP/1.1\r\n{host} folded: x\r\n\r\n"),
    ] {
        let answer =
            fixture.send_bytes(&request.replacen("\r\n\r\n", "\r\nconnection: close\r\n\r\n", 1)).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{request:?}: {answer}");
    }
    assert_eq!(*requests.lock().unwrap(), Vec::<String>::new());
    Ok(())
}

/// RFC 9112, section 6.3: `Transfer-Encoding` overrides the length, which must not be forwarded.
#[tokio::test]
async fn transfer_encoding_overrides_content_length() -> Result<()> {
    let (target, requests) = start_answering_instance(OK_RESPONSE).await;
    let fixture = EdgeFixture::start(build_hello_route(target)).await?;
    fixture.wait_for_page("hello").await?;
    for lengths in [
        "content-length: 4\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n",
    ] {
        requests.lock().unwrap().clear();
        let smuggled = "GET /smuggled HTTP/1.1\r\nhost: hello.localhost\r\n\r\n";
        let head = format!("POST / HTTP/1.1\r\nhost: hello.localhost\r\nconnection: close\r\n{lengths}");
        fixture.send_bytes(&format!("{head}\r\n0\r\n\r\n{smuggled}")).await;
        let requests = requests.lock().unwrap();
        assert_eq!(requests.len(), 1, "{requests:?}");
        assert!(
            requests[0].starts_with("POST / ") && !requests[0].contains("content-length"),
            "{requests:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn oversized_request_head_is_refused() -> Result<()> {
    let (target, _) = start_answering_instance(OK_RESPONSE).await;
    let fixture = EdgeFixture::start(build_hello_route(target)).await?;
    fixture.wait_for_page("hello").await?;
    let answer = fixture.get("hello", &format!("x-long: {}\r\n", "x".repeat(256 << 10))).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn connection_closed_before_the_response_is_a_bad_gateway() -> Result<()> {
    let target = start_instance(|mut wire| async move {
        wire.read_until("\r\n\r\n").await;
    })
    .await;
    let fixture = EdgeFixture::start(build_hello_route(target)).await?;
    fixture.wait_for_page("hello").await?;
    let answer = fixture.get("hello", "").await;
    assert!(answer.starts_with("HTTP/1.1 502") && answer.contains("page-no-answer"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn invalid_http_response_is_a_bad_gateway() -> Result<()> {
    for odd in ["SSH-2.0-x\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcde"] {
        let target = start_instance(move |mut wire| async move {
            wire.read_until("\r\n\r\n").await;
            wire.send(odd).await;
        })
        .await;
        let fixture = EdgeFixture::start(build_hello_route(target)).await?;
        fixture.wait_for_page("hello").await?;
        assert!(fixture.get("hello", "").await.starts_with("HTTP/1.1 502"), "{odd}");
    }
    Ok(())
}

#[tokio::test]
async fn broken_response_ends_without_a_final_chunk() -> Result<()> {
    let target = start_instance(|mut wire| async move {
        wire.read_until("\r\n\r\n").await;
        wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n").await;
    })
    .await;
    let fixture = EdgeFixture::start(build_hello_route(target)).await?;
    fixture.wait_for_page("hello").await?;
    let answer = fixture.get("hello", "").await;
    assert!(answer.starts_with("HTTP/1.1 200") && !answer.ends_with("0\r\n\r\n"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn unrequested_protocol_switch_is_a_bad_gateway() -> Result<()> {
    let (target, _) = start_answering_instance(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
    )
    .await;
    let fixture = EdgeFixture::start(build_hello_route(target)).await?;
    fixture.wait_for_page("hello").await?;
    assert!(fixture.get("hello", "").await.starts_with("HTTP/1.1 502"));
    Ok(())
}

#[tokio::test]
async fn silent_tool_is_a_gateway_timeout() -> Result<()> {
    let target = start_instance(|mut wire| async move {
        wire.read_until("\r\n\r\n").await;
        std::future::pending::<()>().await;
    })
    .await;
    let fixture =
        EdgeFixture::start_with(build_hello_route(target), "[edge]\nanswer_timeout = 1", true).await?;
    fixture.wait_for_page("hello").await?;
    let answer = fixture.get("hello", "").await;
    assert!(answer.starts_with("HTTP/1.1 504") && answer.contains("page-slow"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn slow_upload_restarts_the_answer_timeout() -> Result<()> {
    let target = start_instance(|mut wire| async move {
        if wire.read_until("\r\n\r\n").await.starts_with("POST") {
            wire.read_until("12345678").await;
        }
        wire.send(OK_RESPONSE).await;
    })
    .await;
    let fixture =
        EdgeFixture::start_with(build_hello_route(target), "[edge]\nanswer_timeout = 1", true).await?;
    fixture.wait_for_page("hello").await?;
    let mut visitor = fixture.connect_visitor().await;
    visitor
        .send("POST / HTTP/1.1\r\nhost: hello.localhost\r\ncontent-length: 8\r\nconnection: close\r\n\r\n")
        .await;
    // The upload takes longer than the answer timeout; each pause is shorter.
    let mut pace = tokio::time::interval(std::time::Duration::from_millis(250));
    for piece in ["1", "2", "3", "4", "5", "6", "7", "8"] {
        pace.tick().await;
        visitor.send(piece).await;
    }
    assert!(visitor.read_to_end().await.ends_with("\r\n\r\nhi"));
    Ok(())
}

/// The tool waits for the rest of the body; it is the visitor who is late.
#[tokio::test]
async fn slow_request_body_is_answered_as_a_timeout_of_the_request() -> Result<()> {
    let target = start_instance(|mut wire| async move {
        let head = wire.read_until("\r\n\r\n").await;
        match head.starts_with("GET") {
            true => wire.send(OK_RESPONSE).await,
            false => drop(wire.read_to_end().await),
        }
    })
    .await;
    for settings in ["[door]\nstall_timeout = 1\n", "[edge]\nanswer_timeout = 1\n"] {
        let fixture = EdgeFixture::start_with(build_hello_route(target), settings, true).await?;
        fixture.wait_for_page("hello").await?;
        let mut visitor = fixture.connect_visitor().await;
        visitor.send("POST / HTTP/1.1\r\nhost: hello.localhost\r\ncontent-length: 100\r\n\r\na").await;
        let answer = visitor.read_until("connection.\n").await;
        assert!(answer.starts_with("HTTP/1.1 408"), "{settings}: {answer}");
        assert!(answer.contains("did not arrive in time. [body-slow]"), "{settings}: {answer}");
    }
    Ok(())
}
