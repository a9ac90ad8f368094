//! Which jobs run with variables as they are no more.

use hearth_base::{Result, ToolId};
use hearth_runtime_api::WorkloadId;
use hearth_wire::{envvars::internal::EnvvarsRevisions, jobs::internal::JobsWithEnvvars};

use crate::{
    cx::Cx,
    store::{Job, Kind, Workload},
};

/// How a tool's jobs stand to its variables.
pub async fn standing(cx: &Cx, tool: ToolId) -> Result<JobsWithEnvvars> {
    let (jobs, workloads) = (cx.store.jobs(tool).await?, cx.store.workloads(tool).await?);
    let now = cx.neighbours.envvar_revisions(tool).await?;
    let outdated = jobs.iter().filter(|job| {
        let set = set_of(job);
        let workload = workloads.iter().find(|workload| Some(workload.id) == set);
        workload.is_some_and(|workload| is_outdated(job, workload, &now))
    });
    let outdated = outdated.map(|job| job.name.clone()).collect();
    Ok(JobsWithEnvvars { outdated, jobs: jobs.into_iter().map(|job| job.name).collect() })
}

/// The present state of a tool's variables, where it makes a difference and can be found out.
pub async fn now(cx: &Cx, tool: ToolId, jobs: &[Job]) -> Option<EnvvarsRevisions> {
    if !jobs.iter().any(|job| set_of(job).is_some()) {
        return None;
    }
    let asked = cx.neighbours.envvar_revisions(tool).await;
    asked.inspect_err(|error| tracing::info!(%error, "whether variables have changed is not known")).ok()
}

/// Whether what runs of a continuous job was started with other variables. What is to be told anew gets the present
/// ones anyway.
pub fn is_outdated(job: &Job, workload: &Workload, now: &EnvvarsRevisions) -> bool {
    let runs = set_of(job) == Some(workload.id) && job.paused.is_none() && workload.wanted;
    let told = workload.envvars.as_deref().filter(|_| workload.is_told());
    runs && told.is_some_and(|told| told != now.of(&job.name))
}

fn set_of(job: &Job) -> Option<WorkloadId> {
    match job.kind {
        Kind::Kept(set) => Some(WorkloadId::Set(set)),
        Kind::OneOff | Kind::Scheduled(_) => None,
    }
}
