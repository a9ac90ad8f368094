//! Connects the streams of a program between the caller's connection and the runtime.

use std::time::Duration;

use hearth_base::{Error, Identity, JobName, Result, ToolId, ToolName};
use hearth_kit::{Authed, events::TopicReader, tasks::ShutdownSignal};
use hearth_runtime_api::{ExecInput, ExecOutput, ExecSession, TerminalSize, Termination};
use hearth_wire::{
    accounts::internal::{AccessChanged, AccessEvent},
    events::{Event, Topic},
    jobs::{ExecDecoder, ExecEnd, ExecFrame},
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::{
    app::{self, definition::ToolScope},
    context::JobsContext,
    rights::JobsWrite,
};

/// Time for which a program continues while the caller's right cannot be checked.
const MAX_UNCHECKED_TIME: Duration = Duration::from_secs(15 * 60);
/// Maximum wait of one request for access events: an unreachable `accounts` must be noticed soon.
const CHECK_INTERVAL: Duration = Duration::from_secs(25);
/// Time until the caller must have sent the frame that opens the session.
const OPEN_FRAME_TIMEOUT: Duration = Duration::from_secs(30);

/// The caller of a program, with the tool and job.
struct ExecCaller {
    identity: Identity,
    tool: ToolId,
    tool_name: ToolName,
    job: JobName,
}

/// Begins to follow changes of access. The position comes before the wait for a container and the start of the program:
/// a right that ends meanwhile is not missed. What has changed before it is noticed by the gateway, which knows when it
/// has resolved the caller.
pub async fn follow_access(cx: &JobsContext) -> Result<TopicReader> {
    let mut access = TopicReader::new(cx.peers.clients(), AccessEvent::TOPIC_INFO);
    access.seek_head().await?;
    Ok(access)
}

/// Serves one upgraded connection in a task of its own.
pub fn serve_exec(
    cx: &JobsContext,
    tool: &Authed<JobsWrite>,
    job: JobName,
    access: TopicReader,
    upgrade: OnUpgrade,
) {
    let caller =
        ExecCaller { identity: tool.identity.clone(), tool: tool.id, tool_name: tool.name.clone(), job };
    let (cx, stop) = (cx.clone(), cx.tasks.shutdown_signal());
    cx.tasks.clone().spawn("exec", async move {
        let carried = async {
            let stream = TokioIo::new(upgrade.await.map_err(Error::internal)?);
            run_session(&cx, &caller, access, stream, &stop).await
        };
        if let Some(Err(error)) = stop.run_until_shutdown(carried).await {
            tracing::debug!(%error, "exec connection failed");
        }
    });
}

/// Serves a session until its program, the caller's right or this process ends, whichever is first.
async fn run_session<S: AsyncRead + AsyncWrite>(
    cx: &JobsContext,
    caller: &ExecCaller,
    access: TopicReader,
    stream: S,
    stop: &ShutdownSignal,
) -> Result<()> {
    let (mut from, mut to) = tokio::io::split(stream);
    let reason = tokio::select! {
        served = run_program(cx, caller, &mut from, &mut to) => return served,
        () = wait_for_revocation(access, caller) => "your right to run programs in this job has ended",
        () = stop.wait() => "this Hearth is restarting",
    };
    send_frame(&mut to, &ended_frame(reason)).await
}

/// Starts the program that the first frame names, and transfers its streams until it ends.
async fn run_program(
    cx: &JobsContext,
    caller: &ExecCaller,
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
) -> Result<()> {
    let mut decoder = ExecDecoder::default();
    let first = tokio::time::timeout(OPEN_FRAME_TIMEOUT, read_frame(from, &mut decoder)).await;
    let Ok(Ok(Some(ExecFrame::Open(open)))) = first else {
        return send_frame(to, &ended_frame("no command was sent")).await;
    };
    let scope = ToolScope { tool: caller.tool, name: &caller.tool_name };
    let started = match app::exec::prepare_exec(cx, scope, &caller.job, open).await {
        Ok(exec) => cx.runtime.exec(exec).await,
        Err(error) => Err(error),
    };
    match started {
        Ok(session) => {
            send_frame(to, &ExecFrame::Started).await?;
            pump_streams(session, from, to, decoder).await
        }
        Err(error) => send_frame(to, &ended_frame(error.public_message())).await,
    }
}

fn ended_frame(reason: &str) -> ExecFrame {
    ExecFrame::Ended(ExecEnd { exit_code: None, signal: None, reason: Some(reason.to_owned()) })
}

async fn send_frame(to: &mut (impl AsyncWrite + Unpin), frame: &ExecFrame) -> Result<()> {
    to.write_all(&frame.encode()).await.map_err(Error::internal)?;
    to.flush().await.map_err(Error::internal)
}

async fn read_frame(
    from: &mut (impl AsyncRead + Unpin),
    decoder: &mut ExecDecoder,
) -> Result<Option<ExecFrame>> {
    loop {
        if let Some(frame) = decoder.next_frame()? {
            return Ok(Some(frame));
        }
        let mut piece = vec![0; 16 << 10];
        match from.read(&mut piece).await.map_err(Error::internal)? {
            0 => return Ok(None),
            read => decoder.push(&piece[..read]),
        }
    }
}

/// Transfers both directions until the program ends, or the caller disconnects, which ends the program.
async fn pump_streams(
    mut session: ExecSession,
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut decoder: ExecDecoder,
) -> Result<()> {
    let (input, output) = (session.input.clone(), &mut session.output);
    let inward = async {
        while let Some(frame) = read_frame(from, &mut decoder).await? {
            let said = match frame {
                ExecFrame::Data(bytes) => ExecInput::Data(bytes),
                ExecFrame::Close => ExecInput::Close,
                ExecFrame::Resize(size) => {
                    ExecInput::Resize(TerminalSize { rows: size.rows, columns: size.columns })
                }
                _ => return Err(Error::invalid("exec-frame", "the frame is not an input of a program")),
            };
            // A program that reads no more input may still write output.
            let _ = input.send(said).await;
        }
        Ok(())
    };
    let outward = async {
        while let Some(said) = output.recv().await {
            match said {
                ExecOutput::Out(bytes) => send_frame(to, &ExecFrame::Data(bytes)).await?,
                ExecOutput::Err(bytes) => send_frame(to, &ExecFrame::Stderr(bytes)).await?,
                ExecOutput::Ended(end) => return send_frame(to, &ExecFrame::Ended(to_exec_end(end))).await,
            }
        }
        send_frame(to, &ended_frame("the connection to the container was lost")).await
    };
    tokio::select! {
        done = inward => done,
        done = outward => done,
    }
}

fn to_exec_end(end: Termination) -> ExecEnd {
    let (exit_code, signal, reason) = match end {
        Termination::Exited { code } => (Some(code), None, None),
        Termination::Killed { signal } => (None, Some(signal), None),
        Termination::OutOfMemory => {
            (None, Some(9), Some("it exceeded the memory limit of its container".to_owned()))
        }
        Termination::TimedOut => (None, None, Some("it exceeded its time limit".to_owned())),
        Termination::NotStarted { reason } => (None, None, Some(reason)),
        Termination::Lost => (None, None, Some("its outcome is unknown".to_owned())),
    };
    ExecEnd { exit_code, signal, reason }
}

/// Waits until the caller's right may have ended: until an access event concerns the caller, the tool or the
/// credential, or
/// `accounts` has not answered for [`MAX_UNCHECKED_TIME`].
async fn wait_for_revocation(mut access: TopicReader, caller: &ExecCaller) {
    let mut abouts = vec![caller.tool.to_string()];
    abouts.extend(caller.identity.user_id().map(|user| user.to_string()));
    abouts.extend(credential_id(&caller.identity));
    loop {
        let read = async {
            loop {
                match access.wait(CHECK_INTERVAL).await {
                    Ok(events) => return events,
                    Err(error) => {
                        tracing::debug!(%error, "rights of an exec caller not checked; will retry");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
            }
        };
        let Ok(events) = tokio::time::timeout(MAX_UNCHECKED_TIME, read).await else { return };
        let is_theirs = |event: &Event| match event.decode() {
            Ok(Some(AccessEvent::Changed(AccessChanged { about }))) => abouts.contains(&about),
            Ok(None) | Err(_) => false,
        };
        if events.iter().any(is_theirs) {
            return;
        }
    }
}

fn credential_id(identity: &Identity) -> Option<String> {
    use hearth_base::Credential;
    match &identity.credential {
        Credential::Session(id) => Some(id.to_string()),
        Credential::PersonalToken(id) | Credential::ToolToken(id) => Some(id.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hearth_base::{
        Caller, Clock, Credential, Entropy, IDENTITY_LIFETIME, Role, Scopes, SystemClock, UserId,
    };
    use hearth_kit::config::HearthConfig;
    use hearth_runtime_api::{engine::RestartBackoff, fake::FakeRuntime};
    use hearth_testkit::{DatabaseKind, FakeEventStream, ScratchDatabase, ServiceStand};
    use hearth_wire::{jobs::ExecOpen, tools::Quota};
    use tokio::io::DuplexStream;

    use super::*;

    /// The service with a fake of the access events.
    struct ExecStand {
        stand: ServiceStand,
        cx: JobsContext,
        events: FakeEventStream,
        caller: ExecCaller,
        _scratch: ScratchDatabase,
    }

    impl ExecStand {
        async fn start() -> Result<Self> {
            let scratch = ScratchDatabase::new(DatabaseKind::Sqlite).await?;
            let runtime = FakeRuntime::new(Arc::new(SystemClock), RestartBackoff::default());
            let (config, mounted) = (HearthConfig::default(), runtime.clone());
            let mount = move |kit: &hearth_kit::Kit| crate::mount_on(kit, mounted);
            let stand =
                ServiceStand::start_service(Role::Jobs, scratch.db(), mount, config, Quota::default())
                    .await?;
            let events = FakeEventStream::default();
            let accounts = events.build_router(AccessEvent::TOPIC_INFO);
            stand.set_fake_service(Role::Accounts, hearth_kit::build_local_service(accounts));
            let cx = JobsContext::new(&stand.kit, runtime)?;
            let now = SystemClock.now();
            let user = UserId::new(now, &Entropy::System);
            let identity = Identity {
                caller: Caller::User { id: user, name: "ann".parse()?, operator: false },
                credential: Credential::None,
                scopes: Scopes::full_access(),
                audience: Role::Jobs,
                tool: None,
                expires: now + IDENTITY_LIFETIME,
            };
            let (tool, tool_name) = (ToolId::new(now, &Entropy::System), "hello".parse()?);
            let caller = ExecCaller { identity, tool, tool_name, job: "web".parse()? };
            Ok(Self { stand, cx, events, caller, _scratch: scratch })
        }

        fn change_access(&self, about: String) -> Result<()> {
            let event = AccessEvent::Changed(AccessChanged { about });
            self.events.append_event(self.stand.kit.clock.now(), &event, None)
        }

        /// Serves a session until it ends. Returns the reason of its end.
        async fn serve_session(
            &self,
            access: TopicReader,
            ours: DuplexStream,
            theirs: &mut DuplexStream,
        ) -> Result<String> {
            let stop = self.cx.tasks.shutdown_signal();
            let mut decoder = ExecDecoder::default();
            let session = run_session(&self.cx, &self.caller, access, ours, &stop);
            let (ended, frame) = tokio::join!(session, read_frame(theirs, &mut decoder));
            ended?;
            let Some(ExecFrame::Ended(ExecEnd { reason: Some(reason), .. })) = frame? else {
                return Err(Error::internal("the session did not end with a reason"));
            };
            Ok(reason)
        }
    }

    #[tokio::test]
    async fn right_that_ends_while_a_session_opens_ends_the_session() -> Result<()> {
        let stand = ExecStand::start().await?;
        for about in [stand.caller.tool.to_string(), stand.caller.identity.user_id().unwrap().to_string()] {
            let access = follow_access(&stand.cx).await?;
            // The caller waits for a container, or has sent no command yet.
            stand.change_access(about)?;
            let (ours, mut theirs) = tokio::io::duplex(1 << 16);
            let reason = stand.serve_session(access, ours, &mut theirs).await?;
            assert_eq!(reason, "your right to run programs in this job has ended");
        }
        Ok(())
    }

    #[tokio::test]
    async fn session_is_opened_while_the_rights_of_others_end() -> Result<()> {
        let stand = ExecStand::start().await?;
        let access = follow_access(&stand.cx).await?;
        stand.change_access(UserId::new(SystemClock.now(), &Entropy::System).to_string())?;
        let (ours, mut theirs) = tokio::io::duplex(1 << 16);
        send_frame(&mut theirs, &ExecFrame::Open(ExecOpen::default())).await?;
        let reason = stand.serve_session(access, ours, &mut theirs).await?;
        assert!(reason.contains("web"), "the job does not exist: {reason}");
        Ok(())
    }
}
