//! What the proxy lets through, and what it does not.

use std::net::SocketAddr;

use hearth_base::Result;
use hearth_builder::serve_proxy;
use hearth_kit::outbound::{Exception, Mirrors, Outbound};
use hearth_testkit::GitServer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// A proxy with these exceptions, and a server behind it that must not be reached without one.
struct WayOut {
    proxy: SocketAddr,
    server: SocketAddr,
    _tasks: JoinSet<()>,
}

fn outbound_to(exceptions: &[Exception]) -> Outbound {
    Outbound::new(exceptions, &Mirrors::default())
}

async fn way_out(allow: impl Fn(SocketAddr) -> Vec<String>) -> WayOut {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = server.local_addr().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap();
    let exceptions: Vec<_> = allow(place).iter().map(|text| text.parse().unwrap()).collect();
    let mut tasks = JoinSet::new();
    tasks.spawn(serve_proxy(listener, outbound_to(&exceptions)));
    tasks.spawn(async move {
        // Answers what it was asked, line by line, and closes.
        while let Ok((mut stream, _)) = server.accept().await {
            let mut asked = vec![0; 4096];
            let length = stream.read(&mut asked).await.unwrap();
            let asked = &asked[..length];
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            stream.write_all(&[head.as_bytes(), asked].concat()).await.unwrap();
        }
    });
    WayOut { proxy, server: place, _tasks: tasks }
}

impl WayOut {
    /// Sends text, and reads until the other side closes.
    async fn say(&self, text: &str) -> String {
        let mut stream = TcpStream::connect(self.proxy).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A connection that is cut off is an answer as well.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn connect(&self, target: &str) -> String {
        self.say(&format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nConnection: close\r\n\r\n")).await
    }

    async fn get(&self, address: &str) -> String {
        self.say(&format!("GET {address} HTTP/1.1\r\nHost: elsewhere\r\nConnection: close\r\n\r\n")).await
    }
}

#[tokio::test]
async fn private_places_are_not_reached_however_they_are_named() {
    let out = way_out(|_| Vec::new()).await;
    let port = out.server.port();
    for host in [
        "127.0.0.1",
        "localhost",
        "localhost.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "10.0.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "[::]",
        "[fe80::1]",
        "[fd00::1]",
        "0x7f000001",
        "2130706433",
        "127.1",
    ] {
        let tunnelled = out.connect(&format!("{host}:{port}")).await;
        assert!(!tunnelled.starts_with("HTTP/1.1 2"), "{host}: {tunnelled}");
        let forwarded = out.get(&format!("http://{host}:{port}/")).await;
        assert!(!forwarded.starts_with("HTTP/1.1 2"), "{host}: {forwarded}");
    }
}

#[tokio::test]
async fn a_refusal_says_what_and_who_can_change_it() {
    let out = way_out(|_| Vec::new()).await;
    let refused = out.connect(&format!("localhost:{}", out.server.port())).await;
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    assert!(refused.contains("localhost is at a private address") && refused.contains("[outbound] allow"));
}

#[tokio::test]
async fn ports_of_other_services_are_not_reached() {
    let out = way_out(|_| Vec::new()).await;
    for port in [0, 22, 25, 53, 465, 587] {
        let refused = out.connect(&format!("1.1.1.1:{port}")).await;
        assert!(
            refused.starts_with("HTTP/1.1 403") && refused.contains("is not reached"),
            "{port}: {refused}"
        );
    }
}

#[tokio::test]
async fn what_is_no_address_is_refused() {
    let out = way_out(|place| vec![place.to_string()]).await;
    let place = out.server;
    for target in ["nowhere", "a b:80", &format!("user@{place}")] {
        assert!(!out.connect(target).await.starts_with("HTTP/1.1 2"), "{target}");
    }
    for address in ["/", "*", "https://1.1.1.1/", "ftp://1.1.1.1/", &format!("http://user:secret@{place}/")] {
        assert!(out.get(address).await.starts_with("HTTP/1.1 4"), "{address}");
    }
}

#[tokio::test]
async fn an_exception_is_for_that_place_only() {
    let out = way_out(|place| vec![place.to_string()]).await;
    let answer = out.get(&format!("http://{}/a?b=c", out.server)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert!(out.get(&format!("http://{other}/")).await.starts_with("HTTP/1.1 403"));
}

#[tokio::test]
async fn what_is_about_the_connection_stays_here_and_the_host_is_the_real_one() {
    let out = way_out(|place| vec![place.to_string()]).await;
    let answer = out
        .say(&format!(
            "GET http://{}/a?b=c HTTP/1.1\r\nHost: elsewhere\r\nProxy-Authorization: Basic eDp5\r\nX-Mine: 1\r\n\
             X-Hop: 2\r\nConnection: close, x-hop\r\n\r\n",
            out.server
        ))
        .await
        .to_lowercase();
    assert!(answer.contains("get /a?b=c http/1.1") && answer.contains("x-mine: 1"), "{answer}");
    assert!(answer.contains(&format!("host: {}", out.server)), "{answer}");
    for gone in ["proxy-authorization", "x-hop", "elsewhere"] {
        assert!(!answer.contains(gone), "{gone}: {answer}");
    }
}

#[tokio::test]
async fn a_tunnel_carries_both_ways_and_ends_with_either_side() {
    let out = way_out(|place| vec![place.to_string()]).await;
    let mut stream = TcpStream::connect(out.proxy).await.unwrap();
    let place = out.server;
    stream.write_all(format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n").as_bytes()).await.unwrap();
    let mut head = vec![0; 1024];
    let length = stream.read(&mut head).await.unwrap();
    assert!(head[..length].starts_with(b"HTTP/1.1 200"));
    stream.write_all(b"anything at all").await.unwrap();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.unwrap();
    assert!(rest.ends_with("anything at all"), "{rest}");
}

#[tokio::test]
async fn git_fetches_through_it_and_a_redirect_gets_it_nowhere() -> Result<()> {
    let git = GitServer::start().await?;
    let commit = git.commit("hello", &[("a", "b")])?;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let mut tasks = JoinSet::new();
    tasks.spawn(serve_proxy(listener, outbound_to(&[git.place().parse()?])));
    let fetch = async |url: String| {
        let folder = tempfile::tempdir().unwrap();
        let ran = tokio::process::Command::new("git")
            .args(["clone", "--quiet", "--depth", "1", "--", &url, "into"])
            .current_dir(folder.path())
            .env("http_proxy", &proxy)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .await
            .unwrap();
        (ran.status.success(), String::from_utf8_lossy(&ran.stderr).into_owned())
    };
    let (well, said) = fetch(git.url("hello")).await;
    assert!(well, "{commit}: {said}");
    let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
    git.redirect(&format!("http://{}/hello", inner.local_addr().unwrap()));
    let (well, said) = fetch(git.url("hello")).await;
    assert!(!well && said.contains("403"), "{said}");
    Ok(())
}
