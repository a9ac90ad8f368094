//! Forwarding between a visitor and an instance.

use hearth_base::Result;
use hearth_wire::jobs::internal::RouteState;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::fixture::{
    EdgeFixture, build_hello_route, build_route, reserve_closed_port, start_answering_instance,
    start_instance,
};

const OK_RESPONSE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

#[tokio::test]
async fn visit_reaches_the_tool_without_hearths_headers() -> Result<()> {
    let (target, requests) =
        start_answering_instance("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nset-cookie: hearth_session=evil\r\nset-cookie: a=1\r\nx-hearth-code: evil\r\n\r\nhi").await;
    let fixture = EdgeFixture::start(build_hello_route(target)).await?;
    fixture.wait_for_page("hello").await?;
    requests.lock().unwrap().clear();
    let lines = "cookie: hearth_session=s3cret; a=1\r\nx-hearth-identity: forged\r\nx-hearth-mandate: forged\r\n\
        authorization: Bearer hearth_token_s3cret\r\nx-forwarded-for: 6.6.6.6\r\nforwarded: for=6.6.6.6\r\n\
        x-real-ip: 6.6.6.6\r\n";
    let answer = fixture.get("hello", lines).await;
    assert!(answer.ends_with("\r\n\r\nhi"), "{answer}");
    assert!(answer.contains("set-cookie: a=1") && !answer.contains("evil"), "{answer}");
    let requests = requests.lock().unwrap().join("\n");
    assert!(requests.starts_with("GET / HTTP/1.1\r\n"), "{requests}");
    for there in [
        "host: hello.localhost\r\n",
        "cookie: a=1\r\n",
        "x-forwarded-for: 127.0.0.1\r\n",
        "x-forwarded-proto: http\r\n",
        "x-forwarded-host: hello.localhost\r\n",
        "forwarded: for=127.0.0.1;host=\"hello.localhost\";proto=http\r\n",
    ] {
        assert!(requests.contains(there), "{there} is not in {requests}");
    }
    for not in ["s3cret", "forged", "6.6.6.6", "x-hearth"] {
        assert!(!requests.contains(not), "{not} is in {requests}");
    }
    Ok(())
}

#[tokio::test]
async fn request_and_response_are_streamed() -> Result<()> {
    // Echoes each chunk.
    let target = start_instance(|mut wire| async move {
        if !wire.read_until("\r\n\r\n").await.starts_with("POST") {
            return wire.send(OK_RESPONSE).await;
        }
        wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        loop {
            let size = wire.read_until("\r\n").await;
            let size = usize::from_str_radix(size.trim(), 16).unwrap();
            let mut piece = vec![0; size + 2];
            wire.0.read_exact(&mut piece).await.unwrap();
            wire.send(&format!("{size:x}\r\n")).await;
            wire.0.write_all(&piece).await.unwrap();
            if size == 0 {
                return;
            }
        }
    })
    .await;
    let fixture = EdgeFixture::start(build_hello_route(target)).await?;
    fixture.wait_for_page("hello").await?;
    let mut visitor = fixture.connect_visitor().await;
    visitor.send("POST / HTTP/1.1\r\nhost: hello.localhost\r\ntransfer-encoding: chunked\r\n\r\n").await;
    let head = visitor.read_until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    for piece in ["one", "three", "seven"] {
        visitor.send(&format!("{:x}\r\n{piece}\r\n", piece.len())).await;
        // The echo of this chunk arrives before the next is sent.
        assert!(visitor.read_until(piece).await.ends_with(piece));
    }
    visitor.send("0\r\n\r\n").await;
    visitor.read_until("0\r\n\r\n").await;
    Ok(())
}

#[tokio::test]
async fn slow_reader_causes_backpressure_to_the_tool() -> Result<()> {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    const TOTAL_BYTES: usize = 512 << 20;
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = sent.clone();
    let target = start_instance(move |mut wire| {
        let counted = counted.clone();
        async move {
            wire.read_until("\r\n\r\n").await;
            wire.send(&format!("HTTP/1.1 200 OK\r\ncontent-length: {TOTAL_BYTES}\r\n\r\n")).await;
            let piece = vec![b'x'; 1 << 16];
            while wire.0.write_all(&piece).await.is_ok() {
                counted.fetch_add(piece.len(), Ordering::Relaxed);
            }
        }
    })
    .await;
    let fixture = EdgeFixture::start(build_hello_route(target)).await?;
    let mut visitor = fixture.connect_visitor().await;
    hearth_testkit::wait_until("the page is served", async || {
        let answer =
            fixture.send_bytes("HEAD / HTTP/1.1\r\nhost: hello.localhost\r\nconnection: close\r\n\r\n").await;
        Ok(answer.contains("200 OK").then_some(()))
    })
    .await?;
    sent.store(0, Ordering::Relaxed);
    visitor.send("GET / HTTP/1.1\r\nhost: hello.localhost\r\n\r\n").await;
    visitor.read_until("\r\n\r\n").await;
    let mut read = vec![0; 4 << 20];
    visitor.0.read_exact(&mut read).await.unwrap();
    assert!(sent.load(Ordering::Relaxed) < 64 << 20, "{} bytes were taken in", sent.load(Ordering::Relaxed));
    Ok(())
}

