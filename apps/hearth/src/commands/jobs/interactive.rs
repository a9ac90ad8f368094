//! `hearth jobs run -it`: an interactive program in a container of its own.
//!
//! A run has no standard input, so the run executes a holder script that keeps the container open, and the
//! program is started beside it. The holder ends by itself after the program, also when this command was
//! killed.

use hearth_base::{Entropy, Error, JobName, Result};
use hearth_client::{ExecInput, ExecOutput};
use hearth_wire::jobs::{
    ExecOpen, ExecQuery, ExecSize, JobCreate, JobsQuery, StatusShort, StopPolicy, WaitSeconds,
};

use super::{JOB_DELETED_NOTE, delete_job};
use crate::{attach::attach_streams, context::CommandContext, exit::Exit, tool_session::ToolSession};

/// The holder script: waits at most two minutes for the program to start, and then for its end.
const HOLDER_SCRIPT: &str = "n=0; \
    until [ -s /tmp/.hearth-program ] || [ $n -ge 120 ]; do sleep 1; n=$((n+1)); done; \
    while kill -0 \"$(cat /tmp/.hearth-program)\" 2>/dev/null; do sleep 1; done";
/// The program's script: writes its process id for the holder, then runs a shell, or the line that the server
/// appends.
const PROGRAM_SCRIPT: &str = "echo $$ >/tmp/.hearth-program; \
    if [ \"$1\" = line ]; then exec /bin/sh -c \"${2?the server does not support command lines}\"; fi; \
    if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi";

/// The options of an interactive program.
#[derive(Debug, Clone, Copy)]
pub struct InteractiveOptions {
    /// The size of the attached terminal; `None` for plain streams.
    pub terminal: Option<ExecSize>,
    /// Delete the job at the end.
    pub delete_when_over: bool,
    /// The user chose the name, so an older job may have it.
    pub is_named_by_user: bool,
}

/// Generates a name for a job without one.
pub fn generate_job_name() -> Result<JobName> {
    let [one, two, three] = Entropy::System.generate_bytes::<3>();
    format!("shell-{one:02x}{two:02x}{three:02x}").parse()
}

/// Runs the command of `create`, or a shell, and returns its exit status.
pub async fn run(
    cx: &CommandContext,
    session: &ToolSession<'_>,
    create: JobCreate,
    how: InteractiveOptions,
) -> Result<Exit> {
    let JobCreate { name, cmd: line, .. } = create.clone();
    let holder = JobCreate {
        cmd: HOLDER_SCRIPT.to_owned(),
        stop: Some(StopPolicy { signal: None, grace: Some(0) }),
        // The output goes to the terminal.
        filelog: Some(false),
        ..create
    };
    if how.delete_when_over && !how.is_named_by_user {
        cx.cleanup.register_cleanup(delete_job(session, &name), JOB_DELETED_NOTE);
    }
    session.send(session.client().jobs().create(session.tool_name(), &holder)).await?;
    if how.delete_when_over {
        cx.cleanup.register_cleanup(delete_job(session, &name), JOB_DELETED_NOTE);
    }
    let ended = attach_to_program(cx, session, &name, line, how).await;
    if how.delete_when_over {
        session.send(delete_job(session, &name)).await?;
        cx.cleanup.clear_cleanup();
    }
    ended
}

async fn attach_to_program(
    cx: &CommandContext,
    session: &ToolSession<'_>,
    name: &JobName,
    line: String,
    how: InteractiveOptions,
) -> Result<Exit> {
    let line = Some(line).filter(|line| !line.is_empty());
    let mode = if line.is_some() { "line" } else { "shell" };
    let command = ["/bin/sh", "-c", PROGRAM_SCRIPT, "sh", mode].map(str::to_owned).to_vec();
    let term = cx.settings.environment.terminal_type.clone();
    let open = ExecOpen { command, line, terminal: how.terminal, term, run: None };
    let mut steps = cx.printer.open_steps();
    steps.begin_step("start");
    let (input, output) = match steps.wait_for(open_program(session, name, open)).await {
        Ok(opened) => opened,
        Err(error) => {
            steps.mark_failed("");
            return Err(error);
        }
    };
    steps.mark_done(name.as_str());
    attach_streams(input, output, how.terminal.is_some()).await
}

/// Starts the program as soon as its container runs.
async fn open_program(
    session: &ToolSession<'_>,
    name: &JobName,
    open: ExecOpen,
) -> Result<(ExecInput, ExecOutput)> {
    let jobs = session.client().jobs();
    let query = ExecQuery { wait: Some(WaitSeconds::MAX_WAIT) };
    loop {
        match jobs.exec(session.tool_name(), name, open.clone(), &query).await {
            // The pull of a large image takes longer than one request.
            Err(error) if error.code() == "job-not-running" => {
                let job = jobs.show(session.tool_name(), name, &JobsQuery::default()).await?;
                if matches!(job.status.short, StatusShort::Succeeded | StatusShort::Failed) {
                    let sentence = format!("{name} did not start: {}", job.status_long);
                    return Err(Error::conflict("job-failed", sentence).help("hearth jobs images"));
                }
            }
            opened => return opened,
        }
    }
}
