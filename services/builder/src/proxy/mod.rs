//! Outbound HTTP proxy for containers. It checks each address before it connects (RFC 9110, section 9.3.6 for
//! CONNECT; RFC 9112, section 3.2.2 for other requests).

mod forward;
mod tunnel;

use std::{
    convert::Infallible,
    io::Write,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    pin::Pin,
    time::Duration,
};

use hearth_base::{Error, ErrorKind};
use hearth_kit::{
    config,
    fair_pool::{FairPool, PoolLimits},
    outbound::OutboundClient,
    server::fit_to_open_files,
    tasks::ShutdownSignal,
};
use hearth_runtime_api::{ToolSlice, ToolSlotLimits, ToolSlots};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{body::Incoming, ext::ReasonPhrase, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};

/// Body of a proxied message.
pub type ProxyBody = BoxBody<bytes::Bytes, hyper::Error>;

/// Sender of tasks that copy bytes for a client connection; the connection's owner runs them.
type ConnectionTasks = mpsc::UnboundedSender<Pin<Box<dyn Future<Output = ()> + Send>>>;

/// Most connections served at one time.
const CONNECTION_LIMITS: ToolSlotLimits = ToolSlotLimits { per_tool: 128, in_total: 1024 };
/// Connections of one tool that wait for its share: package clients open hundreds at once, and try a refused one again only
/// after many seconds.
const WAITING_PER_TOOL: usize = 1024;
/// Connections of all tools that wait.
const WAITING_IN_TOTAL: usize = 4096;
/// Longest wait of a connection.
const WAIT_TIMEOUT: Duration = Duration::from_secs(60);
/// Response to a connection that cannot be served.
const TOO_MANY_CONNECTIONS: &[u8] = b"HTTP/1.1 503 this tool has too many outbound connections\r\n\
    Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n\
    this tool has too many outbound connections; at most 128 at a time\n";
/// Longest time for the head of a request.
const REQUEST_HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Listens until `stop`. A failed bind is retried every ten seconds, because containers have no other
/// outbound route.
pub async fn run(settings: config::OutboundSettings, stop: ShutdownSignal) {
    loop {
        match TcpListener::bind(&settings.listen).await {
            Ok(listener) => {
                tracing::info!(address = settings.listen, "outbound proxy listening");
                let outbound = settings.create_client();
                stop.run_until_shutdown(serve_proxy(listener, outbound)).await;
                return;
            }
            Err(cause) => {
                tracing::warn!(address = settings.listen, %cause, "outbound proxy cannot listen; will retry");
                if stop.pause(Duration::from_secs(10)).await {
                    return;
                }
            }
        }
    }
}

/// Serves connections until the future is dropped, which closes them.
pub async fn serve_proxy(listener: TcpListener, outbound: OutboundClient) {
    let slots = ToolSlots::new(CONNECTION_LIMITS);
    // Only the share of each tool makes connections wait: a tool without a connection never does.
    let pool = FairPool::new(PoolLimits {
        permits: usize::MAX,
        permits_per_key: CONNECTION_LIMITS.per_tool,
        waiting_per_key: WAITING_PER_TOOL,
        waiting: fit_to_open_files(WAITING_IN_TOTAL),
    });
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    // Small parts of an answer, such as those of a TLS handshake, would wait for each other.
                    let _slower_otherwise = stream.set_nodelay(true);
                    let (pool, slots, outbound) = (pool.clone(), slots.clone(), outbound.clone());
                    let tool = find_client_slice(peer);
                    tasks.spawn(async move {
                        let permit = tokio::time::timeout(WAIT_TIMEOUT, pool.acquire(tool)).await;
                        let Ok(Ok(_permit)) = permit else { return refuse_connection(stream) };
                        let Some(_slot) = slots.take_slot(tool) else { return refuse_connection(stream) };
                        serve_connection(stream, outbound).await;
                    });
                }
                // Out of file descriptors: wait until other connections end.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = tasks.join_next() => {}
        }
    }
}

/// Tells the client why its connection is closed, if it reads the response.
fn refuse_connection(stream: TcpStream) {
    // The buffer of a new socket is empty, so the write does not block.
    let _client_may_be_gone = stream.into_std().and_then(|mut stream| stream.write_all(TOO_MANY_CONNECTIONS));
}

/// The slice of the container that connects. Containers have IPv4 only.
fn find_client_slice(peer: SocketAddr) -> ToolSlice {
    ToolSlice::from_address(match peer.ip().to_canonical() {
        IpAddr::V4(address) => address,
        IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
    })
}

/// Serves one connection with its tunnels, which outlive the HTTP connection they began on.
async fn serve_connection(stream: TcpStream, outbound: OutboundClient) {
    let (connection_tasks, mut new_tasks) = mpsc::unbounded_channel();
    let service =
        service_fn(move |request| handle_request(outbound.clone(), connection_tasks.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST_HEAD_TIMEOUT)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = Box::pin(connection);
    let mut tasks: JoinSet<()> = JoinSet::new();
    let mut open = true;
    while open || !tasks.is_empty() {
        tokio::select! {
            // Errors of the connection concern only the container.
            _ = &mut connection, if open => {
                open = false;
                while let Ok(task) = new_tasks.try_recv() {
                    tasks.spawn(task);
                }
            }
            Some(task) = new_tasks.recv(), if open => drop(tasks.spawn(task)),
            Some(_) = tasks.join_next() => {}
        }
    }
}

/// Opens a tunnel or forwards a request; an error becomes a response.
async fn handle_request(
    outbound: OutboundClient,
    connection_tasks: ConnectionTasks,
    request: Request<Incoming>,
) -> Result<Response<ProxyBody>, Infallible> {
    let result = match *request.method() {
        Method::CONNECT => tunnel::open_tunnel(&outbound, &connection_tasks, request).await,
        _ => forward::forward_request(&outbound, &connection_tasks, request).await,
    };
    Ok(result.unwrap_or_else(|error| render_refusal(&error)))
}

/// Renders an error as plain text, which programs show or log.
fn render_refusal(error: &Error) -> Response<ProxyBody> {
    tracing::debug!(%error, code = error.code(), "outbound request refused");
    let status = match error.kind() {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    };
    let mut text = format!("{}\n", error.public_message());
    text.extend(error.help_text().map(|help| format!("{help}\n")));
    let mut response = Response::new(Full::new(text.into()).map_err(|never| match never {}).boxed());
    *response.status_mut() = status;
    // Of a refused CONNECT, programs show only the status line.
    if let Ok(reason) = ReasonPhrase::try_from(error.public_message().as_bytes()) {
        response.extensions_mut().insert(reason);
    }
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, http::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
