//! Tests of the outbound proxy.

use std::net::SocketAddr;

use hearth_base::Result;
use hearth_builder::serve_proxy;
use hearth_kit::outbound::{Mirrors, OutboundClient, OutboundException};
use hearth_testkit::GitServer;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// A proxy with these exceptions, and a server that is reachable only by an exception.
struct ProxyFixture {
    proxy: SocketAddr,
    server: SocketAddr,
    _tasks: JoinSet<()>,
}

fn outbound_to(exceptions: &[OutboundException]) -> OutboundClient {
    OutboundClient::new(exceptions, &Mirrors::default())
}

async fn start_proxy(allow: impl Fn(SocketAddr) -> Vec<String>) -> ProxyFixture {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = server.local_addr().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap();
    let exceptions: Vec<_> = allow(place).iter().map(|text| text.parse().unwrap()).collect();
    let mut tasks = JoinSet::new();
    tasks.spawn(serve_proxy(listener, outbound_to(&exceptions)));
    tasks.spawn(async move {
        // Echoes the request, and closes the connection.
        while let Ok((mut stream, _)) = server.accept().await {
            let mut received = vec![0; 4096];
            let length = stream.read(&mut received).await.unwrap();
            let received = &received[..length];
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            stream.write_all(&[head.as_bytes(), received].concat()).await.unwrap();
        }
    });
    ProxyFixture { proxy, server: place, _tasks: tasks }
}

impl ProxyFixture {
    /// Sends text, and reads until the other side closes.
    async fn send_text(&self, text: &str) -> String {
        let mut stream = TcpStream::connect(self.proxy).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A closed connection is a response too.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    async fn connect(&self, target: &str) -> String {
        self.send_text(&format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nConnection: close\r\n\r\n"))
            .await
    }

    async fn get(&self, address: &str) -> String {
        self.send_text(&format!("GET {address} HTTP/1.1\r\nHost: elsewhere\r\nConnection: close\r\n\r\n"))
            .await
    }
}

#[tokio::test]
async fn private_addresses_are_refused_in_each_notation() {
    let proxy_fixture = start_proxy(|_| Vec::new()).await;
    let port = proxy_fixture.server.port();
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
        let tunnelled = proxy_fixture.connect(&format!("{host}:{port}")).await;
        assert!(!tunnelled.starts_with("HTTP/1.1 2"), "{host}: {tunnelled}");
        let forwarded = proxy_fixture.get(&format!("http://{host}:{port}/")).await;
        assert!(!forwarded.starts_with("HTTP/1.1 2"), "{host}: {forwarded}");
    }
}

#[tokio::test]
async fn refusal_names_the_address_and_the_setting() {
    let proxy_fixture = start_proxy(|_| Vec::new()).await;
    let refused = proxy_fixture.connect(&format!("localhost:{}", proxy_fixture.server.port())).await;
    assert!(refused.starts_with("HTTP/1.1 403"), "{refused}");
    assert!(refused.contains("localhost has a private address") && refused.contains("[outbound] allow"));
}

#[tokio::test]
async fn reserved_ports_are_refused() {
    let proxy_fixture = start_proxy(|_| Vec::new()).await;
    for port in [0, 22, 25, 53, 465, 587] {
        let refused = proxy_fixture.connect(&format!("1.1.1.1:{port}")).await;
        assert!(
            refused.starts_with("HTTP/1.1 403") && refused.contains("is not allowed"),
            "{port}: {refused}"
        );
    }
}

#[tokio::test]
async fn invalid_targets_are_refused() {
    let proxy_fixture = start_proxy(|place| vec![place.to_string()]).await;
    let place = proxy_fixture.server;
    for target in ["nowhere", "a b:80", &format!("user@{place}")] {
        assert!(!proxy_fixture.connect(target).await.starts_with("HTTP/1.1 2"), "{target}");
    }
    for address in ["/", "*", "https://1.1.1.1/", "ftp://1.1.1.1/", &format!("http://user:secret@{place}/")] {
        assert!(proxy_fixture.get(address).await.starts_with("HTTP/1.1 4"), "{address}");
    }
}

#[tokio::test]
async fn exception_allows_only_its_address() {
    let proxy_fixture = start_proxy(|place| vec![place.to_string()]).await;
    let answer = proxy_fixture.get(&format!("http://{}/a?b=c", proxy_fixture.server)).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert!(proxy_fixture.get(&format!("http://{other}/")).await.starts_with("HTTP/1.1 403"));
}

#[tokio::test]
async fn hop_by_hop_headers_are_removed_and_host_is_replaced() {
    let proxy_fixture = start_proxy(|place| vec![place.to_string()]).await;
    let answer = proxy_fixture
        .send_text(&format!(
            "GET http://{}/a?b=c HTTP/1.1\r\nHost: elsewhere\r\nProxy-Authorization: Basic eDp5\r\nX-Mine: 1\r\n\
             X-Hop: 2\r\nConnection: close, x-hop\r\n\r\n",
            proxy_fixture.server
        ))
        .await
        .to_lowercase();
    assert!(answer.contains("get /a?b=c http/1.1") && answer.contains("x-mine: 1"), "{answer}");
    assert!(answer.contains(&format!("host: {}", proxy_fixture.server)), "{answer}");
    for gone in ["proxy-authorization", "x-hop", "elsewhere"] {
        assert!(!answer.contains(gone), "{gone}: {answer}");
    }
}

#[tokio::test]
async fn tunnel_copies_both_ways_and_ends_with_either_side() {
    let proxy_fixture = start_proxy(|place| vec![place.to_string()]).await;
    let mut stream = TcpStream::connect(proxy_fixture.proxy).await.unwrap();
    let place = proxy_fixture.server;
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
async fn git_fetches_through_the_proxy_and_redirects_are_checked() -> Result<()> {
    let git = GitServer::start().await?;
    let commit = git.commit_files("hello", &[("a", "b")])?;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let mut tasks = JoinSet::new();
    tasks.spawn(serve_proxy(listener, outbound_to(&[git.address().parse()?])));
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
    let (succeeded, stderr) = fetch(git.repository_url("hello")).await;
    assert!(succeeded, "{commit}: {stderr}");
    let inner = TcpListener::bind("127.0.0.1:0").await.unwrap();
    git.redirect_to(&format!("http://{}/hello", inner.local_addr().unwrap()));
    let (succeeded, stderr) = fetch(git.repository_url("hello")).await;
    assert!(!succeeded && stderr.contains("403"), "{stderr}");
    Ok(())
}

#[tokio::test]
async fn connection_beyond_the_share_of_its_tool_waits_and_too_many_waiting_ones_are_refused() {
    // Both ends of all connections are in this process.
    let files = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files }).unwrap();
    let fixture = start_proxy(|server| vec![server.to_string()]).await;
    let open_connections = async |count| {
        let mut opened = Vec::new();
        for _ in 0..count {
            opened.push(TcpStream::connect(fixture.proxy).await.unwrap());
        }
        opened
    };
    let held = open_connections(128).await;
    // The proxy accepts connections in the order of their arrival.
    let address = format!("http://{}/", fixture.server);
    let waiting = fixture.get(&address);
    let others = async {
        let opened = open_connections(1023).await;
        let refused = fixture.send_text("").await;
        assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("at most 128"), "{refused}");
        drop((held, opened));
    };
    let (answer, ()) = tokio::join!(waiting, others);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
