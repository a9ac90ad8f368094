//! `hearth jobs run -it`: a program with what is typed here, in a container of its own.
//!
//! A run has no standard input, so the run only holds the container open, and the program is started beside it. The
//! holder ends by itself when the program has, whatever becomes of this one.

use hearth_base::{Entropy, Error, JobName, Result};
use hearth_client::{ExecInput, ExecOutput};
use hearth_wire::jobs::{ExecOpen, ExecQuery, ExecSize, JobCreate, JobsQuery, StatusShort, StopPolicy, Wait};

use super::{JOB_DELETED, deleting};
use crate::{at_tool::AtTool, attach::carry, context::Context, exit::Exit};

/// Waits for two minutes until a program has begun, and then for its end.
const HOLD: &str = "n=0; \
    until [ -s /tmp/.hearth-program ] || [ $n -ge 120 ]; do sleep 1; n=$((n+1)); done; \
    while kill -0 \"$(cat /tmp/.hearth-program)\" 2>/dev/null; do sleep 1; done";
/// Begins as a program that the holder waits for: a shell, or the line that the server adds.
const BEGIN: &str = "echo $$ >/tmp/.hearth-program; \
    if [ \"$1\" = line ]; then exec /bin/sh -c \"${2?the server is of a release that knows no lines}\"; fi; \
    if command -v bash >/dev/null 2>&1; then exec bash -l; else exec sh -l; fi";

/// How the program is started.
#[derive(Debug, Clone, Copy)]
pub struct How {
    /// At this terminal; otherwise with plain streams.
    pub terminal: Option<ExecSize>,
    /// The job is deleted when it is over.
    pub removed: bool,
    /// Its name is of whoever typed the command: there may be a job of that name already.
    pub named: bool,
}

/// A name for a job that nobody named.
pub fn some_name() -> Result<JobName> {
    let [one, two, three] = Entropy::System.bytes::<3>();
    format!("shell-{one:02x}{two:02x}{three:02x}").parse()
}

/// Runs the command of `create`, or a shell, and ends as it ends.
pub async fn run(cx: &Context, at: &AtTool<'_>, create: JobCreate, how: How) -> Result<Exit> {
    let JobCreate { name, cmd: line, .. } = create.clone();
    let held =
        JobCreate { cmd: HOLD.to_owned(), stop: Some(StopPolicy { signal: None, grace: Some(0) }), ..create };
    if how.removed && !how.named {
        cx.leftover.is(deleting(at, &name), JOB_DELETED);
    }
    at.ask(at.client().jobs().create(at.name(), &held)).await?;
    if how.removed {
        cx.leftover.is(deleting(at, &name), JOB_DELETED);
    }
    let ended = attached(cx, at, &name, line, how).await;
    if how.removed {
        at.ask(deleting(at, &name)).await?;
        cx.leftover.is_nothing();
    }
    ended
}

async fn attached(cx: &Context, at: &AtTool<'_>, name: &JobName, line: String, how: How) -> Result<Exit> {
    let line = Some(line).filter(|line| !line.is_empty());
    let what = if line.is_some() { "line" } else { "shell" };
    let command = ["/bin/sh", "-c", BEGIN, "sh", what].map(str::to_owned).to_vec();
    let open = ExecOpen { command, line, terminal: how.terminal, run: None };
    let mut steps = cx.printer.steps();
    steps.begin("start");
    let (input, output) = match steps.during(opened(at, name, open)).await {
        Ok(opened) => opened,
        Err(error) => {
            steps.failed("");
            return Err(error);
        }
    };
    steps.done(name.as_str());
    carry(input, output, how.terminal.is_some()).await
}

/// Starts the program as soon as its container runs.
async fn opened(at: &AtTool<'_>, name: &JobName, open: ExecOpen) -> Result<(ExecInput, ExecOutput)> {
    let jobs = at.client().jobs();
    let query = ExecQuery { wait: Some(Wait::MOST) };
    loop {
        match jobs.exec(at.name(), name, open.clone(), &query).await {
            // Its image may be large.
            Err(error) if error.code() == "job-not-running" => {
                let job = jobs.show(at.name(), name, &JobsQuery::default()).await?;
                if matches!(job.status.short, StatusShort::Succeeded | StatusShort::Failed) {
                    let sentence = format!("{name} did not start: {}", job.status_long);
                    return Err(Error::conflict("job-failed", sentence).help("hearth jobs images"));
                }
            }
            opened => return opened,
        }
    }
}
