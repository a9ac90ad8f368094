//! The way out for containers: an HTTP proxy that looks at every address before it connects (RFC 9110, section
//! 9.3.6 for CONNECT; RFC 9112, section 3.2.2 for everything else).

mod forward;
mod tunnel;

use std::{convert::Infallible, pin::Pin, sync::Arc, time::Duration};

use hearth_base::{Error, Kind};
use hearth_kit::{config, outbound::Outbound, tasks::Stop};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{body::Incoming, ext::ReasonPhrase, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

/// A body on its way through.
pub type Body = BoxBody<bytes::Bytes, hyper::Error>;

/// Where whatever carries bytes for a connection is left, to be driven with it.
type Carriers = mpsc::UnboundedSender<Pin<Box<dyn Future<Output = ()> + Send>>>;

/// How many connections are served at one time.
const MOST: usize = 512;
/// How long a request's head may take.
const HEAD: Duration = Duration::from_secs(30);

/// Listens until it is told to stop. A place that cannot be had is tried again: containers have no other way out.
pub async fn run(settings: config::Outbound, stop: Stop) {
    loop {
        match TcpListener::bind(&settings.listen).await {
            Ok(listener) => {
                tracing::info!(address = settings.listen, "the way out is open");
                let outbound = Outbound::new(&settings.allow, &settings.mirrors);
                stop.unless(serve(listener, outbound)).await;
                return;
            }
            Err(cause) => {
                tracing::warn!(address = settings.listen, %cause, "the way out cannot be opened");
                if stop.pause(Duration::from_secs(10)).await {
                    return;
                }
            }
        }
    }
}

/// Serves connections for ever. Dropping the future ends them.
pub async fn serve(listener: TcpListener, outbound: Outbound) {
    let places = Arc::new(Semaphore::new(MOST));
    let mut tasks = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let outbound = outbound.clone();
                    tasks.spawn(async move {
                        one(stream, outbound).await;
                        drop(place);
                    });
                }
                // Out of descriptors: others must end before there is room again.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = tasks.join_next() => {}
        }
    }
}

/// Serves one connection, and what it leaves behind: tunnels outlive the connection that they came from.
async fn one(stream: TcpStream, outbound: Outbound) {
    let (carriers, mut left) = mpsc::unbounded_channel();
    let service = service_fn(move |request| answer(outbound.clone(), carriers.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = Box::pin(connection);
    let mut tasks: JoinSet<()> = JoinSet::new();
    let mut open = true;
    while open || !tasks.is_empty() {
        tokio::select! {
            // One that breaks off is the container's affair.
            _ = &mut connection, if open => {
                open = false;
                while let Ok(carrier) = left.try_recv() {
                    tasks.spawn(carrier);
                }
            }
            Some(carrier) = left.recv(), if open => drop(tasks.spawn(carrier)),
            Some(_) = tasks.join_next() => {}
        }
    }
}

async fn answer(
    outbound: Outbound,
    carriers: Carriers,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let answered = match *request.method() {
        Method::CONNECT => tunnel::tunnel(&outbound, &carriers, request).await,
        _ => forward::forward(&outbound, &carriers, request).await,
    };
    Ok(answered.unwrap_or_else(|error| refusal(&error)))
}

/// A refusal in words: programs show them, or log them.
fn refusal(error: &Error) -> Response<Body> {
    tracing::debug!(%error, code = error.code(), "not let out");
    let status = match error.kind() {
        Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::Timeout => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    };
    let mut text = format!("{}\n", error.public());
    text.extend(error.next().map(|help| format!("{help}\n")));
    let mut response = Response::new(Full::new(text.into()).map_err(|never| match never {}).boxed());
    *response.status_mut() = status;
    // Of a refused tunnel, programs show the first line only.
    if let Ok(reason) = ReasonPhrase::try_from(error.public().as_bytes()) {
        response.extensions_mut().insert(reason);
    }
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, http::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
