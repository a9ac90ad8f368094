//! Switch: it is waited for until what is new answers. What ran before goes on until then.

use std::time::Duration;

use hearth_base::{Error, Kind, Result, Role};
use hearth_client::Body;
use hearth_kit::{Deputy, events::TopicReader};
use hearth_wire::{
    components::{StepName, StepState},
    events::Topic,
    jobs::{Job, JobsLogsQuery, JobsQuery, Run, RunEnd, RunState, internal::RouteEvent},
    logs::LogsEntry,
    reply::Paging,
};
use http_body_util::BodyExt;
use tokio::time::sleep;

use super::{TOO_SLOW, mandate, say, tell, unless_changed};
use crate::{cx::Cx, store::Deployment};

/// After so many ends of what is new, it is not waited for any longer.
const ENDS: usize = 3;
/// How long a change is waited for until the job is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How many of the last lines are told.
const LINES: u32 = 5;

/// Waits until what is new is ready.
pub async fn take(cx: &Cx, deployment: &mut Deployment) -> Result<StepState> {
    let mandate = mandate(deployment)?;
    let mut routes = TopicReader::new(&cx.clients, RouteEvent::TOPIC_INFO);
    loop {
        // The end of the stream first: what happens from here on wakes.
        wait_for_route(cx, deployment, &mut routes).await?;
        let jobs = cx.clients.acting(Role::Jobs, mandate).await?;
        let query = JobsQuery::default();
        let job = jobs.client.jobs().show(&jobs.tool, &deployment.component, &query).await?;
        if is_ready(&job, deployment.progress.generation) {
            say(deployment, StepName::Switch, "it answers");
            return Ok(StepState::Done);
        }
        let ended = ended(&jobs, deployment).await?;
        if ended.len() >= ENDS {
            return Err(crashed(&jobs, deployment, &ended).await);
        }
        let reason = job.status.messages.join("; ");
        if deployment.progress.until.is_none_or(|until| until <= cx.now()) {
            return Err(too_slow(&jobs, deployment, &ended, &reason).await);
        }
        let said = if reason.is_empty() { "it is being started".to_owned() } else { reason };
        tell(cx, deployment, StepName::Switch, said).await?;
    }
}

/// Waits for a change of routes, or a moment. The first time the reader only goes to the end of the stream.
async fn wait_for_route(cx: &Cx, deployment: &Deployment, routes: &mut TopicReader) -> Result<()> {
    if let Err(error) = unless_changed(cx, deployment, routes.wait(LOOK)).await? {
        tracing::debug!(%error, "events of jobs cannot be read");
        unless_changed(cx, deployment, sleep(LOOK)).await?;
    }
    Ok(())
}

/// Whether everything that runs is of this definition, and some of it answers.
fn is_ready(job: &Job, generation: Option<u64>) -> bool {
    let new = generation.is_none_or(|generation| job.status.generation >= generation);
    new && job.status.up_to_date && job.status.ready > 0
}

/// Runs of what is new that ended by themselves, the newest first.
async fn ended(jobs: &Deputy, deployment: &Deployment) -> Result<Vec<Run>> {
    let paging = Paging { limit: hearth_base::Limit::new(20)?, cursor: None };
    let runs = jobs.client.jobs().runs(&jobs.tool, &deployment.component, &paging).await?.runs;
    let since = deployment.progress.changed;
    let ours = |run: &Run| since.is_none_or(|since| run.created >= since);
    let by_itself = |run: &Run| run.state == RunState::Ended && run.end != Some(RunEnd::Stopped);
    Ok(runs.into_iter().filter(|run| ours(run) && by_itself(run)).collect())
}

async fn crashed(jobs: &Deputy, deployment: &Deployment, ended: &[Run]) -> Error {
    let name = &deployment.component;
    let reason = ended.first().map(how).unwrap_or_default();
    let what = format!("{name} ended {} times right after its start: {reason}", ended.len());
    with_lines(Error::conflict("component-crashed", what), jobs, deployment).await
}

async fn too_slow(jobs: &Deputy, deployment: &Deployment, ended: &[Run], reason: &str) -> Error {
    let (name, port) = (&deployment.component, deployment.port);
    let what = match (reason, ended.first()) {
        ("", Some(run)) => format!("{name} was not ready in time: {}", how(run)),
        ("", None) => format!("{name} was not ready in time"),
        (reason, _) => format!("{name} was not ready in time: {reason}"),
    };
    let error = Error::new(Kind::Timeout, TOO_SLOW, what);
    let error = with_lines(error, jobs, deployment).await;
    if deployment.publish {
        error.help(format!("listen on 0.0.0.0, port {port} ($PORT), then deploy again"))
    } else {
        error
    }
}

/// How a run ended.
fn how(run: &Run) -> String {
    let told = run.reason.clone().filter(|reason| !reason.is_empty());
    told.unwrap_or_else(|| match (run.exit_code, run.signal) {
        (Some(code), _) => format!("it exited with status {code}"),
        (None, Some(signal)) => format!("signal {signal} ended it"),
        (None, None) => "it could not be started".to_owned(),
    })
}

/// The error with the last lines that were written, when they can be had.
async fn with_lines(error: Error, jobs: &Deputy, deployment: &Deployment) -> Error {
    let error = error.help(format!("hearth jobs logs {}", deployment.component));
    let query = JobsLogsQuery { follow: Some(false), lines: Some(LINES) };
    let Ok(answer) = jobs.client.jobs().logs(&jobs.tool, &deployment.component, &query).await else {
        return error;
    };
    let text = text(answer.into_body()).await;
    let written = text.lines().filter_map(|line| serde_json::from_str::<LogsEntry>(line).ok());
    let lines: Vec<String> =
        written.map(|entry| seen(&entry.message)).filter(|line| !line.trim().is_empty()).collect();
    let last = lines.into_iter().rev().take(LINES as usize).rev();
    last.fold(error, Error::also)
}

/// What a body holds, as far as it is not too long.
async fn text(mut body: Body) -> String {
    let mut read = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        read.extend(frame.into_data().unwrap_or_default());
        if read.len() > 64 << 10 {
            break;
        }
    }
    String::from_utf8_lossy(&read).into_owned()
}

/// A tool's line, without what a terminal would obey.
fn seen(line: &str) -> String {
    line.chars().filter(|letter| !letter.is_control()).take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::seen;

    #[test]
    fn a_tools_line_commands_no_terminal() {
        assert_eq!(seen("\u{1b}[31mboom\u{7}"), "[31mboom");
        assert_eq!(seen(&"x".repeat(1000)).len(), 500);
    }
}
