//! Rollback of an unfinished deployment: the jobs return to their previous definitions.
//!
//! This service restores the jobs in its own name. The mandate of the deployment may have ended, because its author lost
//! the right, and the tool must not stay between two revisions.

use hearth_base::{Error, ErrorKind, JobName, Result, Role};
use hearth_client::Client;
use hearth_wire::jobs::{
    JobType,
    internal::{FormerJob, JobRestore},
};

use crate::{
    context::ComponentsContext,
    store::{ComponentRollout, Deployment, PreviousJob},
};

/// The start of the line of a failure's message that tells why the rollback failed.
pub const ROLLBACK_FAILED: &str = "The rollback failed: ";

/// Stops the builds of a deployment and restores the previous definitions of its jobs: the page first, because a tool has
/// one page, and last the jobs that it removed. Every job is tried; the first error is returned. A repeated call changes
/// nothing.
pub async fn roll_back_deployment(cx: &ComponentsContext, deployment: &Deployment) -> Result<()> {
    let mut outcome = stop_builds(cx, deployment).await;
    let mut changed: Vec<(&JobName, &ComponentRollout)> = deployment.components.iter().collect();
    changed.sort_by_key(|(_, rollout)| !rollout.spec.is_published());
    let changed = changed.into_iter().filter_map(|(name, rollout)| Some((name, find_former_job(rollout)?)));
    // The definition of a one-off job would run it again.
    let removed = deployment.removals.iter().filter(|(_, job)| job.effective_type() != JobType::OneOff);
    let removed = removed.map(|(name, job)| (name, FormerJob::Definition(Box::new(job.clone()))));
    let former: Vec<(&JobName, FormerJob)> = changed.chain(removed).collect();
    if former.is_empty() {
        return outcome;
    }
    let accounts = cx.clients.create_client(Role::Accounts)?;
    let tool = match accounts.accounts_internal().show_tool_facts(deployment.tool).await {
        Ok(facts) => facts.name,
        // The jobs of a deleted tool are deleted with it.
        Err(error) if error.kind() == ErrorKind::NotFound => return outcome,
        Err(error) => return Err(error),
    };
    let jobs: Client = cx.clients.create_client(Role::Jobs)?;
    for (name, state) in former {
        let restore = JobRestore { tool: tool.clone(), state };
        outcome = outcome.and(jobs.jobs().restore_job(deployment.tool, name, &restore).await.map(|_| ()));
    }
    outcome
}

/// Finds the state to which the job of a component returns; `None` if the deployment has not changed it.
fn find_former_job(rollout: &ComponentRollout) -> Option<FormerJob> {
    rollout.progress.job_changed_at?;
    Some(match rollout.progress.before.as_ref()? {
        PreviousJob::Nothing => FormerJob::Absent,
        // The previous run of a one-off job has ended: its definition would run it again.
        PreviousJob::Job(_) if !rollout.spec.phase.is_main() => {
            FormerJob::OneOff { newest_run: rollout.progress.previous_run.clone() }
        }
        PreviousJob::Job(job) => FormerJob::Definition(job.clone()),
    })
}

/// Cancels the builds that have not ended. Those of a lost mandate run to their end, and nothing uses their images.
async fn stop_builds(cx: &ComponentsContext, deployment: &Deployment) -> Result<()> {
    let unfinished = deployment.components.values().filter(|rollout| rollout.progress.image.is_empty());
    for build in unfinished.filter_map(|rollout| rollout.progress.build) {
        let mandate = deployment.require_mandate()?;
        let builds = match cx.clients.create_delegated_client(Role::Builds, mandate).await {
            Err(error) if error.kind() == ErrorKind::Forbidden => return Ok(()),
            builds => builds?,
        };
        match builds.client.builds().cancel(&builds.tool, build).await {
            Ok(_) => {}
            Err(error) => ignore_already_done(error)?,
        }
    }
    Ok(())
}

/// Ignores the error of a build that is missing or has ended.
fn ignore_already_done(error: Error) -> Result<()> {
    if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound) { Ok(()) } else { Err(error) }
}
