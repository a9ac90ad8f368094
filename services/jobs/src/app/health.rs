//! Whether a container is ready, asked the way its job says.

use std::{net::Ipv4Addr, time::Duration};

use bytes::Bytes;
use hearth_base::{Error, Result};
use hearth_runtime_api::{End, Exec, ExecInput, ExecOutput, Process, User};
use hearth_wire::jobs::{HealthCheck, RunState};
use http::StatusCode;
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use jiff::SignedDuration;
use tokio::{net::TcpStream, time::Instant};

use super::route;
use crate::{
    cx::Cx,
    store::{Plan, Run},
};

/// How long what was replaced goes on: until every edge has learned of it, and what visitors asked is answered.
pub const DRAIN: SignedDuration = SignedDuration::from_secs(5);

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// After this a page whose port is open counts as one that is slow to answer.
const SLOW: Duration = Duration::from_secs(4);

/// What was found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It is ready.
    Well,
    /// It is not, and this is why.
    Unwell(String),
}

impl Health {
    /// Whether it is ready.
    pub fn is_well(&self) -> bool {
        *self == Self::Well
    }
}

/// Asks a container whether it is ready.
pub async fn ask(cx: &Cx, run: &Run, plan: &Plan) -> Health {
    let asked = async {
        match (&plan.health, plan.port, run.address) {
            (Some(HealthCheck::Script { script }), _, _) => ask_script(cx, run, plan, script).await,
            (_, Some(_), None) => Err(Error::unavailable("no-address", "it has no address yet")),
            (Some(HealthCheck::Http { path }), Some(port), Some(address)) => {
                ask_http(address, port, path).await
            }
            (_, Some(port), Some(address)) if plan.publish => ask_first(address, port).await,
            (_, Some(port), Some(address)) => connect(address, port).await.map(drop),
            _ => Ok(()),
        }
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(())) => Health::Well,
        Ok(Err(error)) => Health::Unwell(error.public().to_owned()),
        Err(_) => Health::Unwell(format!("it did not answer in {} seconds", PATIENCE.as_secs())),
    }
}

async fn connect(address: Ipv4Addr, port: u16) -> Result<TcpStream> {
    TcpStream::connect((address, port)).await.map_err(|cause| {
        Error::unavailable(
            "port-unreachable",
            format!("nothing answers at port {port}: does it listen on 0.0.0.0:{port}?"),
        )
        .because(cause)
    })
}

async fn ask_http(address: Ipv4Addr, port: u16, path: &str) -> Result<()> {
    let stream = connect(address, port).await?;
    match get(stream, address, port, path).await?.as_u16() {
        200..400 => Ok(()),
        status => Err(Error::unavailable("health-status", format!("GET {path} was answered with {status}"))),
    }
}

/// Whether a page answers, in whatever words: servers listen before they have loaded what they serve, and some of it
/// never loads. A page that takes its time is a slow one, and no reason to keep it from its visitors.
async fn ask_first(address: Ipv4Addr, port: u16) -> Result<()> {
    let until = Instant::now() + SLOW;
    let stream = connect(address, port).await?;
    match tokio::time::timeout_at(until, get(stream, address, port, "/")).await {
        Ok(answered) => answered.map(drop),
        Err(_) => Ok(()),
    }
}

/// The status of the answer to a request.
async fn get(stream: TcpStream, address: Ipv4Addr, port: u16, path: &str) -> Result<StatusCode> {
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

async fn ask_script(cx: &Cx, run: &Run, plan: &Plan, script: &str) -> Result<()> {
    let process =
        process(cx, run, plan, vec!["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()]).await?;
    let mut session = cx.runtime.exec(Exec { instance: run.instance, process, terminal: None }).await?;
    // A program that no longer reads is well too.
    let _ = session.input.send(ExecInput::Close).await;
    while let Some(output) = session.output.recv().await {
        match output {
            ExecOutput::Ended(End::Exited { code: 0 }) => return Ok(()),
            ExecOutput::Ended(End::Exited { code }) => {
                return Err(Error::unavailable(
                    "health-script",
                    format!("its health check ended with status {code}"),
                ));
            }
            ExecOutput::Ended(_) => break,
            ExecOutput::Out(_) | ExecOutput::Err(_) => {}
        }
    }
    Err(Error::unavailable("health-script", "its health check did not end by itself"))
}

/// A second program in a container: as the first one in all but what it does.
pub async fn process(cx: &Cx, run: &Run, plan: &Plan, argv: Vec<String>) -> Result<Process> {
    let mut env = cx.neighbours.envvars(run.tool).await?;
    let own = plan.env.iter().map(|(name, value)| (name.clone(), hearth_base::Secret::new(value.as_str())));
    env.extend(own);
    let user = User { uid: plan.user.0, gid: plan.user.1, groups: Vec::new() };
    Ok(Process { argv, env, cwd: plan.cwd.clone(), user, stop_signal: 15 })
}

/// Keeps what was found out, and tells when a tool's page is answered elsewhere now. What a ready container replaces
/// is asked no longer from here on, and stopped by the runtime, which is told soon.
pub async fn note(cx: &Cx, run: &Run, health: Health) -> Result<()> {
    let tx = cx.store.begin().await?;
    let name = cx.store.tool_locked(&tx, run.tool).await?;
    let Some(mut now) = cx.store.run_in(&tx, &run.id()).await? else { return Ok(()) };
    let (ready, reason) = match health {
        Health::Well => (true, None),
        Health::Unwell(reason) => (false, Some(reason)),
    };
    if now.state != RunState::Running || (now.ready == ready && now.reason == reason) {
        return Ok(());
    }
    let mut others = cx.store.runs_of(&tx, run.instance.workload).await?;
    others.retain(|other| !other.is_over() && other.instance != now.instance);
    if now.is_replaced_by(&others.iter().collect::<Vec<_>>()) {
        return Ok(());
    }
    (now.ready, now.reason) = (ready, reason);
    cx.store.run_put(&tx, &now).await?;
    if ready {
        let mut due = cx.now();
        for mut other in others.into_iter().filter(|other| other.is_replaced_by(&[&now])) {
            due = cx.now() + DRAIN;
            other.ready = false;
            cx.store.run_put(&tx, &other).await?;
        }
        cx.store.ask(&tx, run.instance.workload, due).await?;
    }
    route::refresh(cx, &tx, run.tool, name.as_ref()).await?;
    cx.store.commit(tx).await
}
