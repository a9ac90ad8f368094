//! One address holds many connections or sends many requests; the door answers it and all others.

use std::net::SocketAddr;

use hearth_base::{Error, Result};
use hearth_testkit::{Hearth, HearthShape};
use http::{Method, StatusCode, header};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

/// Idle connections that one address opens: more than its limit.
const IDLE_CONNECTIONS: usize = 300;

fn door_address(hearth: &Hearth) -> Result<SocketAddr> {
    hearth.url().trim_start_matches("http://").parse().map_err(Error::internal)
}

/// Requests the health of the gateway from an address of the loopback interface.
async fn fetch_health(door: SocketAddr, source: &str) -> std::io::Result<String> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(source.parse().map_err(std::io::Error::other)?, 0))?;
    let mut connection = socket.connect(door).await?;
    connection
        .write_all(b"GET /gateway/v1/healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn door_answers_while_one_address_holds_hundreds_of_idle_connections() -> Result<()> {
    let hearth =
        Hearth::start_with(HearthShape::TOGETHER_ON_FILES, "[door]\nconnections_per_address = 100\n").await?;
    let door = door_address(&hearth)?;
    let mut idle = Vec::new();
    for number in 0..IDLE_CONNECTIONS {
        let mut connection = TcpStream::connect(door).await.map_err(Error::internal)?;
        // Some send the beginning of a head.
        if number % 2 == 0 {
            connection.write_all(b"GET / HTTP/1.1\r\nhost: loc").await.map_err(Error::internal)?;
        }
        idle.push(connection);
    }
    for source in ["127.0.0.1", "127.0.0.2"] {
        let answer = fetch_health(door, source).await.map_err(Error::internal)?;
        assert!(answer.starts_with("HTTP/1.1 200"), "{source}: {answer}");
    }
    drop(idle);
    hearth.stop().await
}

#[tokio::test]
async fn caller_beyond_its_rate_is_refused_and_others_are_not() -> Result<()> {
    let settings = "[gateway]\ncaller_requests = 30\naddress_requests = 30\n";
    let hearth = Hearth::start_with(HearthShape::TOGETHER_ON_FILES, settings).await?;
    let operator = hearth.operator().await?;
    let ann = hearth.invite_person(&operator, "ann").await?;
    let token = hearth.client_with_token(&operator.create_token(&[]).await?)?;
    let anonymous = hearth.anonymous()?;
    for (client, name) in [(&anonymous, "address"), (&token, "caller")] {
        let mut refused = None;
        for _ in 0..60 {
            let reply = client.build_call(Method::GET, "/tools/v1/tools").send_raw().await?;
            let policy = reply.headers().get("ratelimit-policy").and_then(|value| value.to_str().ok());
            assert_eq!(policy, Some(format!("\"{name}\";q=30;w=60").as_str()));
            if reply.status() == StatusCode::TOO_MANY_REQUESTS {
                refused = Some(reply);
                break;
            }
        }
        let refused = refused.ok_or_else(|| Error::internal("no request exceeded the rate"))?;
        let limit = refused.headers()["ratelimit"].to_str().unwrap();
        assert!(limit.starts_with(&format!("\"{name}\";r=0;t=")), "{limit}");
        let pause: u64 = refused.headers()[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&pause), "{pause}");
    }
    // Another caller at the same address has a bucket of its own.
    let reply = ann.client.build_call(Method::GET, "/tools/v1/tools").send_raw().await?;
    assert_eq!(reply.status(), StatusCode::OK);
    hearth.stop().await
}
