//! Visitors and instances that misbehave.

use hearth_base::Result;

use crate::rig::{Rig, answering, hello, instance};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

#[tokio::test]
async fn what_could_be_two_requests_reaches_no_tool() -> Result<()> {
    let (target, asked) = answering(OK).await;
    let rig = Rig::start(hello(target)).await?;
    rig.knows("hello").await?;
    asked.lock().unwrap().clear();
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
        let answer = rig.say(&request.replacen("\r\n\r\n", "\r\nconnection: close\r\n\r\n", 1)).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{request:?}: {answer}");
    }
    assert_eq!(*asked.lock().unwrap(), Vec::<String>::new());
    Ok(())
}

/// RFC 9112, section 6.3: the length is overridden, and nothing of it may be passed on.
#[tokio::test]
async fn a_request_with_two_lengths_reaches_the_tool_as_one_with_one() -> Result<()> {
    let (target, asked) = answering(OK).await;
    let rig = Rig::start(hello(target)).await?;
    rig.knows("hello").await?;
    for lengths in [
        "content-length: 4\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 4\r\n",
    ] {
        asked.lock().unwrap().clear();
        let within = "GET /smuggled HTTP/1.1\r\nhost: hello.localhost\r\n\r\n";
        let head = format!("POST / HTTP/1.1\r\nhost: hello.localhost\r\nconnection: close\r\n{lengths}");
        rig.say(&format!("{head}\r\n0\r\n\r\n{within}")).await;
        let asked = asked.lock().unwrap();
        assert_eq!(asked.len(), 1, "{asked:?}");
        assert!(asked[0].starts_with("POST / ") && !asked[0].contains("content-length"), "{asked:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() -> Result<()> {
    let (target, _) = answering(OK).await;
    let rig = Rig::start(hello(target)).await?;
    rig.knows("hello").await?;
    let answer = rig.get("hello", &format!("x-long: {}\r\n", "x".repeat(256 << 10))).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn a_tool_that_closes_before_its_answer_is_a_bad_gateway() -> Result<()> {
    let target = instance(|mut wire| async move {
        wire.until("\r\n\r\n").await;
    })
    .await;
    let rig = Rig::start(hello(target)).await?;
    rig.knows("hello").await?;
    let answer = rig.get("hello", "").await;
    assert!(answer.starts_with("HTTP/1.1 502") && answer.contains("page-no-answer"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn an_answer_that_is_no_http_is_a_bad_gateway() -> Result<()> {
    for odd in ["SSH-2.0-x\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcde"] {
        let target = instance(move |mut wire| async move {
            wire.until("\r\n\r\n").await;
            wire.send(odd).await;
        })
        .await;
        let rig = Rig::start(hello(target)).await?;
        rig.knows("hello").await?;
        assert!(rig.get("hello", "").await.starts_with("HTTP/1.1 502"), "{odd}");
    }
    Ok(())
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_seen_as_broken() -> Result<()> {
    let target = instance(|mut wire| async move {
        wire.until("\r\n\r\n").await;
        wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n").await;
    })
    .await;
    let rig = Rig::start(hello(target)).await?;
    rig.knows("hello").await?;
    let answer = rig.get("hello", "").await;
    assert!(answer.starts_with("HTTP/1.1 200") && !answer.ends_with("0\r\n\r\n"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn a_change_of_protocol_that_nobody_asked_for_is_a_bad_gateway() -> Result<()> {
    let (target, _) =
        answering("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n").await;
    let rig = Rig::start(hello(target)).await?;
    rig.knows("hello").await?;
    assert!(rig.get("hello", "").await.starts_with("HTTP/1.1 502"));
    Ok(())
}

#[tokio::test]
async fn a_tool_that_does_not_begin_to_answer_is_a_gateway_timeout() -> Result<()> {
    let target = instance(|mut wire| async move {
        wire.until("\r\n\r\n").await;
        std::future::pending::<()>().await;
    })
    .await;
    let rig = Rig::start_with(hello(target), "[edge]\nanswer_timeout = 1", true).await?;
    rig.knows("hello").await?;
    let answer = rig.get("hello", "").await;
    assert!(answer.starts_with("HTTP/1.1 504") && answer.contains("page-slow"), "{answer}");
    Ok(())
}

#[tokio::test]
async fn a_visitor_who_sends_slowly_is_waited_for() -> Result<()> {
    let target = instance(|mut wire| async move {
        if wire.until("\r\n\r\n").await.starts_with("POST") {
            wire.until("12345678").await;
        }
        wire.send(OK).await;
    })
    .await;
    let rig = Rig::start_with(hello(target), "[edge]\nanswer_timeout = 1", true).await?;
    rig.knows("hello").await?;
    let mut visitor = rig.visitor().await;
    visitor
        .send("POST / HTTP/1.1\r\nhost: hello.localhost\r\ncontent-length: 8\r\nconnection: close\r\n\r\n")
        .await;
    // Longer in all than the tool may be silent, and never so long at once.
    let mut pace = tokio::time::interval(std::time::Duration::from_millis(250));
    for piece in ["1", "2", "3", "4", "5", "6", "7", "8"] {
        pace.tick().await;
        visitor.send(piece).await;
    }
    assert!(visitor.rest().await.ends_with("\r\n\r\nhi"));
    Ok(())
}
