//! The step `start`: gives the image to the job. It stores the previous definition of the job first, for a
//! rollback.

use std::time::Duration;

use hearth_base::{Error, ErrorKind, JobName, Result, Role};
use hearth_kit::DelegatedClient;
use hearth_wire::{
    components::{StepName, StepState},
    jobs::{Job, JobCreate, JobType, JobsQuery, StatusShort},
};
use jiff::SignedDuration;
use tokio::time::sleep;

use super::{
    super::{completion, create::NO_PORT},
    require_mandate, run_unless_changed, save_step_message, set_step_message,
};
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
        keep_schedule(deployment);
        deployment.progress.job_changed_at = Some(cx.now());
        completion::save_deployment(cx, deployment).await?;
    }
    let definition = build_job_create(deployment)?;
    let changed = jobs.client.jobs().update(&jobs.tool, &definition).await?.job_changed;
    let query = JobsQuery::default();
    // An unchanged job that keeps crashing waits for its next start: a restart ends its back-off.
    let has_failed = !changed
        && deployment.schedule.is_none()
        && jobs.client.jobs().show(&jobs.tool, &deployment.component, &query).await?.status.short
            == StatusShort::Failed;
    if !changed && (deployment.force_run || has_failed) {
        jobs.client.jobs().restart(&jobs.tool, &deployment.component).await?;
    }
    let job = jobs.client.jobs().show(&jobs.tool, &deployment.component, &query).await?;
    deployment.progress.generation = Some(job.status.generation);
    let start_timeout = SignedDuration::from_secs(cx.settings.start_timeout.into());
    deployment.progress.ready_deadline = Some(cx.now() + start_timeout);
    let message = match (&deployment.progress.before, changed) {
        (Some(PreviousJob::Nothing), _) => "the job was created",
        (_, true) => "the job was updated",
        (_, false) => "the job is unchanged",
    };
    set_step_message(deployment, StepName::Start, message);
    Ok(StepState::Done)
}

/// Reads the definition of the job without defaults. Fails if the job is paused, or of another type than the
/// component: a deployment without a schedule keeps a scheduled job, and one with a schedule needs one.
async fn read_previous_job(jobs: &DelegatedClient, deployment: &Deployment) -> Result<PreviousJob> {
    let query = JobsQuery { include_unset: Some(false) };
    match jobs.client.jobs().show(&jobs.tool, &deployment.component, &query).await {
        Ok(job) if job.status.paused.is_some() => Err(build_paused_error(&deployment.component)),
        Ok(job) if is_deployable(job.job_type, deployment.schedule.is_some()) => {
            to_job_create(&job).map(|job| PreviousJob::Job(Box::new(job)))
        }
        Ok(job) => {
            let (name, kind) = (&deployment.component, job.job_type.as_str());
            let needed = if deployment.schedule.is_some() { "scheduled" } else { "continuous or scheduled" };
            let what = format!("the tool has a {kind} job {name}; this deployment needs a {needed} job");
            Err(Error::conflict("component-kind", what)
                .help(format!("delete that job, or name another component: hearth jobs delete {name}")))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(PreviousJob::Nothing),
        Err(error) => Err(error),
    }
}

fn is_deployable(job_type: JobType, has_schedule: bool) -> bool {
    match job_type {
        JobType::Scheduled => true,
        JobType::Continuous | JobType::Webservice => !has_schedule,
        JobType::OneOff => false,
    }
}

/// A deployment without a schedule keeps that of the previous job, which has no page and no port.
fn keep_schedule(deployment: &mut Deployment) {
    let Some(PreviousJob::Job(job)) = &deployment.progress.before else { return };
    let (schedule, timezone) = (job.schedule.clone(), job.timezone.clone());
    if schedule.is_some() && deployment.schedule.is_none() {
        (deployment.schedule, deployment.timezone) = (schedule, timezone);
        (deployment.publish, deployment.port) = (false, NO_PORT);
    }
}

/// Builds the error about a paused job.
fn build_paused_error(name: &JobName) -> Error {
    let what = format!("the job {name} is paused; a deployment needs it to run");
    Error::conflict("job-paused", what).help(format!("hearth jobs resume {name}, then deploy again"))
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
        Some(PreviousJob::Nothing) => {
            let job_type =
                if deployment.schedule.is_some() { JobType::Scheduled } else { JobType::Continuous };
            let new = JobCreate::new(deployment.component.clone(), image, command);
            JobCreate { job_type: Some(job_type), ..new }
        }
        None => return Err(Error::internal("deployment has no previous job definition")),
    };
    job.mount = deployment.mount.or(job.mount);
    job.port = Some(deployment.port).filter(|port| *port != NO_PORT);
    job.publish = deployment.schedule.is_none().then_some(deployment.publish);
    if deployment.schedule.is_some() {
        (job.schedule, job.timezone) = (deployment.schedule.clone(), deployment.timezone.clone());
    }
    Ok(job)
}
