//! Rollback of an unfinished deployment: the job returns to its previous definition.

use hearth_base::{Error, ErrorKind, MandateId, Result, Role};
use hearth_wire::components::{StepName, StepState};

use super::steps::require_mandate;
use crate::{
    context::ComponentsContext,
    store::{Deployment, PreviousJob},
};

/// Stops the build of a deployment and restores the previous definition of its job. A repeated call changes
/// nothing.
pub async fn roll_back_deployment(cx: &ComponentsContext, deployment: &Deployment) -> Result<()> {
    let mandate = require_mandate(deployment)?;
    if is_building(deployment) {
        stop_build(cx, deployment, mandate).await?;
    }
    let Some(before) = &deployment.progress.before else { return Ok(()) };
    let jobs = cx.clients.create_delegated_client(Role::Jobs, mandate).await?;
    match before {
        PreviousJob::Nothing => {
            let deleted = jobs.client.jobs().delete(&jobs.tool, &deployment.component).await;
            deleted.map(|_| ()).or_else(|error| ignore_already_done(error, ErrorKind::NotFound))
        }
        PreviousJob::Job(job) => jobs.client.jobs().update(&jobs.tool, job).await.map(|_| ()),
    }
}

fn is_building(deployment: &Deployment) -> bool {
    deployment.steps.iter().any(|step| {
        step.name == StepName::Build && !matches!(step.state, StepState::Done | StepState::Skipped)
    })
}

async fn stop_build(cx: &ComponentsContext, deployment: &Deployment, mandate: MandateId) -> Result<()> {
    let Some(build) = deployment.progress.build else { return Ok(()) };
    let builds = cx.clients.create_delegated_client(Role::Builds, mandate).await?;
    match builds.client.builds().cancel(&builds.tool, build).await {
        Ok(_) => Ok(()),
        Err(error) => ignore_already_done(error, ErrorKind::Conflict),
    }
}

/// Ignores the error of an object that is missing (`not_found`) or already ended (`over`).
fn ignore_already_done(error: Error, over: ErrorKind) -> Result<()> {
    if error.kind() == over || error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) }
}
