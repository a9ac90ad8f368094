//! Views of jobs.

use hearth_base::{JobName, Result};
use hearth_runtime_api::WorkloadId;
use hearth_wire::{envvars::internal::EnvvarsRevisions, jobs as wire};

use super::{
    envvars,
    status::{self, JobFacts},
};
use crate::{
    app::definition::{
        ToolScope, job_not_found_error,
        spec::{SpecDefaults, to_wire_job_as_set, to_wire_job_with_defaults},
    },
    context::JobsContext,
    store::{Job, JobKind, Run, Workload},
};

/// Returns all jobs of a tool; without `unset`, only with the fields that their maintainers set.
pub async fn show_jobs(cx: &JobsContext, scope: ToolScope<'_>, unset: bool) -> Result<Vec<wire::Job>> {
    let jobs = cx.store.list_jobs(scope.tool).await?;
    render_jobs(cx, scope, jobs, unset).await
}

/// Returns one job; without `unset`, only with the fields that its maintainers set.
pub async fn show_job(
    cx: &JobsContext,
    scope: ToolScope<'_>,
    name: &JobName,
    unset: bool,
) -> Result<wire::Job> {
    let job = cx.store.find_job(scope.tool, name).await?.ok_or_else(|| job_not_found_error(name))?;
    render_jobs(cx, scope, vec![job], unset).await?.pop().ok_or_else(|| job_not_found_error(name))
}

async fn render_jobs(
    cx: &JobsContext,
    scope: ToolScope<'_>,
    jobs: Vec<Job>,
    unset: bool,
) -> Result<Vec<wire::Job>> {
    let workloads = cx.store.list_workloads(scope.tool).await?;
    let newest = jobs.iter().filter_map(|job| job.last_run.clone()).collect();
    let runs = cx.store.list_active_runs_plus(scope.tool, newest).await?;
    let envvars = envvars::read_revisions(cx, scope.tool, &jobs).await;
    let now = ToolSnapshot { workloads: &workloads, runs: &runs, envvars: envvars.as_ref() };
    Ok(jobs.iter().map(|job| render_job(cx, scope, job, now, unset)).collect())
}

/// Current rows of a tool for the views of its jobs.
#[derive(Clone, Copy)]
struct ToolSnapshot<'a> {
    workloads: &'a [Workload],
    runs: &'a [Run],
    /// The revisions of its variables, if they could be read.
    envvars: Option<&'a EnvvarsRevisions>,
}

fn render_job(
    cx: &JobsContext,
    scope: ToolScope<'_>,
    job: &Job,
    now: ToolSnapshot<'_>,
    unset: bool,
) -> wire::Job {
    let ToolSnapshot { workloads, runs, envvars } = now;
    let last = runs.iter().find(|run| job.last_run.as_deref() == Some(&*run.id()));
    let alive: Vec<&Run> = runs.iter().filter(|run| run.job == job.id && !run.has_ended()).collect();
    let id = match job.kind {
        JobKind::Continuous(set) => Some(WorkloadId::Set(set)),
        JobKind::OneOff | JobKind::Scheduled(_) => last.map(|last| last.instance.workload),
    };
    let workload = workloads.iter().find(|workload| Some(workload.id) == id);
    let outdated =
        workload.zip(envvars).is_some_and(|(workload, now)| envvars::is_outdated(job, workload, now));
    let (status, words) =
        status::compute_status(JobFacts { job, workload, alive: &alive, last, outdated }, cx.now());
    if unset {
        to_wire_job_with_defaults(job, status, words, SpecDefaults::from_job(job, scope.name, &cx.settings))
    } else {
        to_wire_job_as_set(job, status, words)
    }
}
