//! One-off components: a job that runs once within a deployment, such as a database migration.

use std::time::Duration;

use hearth_base::{Error, ErrorKind, JobName, Result, Role};
use hearth_kit::DelegatedClient;
use hearth_wire::jobs::{JobsQuery, Run, RunEnd, RunQuery, RunState, StatusShort, WaitSeconds};
use jiff::SignedDuration;
use tokio::time::{Instant, sleep};

use super::{
    super::running::RunningDeployment,
    NOT_READY_CODE,
    runs::list_newest_runs,
    startup_errors::{self, FailedComponent},
};

/// The longest wait of one request for the end of a run.
const RUN_WAIT: WaitSeconds = WaitSeconds::MAX_WAIT;
/// The shortest pause between two requests.
const MIN_POLL_INTERVAL: Duration = Duration::from_millis(500);

/// Runs a one-off component and waits for its success. After a crash, it finds the run that it started before.
pub async fn run_to_end(running: &RunningDeployment<'_>, name: &JobName) -> Result<()> {
    let component = running.find_component(name).await?;
    if component.progress.is_done {
        return Ok(());
    }
    let jobs = running.cx.clients.create_delegated_client(Role::Jobs, running.mandate).await?;
    let mut run = start_once(running, &jobs, name).await?;
    running.save_message(name, "it runs").await?;
    loop {
        let ended = wait_for_end(running, name, &run).await?;
        if ended.end == Some(RunEnd::Exited) && ended.exit_code == Some(0) {
            running.change_component(name, |component| component.progress.is_done = true).await;
            running.set_message(name, "it has succeeded").await;
            return running.save_change(|_| ()).await;
        }
        match find_retry(running, &jobs, name, &run).await? {
            Some(retry) => run = retry,
            None => {
                let failed = FailedComponent { jobs: &jobs, name, spec: &component.spec };
                return Err(startup_errors::build_one_off_error(&failed, &ended).await);
            }
        }
    }
}

/// Starts the job at most once, and returns its run.
async fn start_once(
    running: &RunningDeployment<'_>,
    jobs: &DelegatedClient,
    name: &JobName,
) -> Result<String> {
    let progress = running.find_component(name).await?.progress;
    let newest = find_newest_run(jobs, name).await?;
    if progress.job_changed_at.is_none() {
        let now = running.cx.now();
        let deadline = now + SignedDuration::from_secs(running.cx.settings.start_timeout.into());
        running
            .change_component(name, |component| {
                component.progress.job_changed_at = Some(now);
                component.progress.ready_deadline = Some(deadline);
                component.progress.previous_run = newest;
            })
            .await;
        running.save_change(|_| ()).await?;
    } else if let Some(newest) = newest
        && progress.previous_run.as_ref() != Some(&newest)
    {
        return Ok(newest);
    }
    let definition = running.find_component(name).await?.build_definition(true);
    let job = jobs.client.jobs().create(&jobs.tool, &definition).await?;
    let run = match job.status.run {
        Some(run) => Some(run),
        None => find_newest_run(jobs, name).await?,
    };
    run.ok_or_else(|| Error::internal("a created one-off job has no run"))
}

/// Finds the newest run of the job, which may not exist.
async fn find_newest_run(jobs: &DelegatedClient, name: &JobName) -> Result<Option<String>> {
    match list_newest_runs(jobs, name).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        runs => Ok(runs?.into_iter().next().map(|run| run.id)),
    }
}

/// Waits for the run that repeats the failed run `run`. Returns `None` if the job does not retry it.
async fn find_retry(
    running: &RunningDeployment<'_>,
    jobs: &DelegatedClient,
    name: &JobName,
    run: &str,
) -> Result<Option<String>> {
    loop {
        let newest = find_newest_run(jobs, name).await?;
        if newest.as_deref().is_some_and(|newest| newest != run) {
            return Ok(newest);
        }
        let job = jobs.client.jobs().show(&jobs.tool, name, &JobsQuery::default()).await?;
        if !matches!(job.status.short, StatusShort::Pending | StatusShort::Running) {
            return Ok(None);
        }
        running.wait_unless_interrupted(sleep(MIN_POLL_INTERVAL)).await?;
    }
}

/// Waits for the end of a run. Fails if the run has not started at the deadline of the component.
async fn wait_for_end(running: &RunningDeployment<'_>, name: &JobName, run: &str) -> Result<Run> {
    let deadline = running.find_component(name).await?.progress.ready_deadline;
    loop {
        let began = Instant::now();
        let wait = async {
            let jobs = running.cx.clients.create_delegated_client(Role::Jobs, running.mandate).await?;
            let query = RunQuery { wait: Some(RUN_WAIT) };
            jobs.client.jobs().show_run(&jobs.tool, name, run, &query).await
        };
        let found = running.wait_unless_interrupted(wait).await??;
        if found.state == RunState::Ended {
            return Ok(found);
        }
        if found.started.is_none() && deadline.is_some_and(|deadline| deadline <= running.cx.now()) {
            let reason = found.reason.map(|reason| format!(": {reason}")).unwrap_or_default();
            let what = format!("{name} was not started in time{reason}");
            return Err(
                Error::new(ErrorKind::Timeout, NOT_READY_CODE, what).help(format!("hearth jobs show {name}"))
            );
        }
        running.wait_unless_interrupted(sleep(MIN_POLL_INTERVAL.saturating_sub(began.elapsed()))).await?;
    }
}
