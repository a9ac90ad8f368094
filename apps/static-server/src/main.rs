//! Serves the files of a folder: `static-server PORT [FOLDER]`.

use std::{
    convert::Infallible,
    env,
    ffi::OsString,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use hearth_static_server::{StaticSite, write_log_line};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
    time::{sleep, timeout},
};

/// Time for the head of a request, which also ends unused connections.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);

/// Time for requests in progress once the server has been asked to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// Pause after a connection could not be accepted, for example because too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Threads for connections. A container may have few processors.
const WORKER_THREADS: usize = 2;

/// Maximum number of threads that read files.
const FILE_THREADS: usize = 8;

const USAGE_LINE: &str = "usage: static-server PORT [FOLDER]";

fn main() -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    let executor = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKER_THREADS)
        .max_blocking_threads(FILE_THREADS)
        .enable_all()
        .build();
    match executor.and_then(|executor| executor.block_on(serve_folder(&arguments))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            write_log_line(format_args!("static-server: {error}"));
            ExitCode::FAILURE
        }
    }
}

async fn serve_folder(arguments: &[OsString]) -> io::Result<()> {
    let (port, folder) = match arguments {
        [port] => (port, Path::new(".")),
        [port, folder] => (port, Path::new(folder)),
        _ => return Err(io::Error::other(USAGE_LINE)),
    };
    let port: u16 = port.to_str().and_then(|port| port.parse().ok()).ok_or_else(|| {
        io::Error::other(format!("invalid port {}: expected 0 to 65535; {USAGE_LINE}", port.display()))
    })?;
    let site = StaticSite::open(folder).map_err(|cause| {
        io::Error::other(format!("the folder {} cannot be opened: {cause}; {USAGE_LINE}", folder.display()))
    })?;
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))
        .await
        .map_err(|cause| io::Error::other(format!("port {port} cannot be opened: {cause}")))?;
    let port = listener.local_addr()?.port();
    write_log_line(format_args!("serving {} on port {port}", site.folder_path().display()));
    serve_connections(&listener, Arc::new(site)).await
}

/// Serves until the process is asked to stop, then ends the requests in progress.
async fn serve_connections(listener: &TcpListener, site: Arc<StaticSite>) -> io::Result<()> {
    // Process 1 of a container gets only the signals that it handles.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let connections = GracefulShutdown::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => serve_connection(stream, Arc::clone(&site), &connections),
                Err(error) => {
                    write_log_line(format_args!("a connection cannot be accepted: {error}"));
                    sleep(ACCEPT_PAUSE).await;
                }
            },
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    let _may_be_late = timeout(STOP_TIMEOUT, connections.shutdown()).await;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "GracefulShutdown waits for the tasks of all connections")]
fn serve_connection(stream: TcpStream, site: Arc<StaticSite>, connections: &GracefulShutdown) {
    let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let site = Arc::clone(&site);
        async move {
            let (head, _) = request.into_parts();
            let response = site.build_reply(&head).await;
            // Without the address of the visitor.
            write_log_line(format_args!("\"{} {}\" {}", head.method, head.uri, response.status().as_u16()));
            Ok::<_, Infallible>(response)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let connection = connections.watch(connection);
    // A visitor who closes the connection is no error.
    tokio::spawn(async move { drop(connection.await) });
}
