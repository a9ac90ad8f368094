//! The step `switch`: waits until the new containers are ready. The previous containers run until then.

use std::time::Duration;

use hearth_base::{Error, ErrorKind, Result, Role, strip_terminal_codes};
use hearth_client::Body;
use hearth_kit::{DelegatedClient, events::TopicReader};
use hearth_wire::{
    components::{StepName, StepState},
    events::Topic,
    jobs::{Job, JobsLogsQuery, JobsQuery, Run, RunEnd, RunProblem, RunState, internal::RouteEvent},
    logs::LogsEntry,
    reply::Paging,
};
use http_body_util::BodyExt;
use jiff::SignedDuration;
use tokio::time::sleep;

use super::{
    super::create::NO_PORT, CRASHED_CODE, NOT_READY_CODE, UNREACHABLE_CODE, require_mandate,
    run_unless_changed, save_step_message, set_step_message,
};
use crate::{context::ComponentsContext, store::Deployment};

/// The deployment fails after this many ended runs of the new definition.
const MAX_STARTUP_CRASHES: usize = 3;
/// The pause between two polls of the job if no event arrives.
const JOB_POLL_INTERVAL: Duration = Duration::from_secs(1);
/// The maximum length of a log line in an error about the component.
const MAX_ERROR_LINE_CHARS: usize = 500;
/// The time for which a component without a port has to run: a program that fails at its start has ended by then.
const STEADY_TIME: SignedDuration = SignedDuration::from_secs(5);
/// The number of log lines in an error about the component.
const ERROR_LOG_LINES: usize = 5;
/// The number of log lines that are read for an error: the newest may be of other runs.
const READ_LOG_LINES: u32 = 100;
/// Bytes after which no further log lines are read for an error.
const MAX_LOG_BYTES: usize = 1 << 20;
/// The deployment fails after the component has listened on loopback only for this time: waiting longer changes
/// nothing.
const LOOPBACK_TIMEOUT: SignedDuration = SignedDuration::from_secs(10);
/// The deployment fails after the component has listened on another port only for this time. A program may open the
/// port of a helper first.
const OTHER_PORT_TIMEOUT: SignedDuration = SignedDuration::from_secs(20);

/// Waits until the new definition of the job is ready, has crashed too often, or is over its deadline.
pub async fn run_switch_step(cx: &ComponentsContext, deployment: &mut Deployment) -> Result<StepState> {
    if let Some(schedule) = deployment.schedule.clone() {
        set_step_message(deployment, StepName::Switch, format!("it runs at {schedule}"));
        return Ok(StepState::Done);
    }
    let mandate = require_mandate(deployment)?;
    let mut routes = TopicReader::new(&cx.clients, RouteEvent::TOPIC_INFO);
    let mut unreachable_since = None;
    loop {
        // The first call moves the reader to the end of the stream, before the job is read: no later event is
        // missed.
        wait_for_route(cx, deployment, &mut routes).await?;
        let jobs = cx.clients.create_delegated_client(Role::Jobs, mandate).await?;
        let query = JobsQuery::default();
        let job = jobs.client.jobs().show(&jobs.tool, &deployment.component, &query).await?;
        if is_ready(&job, deployment.progress.generation) && runs_steadily(cx, &jobs, deployment).await? {
            set_step_message(deployment, StepName::Switch, "it is ready");
            return Ok(StepState::Done);
        }
        let runs = list_own_runs(&jobs, deployment).await?;
        let ended: Vec<&Run> = runs.iter().filter(|run| ended_by_itself(run)).collect();
        if ended.len() >= MAX_STARTUP_CRASHES {
            return Err(build_crash_error(&jobs, deployment, &ended).await);
        }
        let unreachable = runs.iter().find_map(|run| Some((run, find_unreachable_timeout(run)?)));
        unreachable_since = unreachable.map(|_| unreachable_since.unwrap_or_else(|| cx.now()));
        if let (Some((run, timeout)), Some(since)) = (unreachable, unreachable_since)
            && since + timeout <= cx.now()
        {
            return Err(build_unreachable_error(&jobs, deployment, run).await);
        }
        let reason = job.status.messages.join("; ");
        if deployment.progress.ready_deadline.is_none_or(|deadline| deadline <= cx.now()) {
            return Err(build_not_ready_error(&jobs, deployment, &runs, &reason).await);
        }
        let message = if reason.is_empty() { "it is being started".to_owned() } else { reason };
        save_step_message(cx, deployment, StepName::Switch, message).await?;
    }
}

