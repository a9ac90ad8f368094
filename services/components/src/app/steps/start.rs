//! Start: the job is given the image. What it was before is written down first, to go back to.

use std::time::Duration;

use hearth_base::{Error, Kind, Result, Role};
use hearth_kit::Deputy;
use hearth_wire::{
    components::{StepName, StepState},
    jobs::{Job, JobCreate, JobType, JobsQuery},
};
use jiff::SignedDuration;
use tokio::time::sleep;

use super::{end, mandate, say, tell, unless_changed};
use crate::{
    cx::Cx,
    store::{Before, Deployment},
};

/// Makes or changes the job.
pub async fn take(cx: &Cx, deployment: &mut Deployment) -> Result<StepState> {
    while cx.store.deployment_cancelling(deployment.tool).await? {
        let said = "it waits until an earlier deployment is taken back";
        tell(cx, deployment, StepName::Start, said).await?;
        unless_changed(cx, deployment, sleep(Duration::from_millis(500))).await?;
    }
    let mandate = mandate(deployment)?;
    let jobs = cx.clients.acting(Role::Jobs, mandate).await?;
    if deployment.progress.before.is_none() {
        deployment.progress.before = Some(before(&jobs, deployment).await?);
        deployment.progress.changed = Some(cx.now());
        end::save(cx, deployment).await?;
    }
    let wanted = wanted(deployment)?;
    let changed = jobs.client.jobs().update(&jobs.tool, &wanted).await?.job_changed;
    if deployment.force_run && !changed {
        jobs.client.jobs().restart(&jobs.tool, &deployment.component).await?;
    }
    let query = JobsQuery::default();
    let job = jobs.client.jobs().show(&jobs.tool, &deployment.component, &query).await?;
    deployment.progress.generation = Some(job.status.generation);
    let patience = SignedDuration::from_secs(cx.settings.start_timeout.into());
    deployment.progress.until = Some(cx.now() + patience);
    let said = if changed { "the job was told" } else { "the job was like that already" };
    say(deployment, StepName::Start, said);
    Ok(StepState::Done)
}

/// What the job is now, as far as its maintainers have said.
async fn before(jobs: &Deputy, deployment: &Deployment) -> Result<Before> {
    let query = JobsQuery { include_unset: Some(false) };
    match jobs.client.jobs().show(&jobs.tool, &deployment.component, &query).await {
        Ok(job) if job.status.paused.is_some() => {
            let name = &deployment.component;
            let what = format!("the job {name} is paused, and a deployment has to see it run");
            Err(Error::conflict("job-paused", what).help(format!("hearth jobs resume {name}")))
        }
        Ok(job) if matches!(job.job_type, JobType::Continuous | JobType::Webservice) => {
            definition(&job).map(|job| Before::Job(Box::new(job)))
        }
        Ok(job) => {
            let (name, kind) = (&deployment.component, job.job_type.word());
            let what =
                format!("the tool has a {kind} job {name} already, and a deployment keeps its own running");
            Err(Error::conflict("component-kind", what)
                .help(format!("delete that job, or name another component: hearth jobs delete {name}")))
        }
        Err(error) if error.kind() == Kind::NotFound => Ok(Before::Nothing),
        Err(error) => Err(error),
    }
}

/// A job as it would be written down.
fn definition(job: &Job) -> Result<JobCreate> {
    let written = serde_json::to_value(job).map_err(Error::internal)?;
    serde_json::from_value(written).map_err(Error::internal)
}

/// The job as it is to be: as it was, with the image and the command of this deployment.
fn wanted(deployment: &Deployment) -> Result<JobCreate> {
    let progress = &deployment.progress;
    let (image, command) = (progress.image.clone(), progress.command.clone());
    let mut job = match &progress.before {
        Some(Before::Job(job)) => JobCreate { imagename: image, cmd: command, ..JobCreate::clone(job) },
        Some(Before::Nothing) => JobCreate {
            job_type: Some(JobType::Continuous),
            ..JobCreate::new(deployment.component.clone(), image, command)
        },
        None => return Err(Error::internal("a job whose past was not written down")),
    };
    job.port = Some(deployment.port);
    job.publish = Some(deployment.publish);
    Ok(job)
}
