//! How a container is, asked the way its job says.

use std::{net::Ipv4Addr, time::Duration};

use bytes::Bytes;
use hearth_base::{Error, Result};
use hearth_runtime_api::{End, Exec, ExecInput, ExecOutput};
use hearth_wire::jobs::{HealthAsk, HealthCheck};
use http::StatusCode;
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::Instant};

use super::{definition::spec::PAGE_PORT, exec::process, routing};
use crate::{
    cx::Cx,
    store::{Asked, Plan, Run, RunState},
};

/// Where a container's port is.
type At = (Ipv4Addr, u16);

/// How long an answer may take when nobody says how long.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// After this a page whose port is open counts as one that is slow to answer.
const SLOW: Duration = Duration::from_secs(4);

/// What was found out: nothing wrong, or what is.
pub type Found = Result<(), String>;

/// Asks a container, and waits so long for an answer. An error: it could not be asked, which is nothing that it has
/// done.
pub async fn ask(cx: &Cx, run: &Run, plan: &Plan, asked: Asked<'_>, patience: Duration) -> Result<Found> {
    let ask = match asked {
        Asked::Check(HealthCheck { ask: HealthAsk::Script(script), .. }) => {
            let argv = vec!["/bin/sh".to_owned(), "-c".to_owned(), script.clone()];
            let process = process(cx, run, plan, argv).await?;
            let exec = Exec { instance: run.instance, process, terminal: None };
            let answer = tokio::time::timeout(patience, ask_script(cx, exec)).await;
            return answer.unwrap_or_else(|_| Ok(Err(late(patience))));
        }
        Asked::Check(HealthCheck { ask, .. }) => Some(ask),
        Asked::Page | Asked::Port => None,
    };
    let answer = async {
        let Some(address) = run.address else {
            return Err(Error::unavailable("no-address", "it has no address yet"));
        };
        let at = (address, plan.port.unwrap_or(PAGE_PORT));
        match ask {
            Some(HealthAsk::Http(path)) => ask_http(at, path).await,
            None if asked == Asked::Page => ask_first(at).await,
            _ => connect(at).await.map(drop),
        }
    };
    Ok(match tokio::time::timeout(patience, answer).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.public().to_owned()),
        Err(_) => Err(late(patience)),
    })
}

fn late(patience: Duration) -> String {
    format!("it did not answer in {} seconds", patience.as_secs())
}

async fn connect(at @ (_, port): At) -> Result<TcpStream> {
    TcpStream::connect(at).await.map_err(|cause| {
        Error::unavailable(
            "port-unreachable",
            format!("nothing answers at port {port}: does it listen on 0.0.0.0:{port}?"),
        )
        .because(cause)
    })
}

async fn ask_http(at: At, path: &str) -> Result<()> {
    let stream = connect(at).await?;
    match get(stream, at, path).await?.as_u16() {
        200..400 => Ok(()),
        status => Err(Error::unavailable("health-status", format!("GET {path} was answered with {status}"))),
    }
}

/// Whether a page answers, in whatever words: servers listen before they have loaded what they serve, and some of it
/// never loads. A page that takes its time is a slow one, and no reason to keep it from its visitors.
async fn ask_first(at: At) -> Result<()> {
    let until = Instant::now() + SLOW;
    let stream = connect(at).await?;
    match tokio::time::timeout_at(until, get(stream, at, "/")).await {
        Ok(answered) => answered.map(drop),
        Err(_) => Ok(()),
    }
}

/// The status of the answer to a request.
async fn get(stream: TcpStream, (address, port): At, path: &str) -> Result<StatusCode> {
    let broken = |cause: hyper::Error| {
        Error::unavailable("health-answer", format!("GET {path} at port {port} was not answered in HTTP"))
            .because(cause)
    };
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let request = http::Request::get(path)
        .header(http::header::HOST, format!("{address}:{port}"))
        .header(http::header::USER_AGENT, "hearth-health")
        .body(Empty::<Bytes>::new())
        .map_err(Error::internal)?;
    let answered = async { sender.send_request(request).await };
    let response = tokio::select! {
        response = answered => response.map_err(broken)?,
        Err(cause) = connection => return Err(broken(cause)),
    };
    Ok(response.status())
}

async fn ask_script(cx: &Cx, exec: Exec) -> Result<Found> {
    let mut session = cx.runtime.exec(exec).await?;
    // A program that no longer reads is well too.
    let _ = session.input.send(ExecInput::Close).await;
    while let Some(output) = session.output.recv().await {
        match output {
            ExecOutput::Ended(End::Exited { code: 0 }) => return Ok(Ok(())),
            ExecOutput::Ended(End::Exited { code }) => {
                return Ok(Err(format!("its health check ended with status {code}")));
            }
            ExecOutput::Ended(_) => return Ok(Err("its health check did not end by itself".to_owned())),
            ExecOutput::Out(_) | ExecOutput::Err(_) => {}
        }
    }
    Err(Error::unavailable("health-script", "the runtime does not say how a health check ended"))
}

/// What is to be kept of what was found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// It does what it is for.
    Ready,
    /// It does not, and this is why.
    Unready(String),
    /// It is to be restarted, and this is why.
    Doomed(String),
}

/// Keeps what was found out, and tells when a tool's page is answered elsewhere now. What a ready container replaces
/// is asked no longer from here on, and stopped by the runtime, which is told after a while; what is doomed is
/// restarted by it.
pub async fn note(cx: &Cx, run: &Run, news: News) -> Result<()> {
    let tx = cx.store.begin().await?;
    let name = cx.store.tool_locked(&tx, run.tool).await?;
    let Some(mut now) = cx.store.run_in(&tx, &run.id()).await? else { return Ok(()) };
    let before = now.clone();
    now.reason = None;
    match news {
        News::Ready => (now.ready, now.up) = (true, now.up.or_else(|| Some(cx.now()))),
        News::Unready(reason) => (now.ready, now.reason) = (false, Some(reason)),
        News::Doomed(reason) => {
            (now.ready, now.reason, now.doomed) = (false, Some(reason.clone()), Some(reason));
        }
    }
    if before.state != RunState::Running || before.doomed.is_some() || now == before {
        return Ok(());
    }
    let mut others = cx.store.runs_of(&tx, run.instance.workload).await?;
    others.retain(|other| !other.is_over() && other.instance != now.instance);
    let workload = cx.store.workload_in(&tx, run.instance.workload).await?;
    let surplus = workload.is_none_or(|workload| run.instance.replica >= workload.plan.replicas);
    if surplus || now.is_replaced_by(&others.iter().collect::<Vec<_>>()) {
        return Ok(());
    }
    cx.store.run_put(&tx, &now).await?;
    for mut other in others.into_iter().filter(|other| other.is_replaced_by(&[&now])) {
        other.ready = false;
        cx.store.run_put(&tx, &other).await?;
    }
    if now.ready || now.doomed.is_some() {
        cx.store.ask(&tx, run.instance.workload, cx.now()).await?;
    }
    routing::refresh(cx, &tx, run.tool, name.as_ref()).await?;
    Cx::wake_watchers(&tx, [(run.tool, run.instance.workload)]);
    tx.commit().await
}
