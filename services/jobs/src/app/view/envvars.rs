//! Finds jobs that run with outdated variables.

use hearth_base::{Result, ToolId};
use hearth_runtime_api::WorkloadId;
use hearth_wire::{envvars::internal::EnvvarsRevisions, jobs::internal::JobsWithEnvvars};

use crate::{
    context::JobsContext,
    store::{Job, JobKind, Workload},
};

/// Lists a tool's jobs, and those of them that run with outdated variables.
pub async fn find_outdated_jobs(cx: &JobsContext, tool: ToolId) -> Result<JobsWithEnvvars> {
    let (jobs, workloads) = (cx.store.list_jobs(tool).await?, cx.store.list_workloads(tool).await?);
    let now = cx.peers.read_envvar_revisions(tool).await?;
    let outdated = jobs.iter().filter(|job| {
        let set = set_workload_id(job);
        let workload = workloads.iter().find(|workload| Some(workload.id) == set);
        workload.is_some_and(|workload| is_outdated(job, workload, &now))
    });
    let outdated = outdated.map(|job| job.name.clone()).collect();
    Ok(JobsWithEnvvars { outdated, jobs: jobs.into_iter().map(|job| job.name).collect() })
}

/// Reads the current revisions of a tool's variables; `None` without a continuous job, or if `envvars` does
/// not answer.
pub async fn read_revisions(cx: &JobsContext, tool: ToolId, jobs: &[Job]) -> Option<EnvvarsRevisions> {
    if !jobs.iter().any(|job| set_workload_id(job).is_some()) {
        return None;
    }
    let revisions = cx.peers.read_envvar_revisions(tool).await;
    revisions.inspect_err(|error| tracing::info!(%error, "revisions of variables not read")).ok()
}

/// Returns whether containers of a continuous job were started with other variables. A workload that
/// reconcile has yet to apply gets the current ones anyway.
pub fn is_outdated(job: &Job, workload: &Workload, now: &EnvvarsRevisions) -> bool {
    let runs = set_workload_id(job) == Some(workload.id) && job.is_awake() && workload.wanted;
    // A job with the values of a time has these until it is defined anew.
    let runs = runs && job.spec.envvars_at.is_none();
    let applied = workload.envvars_revision.as_deref().filter(|_| workload.is_applied());
    runs && applied.is_some_and(|applied| applied != now.revision_for_job(&job.name))
}

fn set_workload_id(job: &Job) -> Option<WorkloadId> {
    match job.kind {
        JobKind::Continuous(set) => Some(WorkloadId::Set(set)),
        JobKind::OneOff | JobKind::Scheduled(_) => None,
    }
}