/// Waits for a change of routes or [`JOB_POLL_INTERVAL`]. The first call only moves the reader to the end of
/// the stream.
async fn wait_for_route(
    cx: &ComponentsContext,
    deployment: &Deployment,
    routes: &mut TopicReader,
) -> Result<()> {
    if let Err(error) = run_unless_changed(cx, deployment, routes.wait(JOB_POLL_INTERVAL)).await? {
        tracing::debug!(%error, "events of jobs not read; will poll");
        run_unless_changed(cx, deployment, sleep(JOB_POLL_INTERVAL)).await?;
    }
    Ok(())
}

/// Finds how long a run may listen where nothing reaches it; `None` if its problem is another one.
fn find_unreachable_timeout(run: &Run) -> Option<SignedDuration> {
    match run.problem? {
        RunProblem::ListensOnLoopback => Some(LOOPBACK_TIMEOUT),
        RunProblem::ListensOnOtherPort => Some(OTHER_PORT_TIMEOUT),
        RunProblem::Other => None,
    }
}

/// True if all containers of the job have this definition and at least one is ready.
fn is_ready(job: &Job, generation: Option<u64>) -> bool {
    let new = generation.is_none_or(|generation| job.status.generation >= generation);
    new && job.status.up_to_date && job.status.ready > 0
}

/// True if the component has run for [`STEADY_TIME`]. A component with a port proves itself by its checks instead.
async fn runs_steadily(
    cx: &ComponentsContext,
    jobs: &DelegatedClient,
    deployment: &Deployment,
) -> Result<bool> {
    if deployment.port != NO_PORT {
        return Ok(true);
    }
    let runs = list_newest_runs(jobs, deployment).await?;
    let running = runs.iter().filter(|run| run.state == RunState::Running);
    let started = running.filter_map(|run| run.started).max();
    Ok(started.is_none_or(|started| started + STEADY_TIME <= cx.now()))
}

async fn list_newest_runs(jobs: &DelegatedClient, deployment: &Deployment) -> Result<Vec<Run>> {
    let paging = Paging { limit: hearth_base::PageLimit::new(20)?, cursor: None };
    Ok(jobs.client.jobs().list_runs(&jobs.tool, &deployment.component, &paging).await?.runs)
}

/// Lists the runs of the new definition, the newest first.
async fn list_own_runs(jobs: &DelegatedClient, deployment: &Deployment) -> Result<Vec<Run>> {
    let runs = list_newest_runs(jobs, deployment).await?;
    let since = deployment.progress.job_changed_at;
    Ok(runs.into_iter().filter(|run| since.is_none_or(|since| run.created >= since)).collect())
}

/// True if the run ended without a stop request.
fn ended_by_itself(run: &Run) -> bool {
    run.state == RunState::Ended && run.end != Some(RunEnd::Stopped)
}

async fn build_crash_error(jobs: &DelegatedClient, deployment: &Deployment, ended: &[&Run]) -> Error {
    let name = &deployment.component;
    // The last lines of the newest run may not be stored yet.
    let explained = ended.iter().find(|run| run.error_line.is_some()).or(ended.first());
    let reason = explained.map(|run| describe_run_end(run)).unwrap_or_default();
    let what = format!("{name} ended {} times right after its start: {reason}", ended.len());
    let error = Error::conflict(CRASHED_CODE, what);
    let error = add_log_lines(error, jobs, deployment, ended.iter().copied()).await;
    match (find_missing_package(&reason), find_missing_program(&reason)) {
        (Some(package), _) => error.help(format!("add {package} to requirements.txt, then deploy again")),
        (None, Some(program)) => error.help(format!(
            "add the package that contains {program} (to requirements.txt, package.json or Aptfile), or correct the \
             command in the Procfile, then deploy again"
        )),
        (None, None) => error,
    }
}

/// Finds the program that the shell was to start and the image does not have: `exec: NAME: not found`.
fn find_missing_program(reason: &str) -> Option<&str> {
    let (_, rest) = reason.split_once("exec: ")?;
    let (program, _) = rest.split_once(": not found")?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (!program.is_empty() && program.len() <= 60 && program.bytes().all(is_plain)).then_some(program)
}

/// Finds the Python package that a program imports and its image does not have. Modules of the source itself have
/// names with dots, or are found.
fn find_missing_package(reason: &str) -> Option<&str> {
    let (_, rest) = reason.split_once("ModuleNotFoundError: No module named '")?;
    let (module, _) = rest.split_once('\'')?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (!module.is_empty() && module.bytes().all(is_plain)).then_some(module)
}

async fn build_unreachable_error(jobs: &DelegatedClient, deployment: &Deployment, run: &Run) -> Error {
    let (name, port) = (&deployment.component, deployment.port);
    let reason = run.reason.as_deref().unwrap_or("it listens on 127.0.0.1 only");
    let what = format!("{name} cannot be reached: {reason}");
    let error = Error::conflict(UNREACHABLE_CODE, what);
    let error = add_log_lines(error, jobs, deployment, [run]).await;
    let listen = format!("listen on 0.0.0.0, port {port} ($PORT), then deploy again");
    error.help(match run.problem {
        Some(RunProblem::ListensOnOtherPort) => {
            format!("{listen}; or name the port that it listens on: hearth deploy --port PORT")
        }
        _ => listen,
    })
}

