//! Carries the streams of a program between the caller's connection and the runtime.

use std::time::Duration;

use hearth_base::{Error, Identity, JobName, Result, ToolId, ToolName};
use hearth_kit::{Authed, events::TopicReader, tasks::Stop};
use hearth_runtime_api::{End, ExecInput, ExecOutput, ExecSession, TerminalSize};
use hearth_wire::{
    accounts::internal::{AccessChanged, AccessEvent},
    events::{Event, Topic},
    jobs::{ExecDecoder, ExecEnd, ExecFrame},
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::{
    app::{self, definition::Of},
    cx::Cx,
    rights::JobsWrite,
};

/// How long a program goes on while nobody can say whether its caller still has the right.
const UNCHECKED: Duration = Duration::from_secs(15 * 60);
/// The longest wait of one request for a change of access: it has to be noticed soon that `accounts` does not answer.
const CHECK_INTERVAL: Duration = Duration::from_secs(25);
/// How long a caller may take to say what to run.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whoever runs a program, and where.
struct Caller {
    identity: Identity,
    tool: ToolId,
    tool_name: ToolName,
    job: JobName,
}

/// Serves one connection in a task of its own, from the moment it is upgraded.
pub fn serve(cx: &Cx, tool: &Authed<JobsWrite>, job: JobName, upgrade: OnUpgrade) {
    let caller = Caller { identity: tool.identity.clone(), tool: tool.id, tool_name: tool.name.clone(), job };
    let (cx, stop) = (cx.clone(), cx.tasks.stop_sign());
    cx.tasks.clone().start("exec", async move {
        let carried = async {
            let stream = TokioIo::new(upgrade.await.map_err(Error::internal)?);
            converse(&cx, &caller, stream, &stop).await
        };
        if let Some(Err(error)) = stop.unless(carried).await {
            tracing::debug!(%error, "a program's connection broke off");
        }
    });
}

async fn converse<S: AsyncRead + AsyncWrite>(cx: &Cx, caller: &Caller, stream: S, stop: &Stop) -> Result<()> {
    let (mut from, mut to) = tokio::io::split(stream);
    let mut decoder = ExecDecoder::default();
    let first = tokio::time::timeout(PATIENCE, next(&mut from, &mut decoder)).await;
    let Ok(Ok(Some(ExecFrame::Open(open)))) = first else {
        return tell(&mut to, &ended("what to run was not said")).await;
    };
    let of = Of { tool: caller.tool, name: &caller.tool_name };
    let started = match app::exec::prepare(cx, of, &caller.job, open).await {
        Ok(exec) => cx.runtime.exec(exec).await,
        Err(error) => Err(error),
    };
    let session = match started {
        Ok(session) => session,
        Err(error) => return tell(&mut to, &ended(error.public())).await,
    };
    tell(&mut to, &ExecFrame::Started).await?;
    let ExecSession { .. } = &session;
    let reason = tokio::select! {
        carried = carry(session, &mut from, &mut to, decoder) => return carried,
        () = revoked(cx, caller) => "your right to run programs here has ended",
        () = stop.wait() => "this Hearth is being restarted",
    };
    tell(&mut to, &ended(reason)).await
}

fn ended(reason: &str) -> ExecFrame {
    ExecFrame::Ended(ExecEnd { exit_code: None, signal: None, reason: Some(reason.to_owned()) })
}

async fn tell(to: &mut (impl AsyncWrite + Unpin), frame: &ExecFrame) -> Result<()> {
    to.write_all(&frame.encode()).await.map_err(Error::internal)?;
    to.flush().await.map_err(Error::internal)
}

async fn next(from: &mut (impl AsyncRead + Unpin), decoder: &mut ExecDecoder) -> Result<Option<ExecFrame>> {
    loop {
        if let Some(frame) = decoder.pull()? {
            return Ok(Some(frame));
        }
        let mut piece = vec![0; 16 << 10];
        match from.read(&mut piece).await.map_err(Error::internal)? {
            0 => return Ok(None),
            read => decoder.push(&piece[..read]),
        }
    }
}

/// Carries both directions until the program ends or the caller leaves, which ends the program.
async fn carry(
    mut session: ExecSession,
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut decoder: ExecDecoder,
) -> Result<()> {
    let (input, output) = (session.input.clone(), &mut session.output);
    let inward = async {
        while let Some(frame) = next(from, &mut decoder).await? {
            let said = match frame {
                ExecFrame::Data(bytes) => ExecInput::Data(bytes),
                ExecFrame::Close => ExecInput::Close,
                ExecFrame::Resize(size) => {
                    ExecInput::Resize(TerminalSize { rows: size.rows, columns: size.columns })
                }
                _ => return Err(Error::invalid("exec-frame", "this frame does not go to a program")),
            };
            // A program that no longer reads is no reason to stop listening to it.
            let _ = input.send(said).await;
        }
        Ok(())
    };
    let outward = async {
        while let Some(said) = output.recv().await {
            match said {
                ExecOutput::Out(bytes) => tell(to, &ExecFrame::Data(bytes)).await?,
                ExecOutput::Err(bytes) => tell(to, &ExecFrame::Errors(bytes)).await?,
                ExecOutput::Ended(end) => return tell(to, &ExecFrame::Ended(end_of(end))).await,
            }
        }
        tell(to, &ended("the connection to the container broke off")).await
    };
    tokio::select! {
        done = inward => done,
        done = outward => done,
    }
}

fn end_of(end: End) -> ExecEnd {
    let (exit_code, signal, reason) = match end {
        End::Exited { code } => (Some(code), None, None),
        End::Killed { signal } => (None, Some(signal), None),
        End::OutOfMemory => (None, Some(9), Some("it needed more memory than its container has".to_owned())),
        End::TimedOut => (None, None, Some("it ran too long".to_owned())),
        End::NotStarted { reason } => (None, None, Some(reason)),
        End::Lost => (None, None, Some("its end is not known".to_owned())),
    };
    ExecEnd { exit_code, signal, reason }
}

/// Waits until the caller's right may have ended: until `accounts` says that something about them has changed, or
/// cannot be asked for long.
async fn revoked(cx: &Cx, caller: &Caller) {
    let mut abouts = vec![caller.tool.to_string()];
    abouts.extend(caller.identity.user().map(|user| user.to_string()));
    abouts.extend(credential(&caller.identity));
    let mut access = TopicReader::new(cx.neighbours.clients(), AccessEvent::TOPIC_INFO);
    loop {
        let read = async {
            loop {
                match access.wait(CHECK_INTERVAL).await {
                    Ok(events) => return events,
                    Err(error) => {
                        tracing::debug!(%error, "a program goes on unchecked");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
            }
        };
        let Ok(events) = tokio::time::timeout(UNCHECKED, read).await else { return };
        let is_theirs = |event: &Event| match event.decode() {
            Ok(Some(AccessEvent::Changed(AccessChanged { about }))) => abouts.contains(&about),
            Ok(None) | Err(_) => false,
        };
        if events.iter().any(is_theirs) {
            return;
        }
    }
}

fn credential(identity: &Identity) -> Option<String> {
    use hearth_base::Credential;
    match &identity.credential {
        Credential::Session(id) => Some(id.to_string()),
        Credential::PersonalToken(id) | Credential::ToolToken(id) => Some(id.to_string()),
        _ => None,
    }
}
