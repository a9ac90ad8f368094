//! Rollback of an unfinished deployment: the jobs return to their previous definitions.

use hearth_base::{Error, ErrorKind, JobName, Result, Role};
use hearth_kit::DelegatedClient;
use hearth_wire::jobs::{JobType, Run, RunState};

use super::steps::list_newest_runs;
use crate::{
    context::ComponentsContext,
    store::{ComponentRollout, Deployment, PreviousJob},
};

/// Stops the builds of a deployment and restores the previous definitions of its jobs: the page first, because a tool has
/// one page, and last the jobs that it removed. Every job is tried; the first error is returned. A repeated call changes
/// nothing.
pub async fn roll_back_deployment(cx: &ComponentsContext, deployment: &Deployment) -> Result<()> {
    let mandate = deployment.require_mandate()?;
    let mut outcome = stop_builds(cx, deployment).await;
    let has_changed_jobs = deployment.components.values().any(|rollout| rollout.progress.before.is_some());
    if !has_changed_jobs && deployment.removals.is_empty() {
        return outcome;
    }
    let jobs = cx.clients.create_delegated_client(Role::Jobs, mandate).await?;
    let mut changed: Vec<(&JobName, &ComponentRollout)> = deployment.components.iter().collect();
    changed.sort_by_key(|(_, rollout)| !rollout.spec.is_published());
    for (name, rollout) in changed {
        outcome = outcome.and(restore_job(&jobs, name, rollout).await);
    }
    // The definition of a one-off job would run it again.
    let removed = deployment.removals.values().filter(|job| job.effective_type() != JobType::OneOff);
    for definition in removed {
        outcome = outcome.and(jobs.client.jobs().replace_job(&jobs.tool, definition).await.map(|_| ()));
    }
    outcome
}

async fn restore_job(jobs: &DelegatedClient, name: &JobName, rollout: &ComponentRollout) -> Result<()> {
    if rollout.progress.job_changed_at.is_none() {
        return Ok(());
    }
    match &rollout.progress.before {
        None => Ok(()),
        Some(PreviousJob::Nothing) => {
            let deleted = jobs.client.jobs().delete(&jobs.tool, name).await;
            deleted.map(|_| ()).or_else(|error| ignore_already_done(error, ErrorKind::NotFound))
        }
        // The previous run of a one-off job has ended: its definition would run it again.
        Some(PreviousJob::Job(_)) if !rollout.spec.phase.is_main() => {
            stop_own_run(jobs, name, rollout.progress.previous_run.as_deref()).await
        }
        Some(PreviousJob::Job(job)) => jobs.client.jobs().replace_job(&jobs.tool, job).await.map(|_| ()),
    }
}

/// Stops the newest run of a one-off job, unless it is the one before the deployment.
async fn stop_own_run(jobs: &DelegatedClient, name: &JobName, previous_run: Option<&str>) -> Result<()> {
    let runs = match list_newest_runs(jobs, name).await {
        Err(error) => return ignore_already_done(error, ErrorKind::NotFound),
        Ok(runs) => runs,
    };
    let is_own = |run: &&Run| run.state != RunState::Ended && Some(run.id.as_str()) != previous_run;
    match runs.first().filter(is_own) {
        None => Ok(()),
        Some(run) => {
            let stopped = jobs.client.jobs().stop_run(&jobs.tool, name, &run.id).await;
            stopped.map(|_| ()).or_else(|error| ignore_already_done(error, ErrorKind::Conflict))
        }
    }
}

/// Cancels the builds that have not ended.
async fn stop_builds(cx: &ComponentsContext, deployment: &Deployment) -> Result<()> {
    let unfinished = deployment.components.values().filter(|rollout| rollout.progress.image.is_empty());
    for build in unfinished.filter_map(|rollout| rollout.progress.build) {
        let mandate = deployment.require_mandate()?;
        let builds = cx.clients.create_delegated_client(Role::Builds, mandate).await?;
        match builds.client.builds().cancel(&builds.tool, build).await {
            Ok(_) => {}
            Err(error) => ignore_already_done(error, ErrorKind::Conflict)?,
        }
    }
    Ok(())
}

/// Ignores the error of an object that is missing (`not_found`) or already ended (`over`).
fn ignore_already_done(error: Error, over: ErrorKind) -> Result<()> {
    if error.kind() == over || error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