async fn build_not_ready_error(
    jobs: &DelegatedClient,
    deployment: &Deployment,
    runs: &[Run],
    reason: &str,
) -> Error {
    let (name, port) = (&deployment.component, deployment.port);
    let last_end = runs.iter().find(|run| ended_by_itself(run));
    let what = match (last_end, reason) {
        // The end of a program says more than the checks of its successor.
        (Some(run), _) => format!("{name} was not ready in time: {}", describe_run_end(run)),
        (None, "") => format!("{name} was not ready in time"),
        (None, reason) => format!("{name} was not ready in time: {reason}"),
    };
    let error = Error::new(ErrorKind::Timeout, NOT_READY_CODE, what);
    let error = add_log_lines(error, jobs, deployment, runs).await;
    // A program that ended has another problem than its address, which its log names.
    if deployment.publish && last_end.is_none() {
        error.help(format!("listen on 0.0.0.0, port {port} ($PORT), then deploy again"))
    } else {
        error
    }
}

/// Describes the end of a run, with the line of its output that says why.
fn describe_run_end(run: &Run) -> String {
    let reason = run.reason.clone().filter(|reason| !reason.is_empty());
    let reason = reason.unwrap_or_else(|| match (run.exit_code, run.signal) {
        (Some(code), _) => format!("it exited with status {code}"),
        (None, Some(signal)) => format!("signal {signal} ended it"),
        (None, None) => "it could not be started".to_owned(),
    });
    match &run.error_line {
        Some(line) => format!("{reason}: {line}"),
        None => reason,
    }
}

/// Adds the last log lines of one of the runs to an error: of the first that wrote any. Lines of other runs are those
/// of another program.
async fn add_log_lines<'a>(
    error: Error,
    jobs: &DelegatedClient,
    deployment: &Deployment,
    runs: impl IntoIterator<Item = &'a Run>,
) -> Error {
    let error = error.help(format!("hearth jobs logs {}", deployment.component));
    let query = JobsLogsQuery { follow: Some(false), lines: Some(READ_LOG_LINES) };
    let Ok(answer) = jobs.client.jobs().stream_logs(&jobs.tool, &deployment.component, &query).await else {
        return error;
    };
    let text = read_body_text(answer.into_body()).await;
    let written = text.lines().filter_map(|line| serde_json::from_str::<LogsEntry>(line).ok());
    let entries: Vec<LogsEntry> = written.collect();
    let lines = runs.into_iter().map(|run| list_last_lines(&entries, run)).find(|lines| !lines.is_empty());
    lines.unwrap_or_default().into_iter().fold(error, Error::and_message)
}

/// Lists the last lines of a run that are not empty, the oldest first.
fn list_last_lines(entries: &[LogsEntry], run: &Run) -> Vec<String> {
    let own = entries.iter().rev().filter(|entry| entry.run == run.id);
    let lines = own.map(|entry| {
        strip_terminal_codes(&entry.message).chars().take(MAX_ERROR_LINE_CHARS).collect::<String>()
    });
    let mut last: Vec<String> = lines.filter(|line| !line.trim().is_empty()).take(ERROR_LOG_LINES).collect();
    last.reverse();
    last
}

/// Reads the text of a body and stops after [`MAX_LOG_BYTES`].
async fn read_body_text(mut body: Body) -> String {
    let mut read = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        read.extend(frame.into_data().unwrap_or_default());
        if read.len() > MAX_LOG_BYTES {
            break;
        }
    }
    String::from_utf8_lossy(&read).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_program_is_found_in_the_reason_of_a_crash() {
        let reason =
            "it ended with status 127: its command was not found: /bin/sh: 1: exec: gunicorn: not found";
        assert_eq!(find_missing_program(reason), Some("gunicorn"));
        for other in
            ["it ended with status 127", "exec: ./serve: not found", "sh: 1: exec: : not found", "exec: a b"]
        {
            assert_eq!(find_missing_program(other), None, "{other}");
        }
    }

    #[test]
    fn missing_package_is_found_in_the_reason_of_a_crash() {
        let reason = "it ended with status 1: ModuleNotFoundError: No module named 'requests'";
        assert_eq!(find_missing_package(reason), Some("requests"));
        for other in ["it ended with status 1", "ModuleNotFoundError: No module named 'app.views'"] {
            assert_eq!(find_missing_package(other), None, "{other}");
        }
    }
}
