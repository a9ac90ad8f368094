//! Errors about components that do not start: with the cause, the last log lines and a next step.

use hearth_base::{Error, ErrorKind, JobName, strip_terminal_codes};
use hearth_client::Body;
use hearth_kit::DelegatedClient;
use hearth_wire::{
    jobs::{JobsLogsQuery, Run, RunProblem},
    logs::LogsEntry,
};
use http_body_util::BodyExt;

use super::{CRASHED_CODE, NOT_READY_CODE, ONE_OFF_FAILED_CODE, UNREACHABLE_CODE, runs::ended_by_itself};
use crate::spec::ComponentSpec;

/// The maximum length of a log line in an error about the component.
const MAX_ERROR_LINE_CHARS: usize = 500;
/// The number of log lines in an error about the component.
const ERROR_LOG_LINES: usize = 5;
/// The number of log lines that are read for an error: the newest may be of other runs.
const READ_LOG_LINES: u32 = 100;
/// Bytes after which no further log lines are read for an error.
const MAX_LOG_BYTES: usize = 1 << 20;

/// The component that an error is about.
pub struct FailedComponent<'a> {
    pub jobs: &'a DelegatedClient,
    pub name: &'a JobName,
    pub spec: &'a ComponentSpec,
}

/// Builds the error about a component whose program ended again and again right after its start.
pub async fn build_crash_error(failed: &FailedComponent<'_>, ended: &[&Run]) -> Error {
    let name = failed.name;
    // The last lines of the newest run may not be stored yet.
    let explained = ended.iter().find(|run| run.error_line.is_some()).or(ended.first());
    let reason = explained.map(|run| describe_run_end(run)).unwrap_or_default();
    let what = format!("{name} ended {} times right after its start: {reason}", ended.len());
    let error = Error::conflict(CRASHED_CODE, what);
    let error = add_log_lines(error, failed, ended.iter().copied()).await;
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

/// Builds the error about a component that listens where nothing reaches it.
pub async fn build_unreachable_error(failed: &FailedComponent<'_>, run: &Run) -> Error {
    let (name, port) = (failed.name, failed.spec.job.port.unwrap_or_default());
    let reason = run.reason.as_deref().unwrap_or("it listens on 127.0.0.1 only");
    let what = format!("{name} cannot be reached: {reason}");
    let error = Error::conflict(UNREACHABLE_CODE, what);
    let error = add_log_lines(error, failed, [run]).await;
    let listen = format!("listen on 0.0.0.0, port {port} ($PORT), then deploy again");
    error.help(match run.problem {
        Some(RunProblem::ListensOnOtherPort) => {
            format!("{listen}; or name the port that it listens on: hearth deploy --port PORT")
        }
        _ => listen,
    })
}

/// Builds the error about a component that was not ready in time; `reason` is the status of its job.
pub async fn build_not_ready_error(failed: &FailedComponent<'_>, runs: &[Run], reason: &str) -> Error {
    let (name, port) = (failed.name, failed.spec.job.port.unwrap_or_default());
    let last_end = runs.iter().find(|run| ended_by_itself(run));
    let what = match (last_end, reason) {
        // The end of a program says more than the checks of its successor.
        (Some(run), _) => format!("{name} was not ready in time: {}", describe_run_end(run)),
        (None, "") => format!("{name} was not ready in time"),
        (None, reason) => format!("{name} was not ready in time: {reason}"),
    };
    let error = Error::new(ErrorKind::Timeout, NOT_READY_CODE, what);
    let error = add_log_lines(error, failed, runs).await;
    // A program that ended has another problem than its address, which its log names.
    if failed.spec.is_published() && last_end.is_none() {
        error.help(format!("listen on 0.0.0.0, port {port} ($PORT), then deploy again"))
    } else {
        error
    }
}

/// Builds the error about a one-off component that ended without success.
pub async fn build_one_off_error(failed: &FailedComponent<'_>, run: &Run) -> Error {
    let what = format!("{} has not succeeded: {}", failed.name, describe_run_end(run));
    add_log_lines(Error::conflict(ONE_OFF_FAILED_CODE, what), failed, [run]).await
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
    FailedComponent { jobs, name, .. }: &FailedComponent<'_>,
    runs: impl IntoIterator<Item = &'a Run>,
) -> Error {
    let error = error.help(format!("hearth jobs logs {name}"));
    let query = JobsLogsQuery { follow: Some(false), lines: Some(READ_LOG_LINES) };
    let Ok(answer) = jobs.client.jobs().stream_logs(&jobs.tool, name, &query).await else {
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
