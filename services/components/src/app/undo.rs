//! Takes back what a deployment has begun, so that what ran before goes on.

use hearth_base::{Error, Kind, MandateId, Result, Role};
use hearth_wire::components::{StepName, StepState};

use super::steps::mandate;
use crate::{
    cx::Cx,
    store::{Before, Deployment},
};

/// Takes back what a deployment has begun. Done twice, it is done once.
pub async fn undo(cx: &Cx, deployment: &Deployment) -> Result<()> {
    let mandate = mandate(deployment)?;
    if building(deployment) {
        stop_build(cx, deployment, mandate).await?;
    }
    let Some(before) = &deployment.progress.before else { return Ok(()) };
    let jobs = cx.clients.acting(Role::Jobs, mandate).await?;
    match before {
        Before::Nothing => {
            let deleted = jobs.client.jobs().delete(&jobs.tool, &deployment.component).await;
            deleted.map(|_| ()).or_else(|error| unless_gone(error, Kind::NotFound))
        }
        Before::Job(job) => jobs.client.jobs().update(&jobs.tool, job).await.map(|_| ()),
    }
}

fn building(deployment: &Deployment) -> bool {
    deployment.steps.iter().any(|step| {
        step.name == StepName::Build && !matches!(step.state, StepState::Done | StepState::Skipped)
    })
}

async fn stop_build(cx: &Cx, deployment: &Deployment, mandate: MandateId) -> Result<()> {
    let Some(build) = deployment.progress.build else { return Ok(()) };
    let builds = cx.clients.acting(Role::Builds, mandate).await?;
    match builds.client.builds().cancel(&builds.tool, build).await {
        Ok(_) => Ok(()),
        Err(error) => unless_gone(error, Kind::Conflict),
    }
}

/// What is gone or over already needs nothing.
fn unless_gone(error: Error, over: Kind) -> Result<()> {
    if error.kind() == over || error.kind() == Kind::NotFound { Ok(()) } else { Err(error) }
}