#[tokio::test]
async fn protocol_switch_becomes_a_bidirectional_stream() -> Result<()> {
    let target = start_instance(|mut wire| async move {
        let requests = wire.read_until("\r\n\r\n").await;
        if !requests.contains("upgrade: websocket") {
            wire.send(OK_RESPONSE).await;
            return;
        }
        wire.send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: x\r\n\r\n").await;
        let message = wire.read_until("!").await;
        wire.send(&message.to_uppercase()).await;
    })
    .await;
    let fixture = EdgeFixture::start(build_hello_route(target)).await?;
    fixture.wait_for_page("hello").await?;
    let mut visitor = fixture.connect_visitor().await;
    visitor
        .send(
            "GET /ws HTTP/1.1\r\nhost: hello.localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n",
        )
        .await;
    let head = visitor.read_until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101") && head.contains("sec-websocket-accept: x"), "{head}");
    visitor.send("hello!").await;
    assert_eq!(visitor.read_to_end().await, "HELLO!");
    Ok(())
}

#[tokio::test]
async fn expect_continue_is_answered_before_the_body() -> Result<()> {
    let target = start_instance(|mut wire| async move {
        let head = wire.read_until("\r\n\r\n").await;
        assert!(!head.contains("expect"), "{head}");
        if head.starts_with("POST") {
            assert_eq!(wire.read_until("body").await, "body");
        }
        wire.send(OK_RESPONSE).await;
    })
    .await;
    let fixture = EdgeFixture::start(build_hello_route(target)).await?;
    fixture.wait_for_page("hello").await?;
    let mut visitor = fixture.connect_visitor().await;
    visitor.send("POST / HTTP/1.1\r\nhost: hello.localhost\r\nexpect: 100-continue\r\ncontent-length: 4\r\nconnection: close\r\n\r\n").await;
    assert_eq!(visitor.read_until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    visitor.send("body").await;
    assert!(visitor.read_to_end().await.ends_with("\r\n\r\nhi"));
    Ok(())
}

#[tokio::test]
async fn trailers_head_ranges_and_http_1_0_are_forwarded() -> Result<()> {
    let target = start_instance(|mut wire| async move {
        let head = wire.read_until("\r\n\r\n").await;
        let answer = if head.contains("range: bytes=1-2") {
            "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 1-2/4\r\ncontent-length: 2\r\n\r\nbc"
        } else if head.starts_with("HEAD") {
            "HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n"
        } else {
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nhi\r\n0\r\nx-sum: 7\r\n\r\n"
        };
        wire.send(answer).await;
    })
    .await;
    let fixture = EdgeFixture::start(build_hello_route(target)).await?;
    fixture.wait_for_page("hello").await?;
    let answer = fixture.get("hello", "te: trailers\r\n").await;
    assert!(answer.contains("x-sum: 7"), "{answer}");
    let answer = fixture.get("hello", "range: bytes=1-2\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 206") && answer.ends_with("bc"), "{answer}");
    let answer =
        fixture.send_bytes("HEAD / HTTP/1.1\r\nhost: hello.localhost\r\nconnection: close\r\n\r\n").await;
    assert!(answer.contains("content-length: 1234") && answer.ends_with("\r\n\r\n"), "{answer}");
    let answer = fixture.send_bytes("GET / HTTP/1.0\r\nhost: hello.localhost\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200") && answer.ends_with("\r\n\r\nhi"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn another_instance_is_tried_when_the_first_refuses_the_connection() -> Result<()> {
    let (good, requests) = start_answering_instance(OK_RESPONSE).await;
    let fixture = EdgeFixture::start(vec![build_route(
        "hello",
        RouteState::Ready,
        &[reserve_closed_port().await, good],
    )])
    .await?;
    fixture.wait_for_page("hello").await?;
    let before = requests.lock().unwrap().len();
    for _ in 0..4 {
        let answer = fixture
            .send_bytes("POST / HTTP/1.1\r\nhost: hello.localhost\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbody")
            .await;
        assert!(answer.ends_with("\r\n\r\nhi"), "{answer}");
    }
    assert_eq!(requests.lock().unwrap().len() - before, 4);
    Ok(())
}

#[tokio::test]
async fn sent_request_is_not_retried() -> Result<()> {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let closing = move |mut wire: crate::fixture::TestConnection| {
        let counted = counted.clone();
        async move {
            if wire.read_until("\r\n\r\n").await.starts_with("POST") {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    let (one, two) = (start_instance(closing.clone()).await, start_instance(closing).await);
    let fixture = EdgeFixture::start(vec![build_route("hello", RouteState::Ready, &[one, two])]).await?;
    fixture.wait_for_page("hello").await?;
    let answer = fixture
        .send_bytes(
            "POST / HTTP/1.1\r\nhost: hello.localhost\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbody",
        )
        .await;
    assert!(answer.starts_with("HTTP/1.1 502"), "{answer}");
    assert_eq!(count.load(Ordering::Relaxed), 1);
    Ok(())
}
