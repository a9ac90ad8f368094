//! Limits of connections, over real sockets: one client cannot keep others from being served.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::Request,
    http::StatusCode,
    routing::{get, post},
};
use futures::stream;
use hearth_kit::{
    server::{ConnectionLimits, HttpListener},
    tasks::BackgroundTasks,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    sync::Notify,
};

const SHORT_TIMEOUT: Duration = Duration::from_millis(200);

/// A server, and a signal that an endless response was ended.
struct TestServer {
    address: SocketAddr,
    stream_ended: Arc<Notify>,
    tasks: BackgroundTasks,
}

/// Notifies when it is dropped, with the body of an endless response.
struct DropSignal(Arc<Notify>);

impl Drop for DropSignal {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl TestServer {
    async fn start(limits: ConnectionLimits) -> Self {
        let stream_ended = Arc::new(Notify::new());
        let signal = stream_ended.clone();
        let endless = move || {
            let guard = DropSignal(signal.clone());
            async move {
                let pieces = stream::unfold(guard, |guard| async move {
                    Some((Ok::<_, std::io::Error>(Bytes::from(vec![0; 1 << 16])), guard))
                });
                Body::from_stream(pieces)
            }
        };
        let receive = |request: Request| async {
            match to_bytes(request.into_body(), 1 << 20).await {
                Ok(_) => StatusCode::OK,
                Err(_) => StatusCode::REQUEST_TIMEOUT,
            }
        };
        let router = Router::new()
            .route("/", get(|| async { "hi" }))
            .route("/endless", get(endless))
            .route("/body", post(receive));
        let listener = HttpListener::open("127.0.0.1:0", "test").await.unwrap().with_limits(limits);
        let (address, tasks) = (listener.address(), BackgroundTasks::new());
        listener.serve(&tasks, "test", router);
        Self { address, stream_ended, tasks }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Requests the page from this address of the loopback interface.
    async fn fetch_from(&self, source: &str) -> String {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{source}:0").parse().unwrap()).unwrap();
        let mut connection = socket.connect(self.address).await.unwrap();
        connection.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
        read_to_end(connection).await
    }
}

async fn read_to_end(mut connection: TcpStream) -> String {
    let mut read = Vec::new();
    let _a_reset_is_an_end_too = connection.read_to_end(&mut read).await;
    String::from_utf8_lossy(&read).into_owned()
}

fn build_limits() -> ConnectionLimits {
    ConnectionLimits { max_connections: 100, max_per_address: Some(10), ..ConnectionLimits::default() }
}

#[tokio::test]
async fn address_with_many_idle_connections_loses_the_oldest_and_all_are_served() {
    let server = TestServer::start(build_limits()).await;
    let mut idle = Vec::new();
    for _ in 0..30 {
        idle.push(server.connect().await);
    }
    for source in ["127.0.0.1", "127.0.0.2"] {
        assert!(server.fetch_from(source).await.ends_with("\r\n\r\nhi"), "{source}");
    }
    // The oldest one was closed.
    assert_eq!(read_to_end(idle.remove(0)).await, "");
    server.tasks.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn address_with_busy_connections_is_refused_and_others_are_served() {
    let limits = ConnectionLimits { max_per_address: Some(3), ..build_limits() };
    let server = TestServer::start(limits).await;
    let mut readers = Vec::new();
    for _ in 0..3 {
        let mut reader = server.connect().await;
        reader.write_all(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        reader.read_u8().await.unwrap();
        readers.push(reader);
    }
    let refused = server.fetch_from("127.0.0.1").await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("too-many-connections"), "{refused}");
    assert!(refused.contains("retry-after: 5") && refused.ends_with("shortly.\n"), "{refused}");
    assert!(server.fetch_from("127.0.0.2").await.ends_with("\r\n\r\nhi"));
    server.tasks.shutdown(Duration::from_secs(1)).await;
}

#[tokio::test]
async fn slow_head_is_ended() {
    let limits = ConnectionLimits { head_timeout: SHORT_TIMEOUT, ..build_limits() };
    let server = TestServer::start(limits).await;
    let mut slow = server.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nx-").await.unwrap();
    assert!(!read_to_end(slow).await.contains("200"));
    server.tasks.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn slow_body_is_ended() {
    let limits = ConnectionLimits { stall_timeout: Some(SHORT_TIMEOUT), ..build_limits() };
    let server = TestServer::start(limits).await;
    let mut slow = server.connect().await;
    slow.write_all(b"POST /body HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\na").await.unwrap();
    assert!(read_to_end(slow).await.starts_with("HTTP/1.1 408"));
    server.tasks.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn reader_that_never_reads_is_ended() {
    let limits = ConnectionLimits { stall_timeout: Some(SHORT_TIMEOUT), ..build_limits() };
    let server = TestServer::start(limits).await;
    let mut reader = server.connect().await;
    reader.write_all(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    server.stream_ended.notified().await;
    drop(reader);
    server.tasks.shutdown(Duration::from_secs(5)).await;
}
