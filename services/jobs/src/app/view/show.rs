//! Jobs with how they are.

use hearth_base::{JobName, Result};
use hearth_runtime_api::WorkloadId;
use hearth_wire::{envvars::internal::EnvvarsRevisions, jobs as wire};

use super::{
    envvars,
    status::{self, Known},
};
use crate::{
    app::definition::{
        Of, no_such_job,
        spec::{Defaults, show_as_set, show_with_defaults},
    },
    cx::Cx,
    store::{Job, Kind, Run, Workload},
};

/// All of a tool's jobs; without `unset`, only what their maintainers set.
pub async fn all(cx: &Cx, of: Of<'_>, unset: bool) -> Result<Vec<wire::Job>> {
    let jobs = cx.store.jobs(of.tool).await?;
    shown(cx, of, jobs, unset).await
}

/// One job.
pub async fn one(cx: &Cx, of: Of<'_>, name: &JobName, unset: bool) -> Result<wire::Job> {
    let job = cx.store.job(of.tool, name).await?.ok_or_else(|| no_such_job(name))?;
    shown(cx, of, vec![job], unset).await?.pop().ok_or_else(|| no_such_job(name))
}

async fn shown(cx: &Cx, of: Of<'_>, jobs: Vec<Job>, unset: bool) -> Result<Vec<wire::Job>> {
    let workloads = cx.store.workloads(of.tool).await?;
    let newest = jobs.iter().filter_map(|job| job.last_run.clone()).collect();
    let runs = cx.store.runs_to_show(of.tool, newest).await?;
    let envvars = envvars::now(cx, of.tool, &jobs).await;
    let now = Now { workloads: &workloads, runs: &runs, envvars: envvars.as_ref() };
    Ok(jobs.iter().map(|job| view(cx, of, job, now, unset)).collect())
}

/// What is there of a tool now.
#[derive(Clone, Copy)]
struct Now<'a> {
    workloads: &'a [Workload],
    runs: &'a [Run],
    /// The state of its variables, if it is known.
    envvars: Option<&'a EnvvarsRevisions>,
}

fn view(cx: &Cx, of: Of<'_>, job: &Job, now: Now<'_>, unset: bool) -> wire::Job {
    let Now { workloads, runs, envvars } = now;
    let last = runs.iter().find(|run| job.last_run.as_deref() == Some(&*run.id()));
    let alive: Vec<&Run> = runs.iter().filter(|run| run.job == job.id && !run.is_over()).collect();
    let id = match job.kind {
        Kind::Kept(set) => Some(WorkloadId::Set(set)),
        Kind::OneOff | Kind::Scheduled(_) => last.map(|last| last.instance.workload),
    };
    let workload = workloads.iter().find(|workload| Some(workload.id) == id);
    let outdated =
        workload.zip(envvars).is_some_and(|(workload, now)| envvars::is_outdated(job, workload, now));
    let (status, words) = status::status(Known { job, workload, alive: &alive, last, outdated }, cx.now());
    if unset {
        show_with_defaults(job, status, words, Defaults::of(job, of.name, &cx.settings))
    } else {
        show_as_set(job, status, words)
    }
}
