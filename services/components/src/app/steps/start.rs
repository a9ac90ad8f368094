//! The step `start`: gives the image to the job. It stores the previous definition of the job first, for a
//! rollback.

use std::time::Duration;

use hearth_base::{Error, ErrorKind, Result, Role};
use hearth_kit::DelegatedClient;
use hearth_wire::{
    components::{StepName, StepState},
    jobs::{Job, JobCreate, JobType, JobsQuery},
};
use jiff::SignedDuration;
use tokio::time::sleep;

use super::{super::completion, require_mandate, run_unless_changed, save_step_message, set_step_message};
use crate::{
    context::ComponentsContext,
    store::{Deployment, PreviousJob},
};

/// Creates or updates the job.
pub async fn run_start_step(cx: &ComponentsContext, deployment: &mut Deployment) -> Result<StepState> {
    while cx.store.has_cancelling_deployments(deployment.tool).await? {
        let message = "it waits for the rollback of an earlier deployment";
        save_step_message(cx, deployment, StepName::Start, message).await?;
        run_unless_changed(cx, deployment, sleep(Duration::from_millis(500))).await?;
    }
    let mandate = require_mandate(deployment)?;
    let jobs = cx.clients.create_delegated_client(Role::Jobs, mandate).await?;
    if deployment.progress.before.is_none() {
        deployment.progress.before = Some(read_previous_job(&jobs, deployment).await?);
        deployment.progress.job_changed_at = Some(cx.now());
        completion::save_deployment(cx, deployment).await?;
    }
    let definition = build_job_create(deployment)?;
    let changed = jobs.client.jobs().update(&jobs.tool, &definition).await?.job_changed;
    if deployment.force_run && !changed {
        jobs.client.jobs().restart(&jobs.tool, &deployment.component).await?;
    }
    let query = JobsQuery::default();
    let job = jobs.client.jobs().show(&jobs.tool, &deployment.component, &query).await?;
    deployment.progress.generation = Some(job.status.generation);
    let start_timeout = SignedDuration::from_secs(cx.settings.start_timeout.into());
    deployment.progress.ready_deadline = Some(cx.now() + start_timeout);
    let message = if changed { "the job was updated" } else { "the job is unchanged" };
    set_step_message(deployment, StepName::Start, message);
    Ok(StepState::Done)
}

/// Reads the definition of the job without defaults. Fails if the job is paused or not continuous.
async fn read_previous_job(jobs: &DelegatedClient, deployment: &Deployment) -> Result<PreviousJob> {
    let query = JobsQuery { include_unset: Some(false) };
    match jobs.client.jobs().show(&jobs.tool, &deployment.component, &query).await {
        Ok(job) if job.status.paused.is_some() => {
            let name = &deployment.component;
            let what = format!("the job {name} is paused; a deployment needs it to run");
            Err(Error::conflict("job-paused", what).help(format!("hearth jobs resume {name}")))
        }
        Ok(job) if matches!(job.job_type, JobType::Continuous | JobType::Webservice) => {
            to_job_create(&job).map(|job| PreviousJob::Job(Box::new(job)))
        }
        Ok(job) => {
            let (name, kind) = (&deployment.component, job.job_type.as_str());
            let what = format!("the tool has a {kind} job {name}; a deployment needs a continuous job");
            Err(Error::conflict("component-kind", what)
                .help(format!("delete that job, or name another component: hearth jobs delete {name}")))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(PreviousJob::Nothing),
        Err(error) => Err(error),
    }
}

/// Converts a job to the request that would create it.
fn to_job_create(job: &Job) -> Result<JobCreate> {
    let document = serde_json::to_value(job).map_err(Error::internal)?;
    serde_json::from_value(document).map_err(Error::internal)
}

/// Builds the new definition of the job: the previous one with the image and the command of this deployment.
fn build_job_create(deployment: &Deployment) -> Result<JobCreate> {
    let progress = &deployment.progress;
    let (image, command) = (progress.image.clone(), progress.command.clone());
    let mut job = match &progress.before {
        Some(PreviousJob::Job(job)) => JobCreate { imagename: image, cmd: command, ..JobCreate::clone(job) },
        Some(PreviousJob::Nothing) => JobCreate {
            job_type: Some(JobType::Continuous),
            ..JobCreate::new(deployment.component.clone(), image, command)
        },
        None => return Err(Error::internal("deployment has no previous job definition")),
    };
    job.port = Some(deployment.port);
    job.publish = Some(deployment.publish);
    Ok(job)
}
