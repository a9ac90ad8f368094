//! Stops runs of a job, without deleting the job.

use hearth_base::{Error, JobName, Result};
use hearth_runtime_api::WorkloadId;

use super::pause;
use crate::{
    app::{
        definition::{ToolScope, job_not_found_error},
        runs::find::find_run,
        workloads::launch,
    },
    context::JobsContext,
    store::JobKind,
};

/// Stops the runs of a job: a continuous job is paused; active runs of other jobs end and are not retried.
/// Returns whether anything was stopped.
pub async fn stop(cx: &JobsContext, scope: ToolScope<'_>, name: &JobName) -> Result<bool> {
    let job = cx.store.find_job(scope.tool, name).await?.ok_or_else(|| job_not_found_error(name))?;
    if let JobKind::Continuous(_) = job.kind {
        return pause::pause_job(cx, scope, name).await;
    }
    let tx = cx.store.begin().await?;
    cx.store.lock_tool_name(&tx, scope.tool).await?;
    let mut ran = false;
    for workload in cx.store.lock_tool_workloads(&tx, scope.tool, Some(job.id)).await? {
        if workload.wanted && !workload.done {
            ran = true;
            launch::stop_workload(cx, &tx, workload).await?;
        }
    }
    tx.commit().await?;
    Ok(ran)
}

/// Stops a run; does nothing if it has ended. `job-continuous` (invalid) for a container of a continuous job.
pub async fn stop_run(cx: &JobsContext, scope: ToolScope<'_>, name: &JobName, id: &str) -> Result<()> {
    let run = find_run(cx, scope, name, id).await?;
    let WorkloadId::Run(_) = run.instance.workload else {
        return Err(Error::invalid(
            "job-continuous",
            format!("run {id} belongs to a continuous job, which would restart it"),
        )
        .help(format!("stop the job: hearth jobs stop {name}; or replace it: hearth jobs restart {name}")));
    };
    let tx = cx.store.begin().await?;
    cx.store.lock_tool_name(&tx, scope.tool).await?;
    let workload = cx.store.find_workload_for_update(&tx, run.instance.workload).await?;
    if let Some(workload) = workload.filter(|workload| !workload.done) {
        launch::stop_workload(cx, &tx, workload).await?;
    }
    tx.commit().await
}
