//! The steps of a deployment. Each can be taken again after a kill at any point.

mod build;
mod check;
mod source;
mod start;
mod switch;

use hearth_base::{Error, MandateId, Result};
use hearth_wire::components::{StepName, StepState};

use super::end;
use crate::{
    cx::Cx,
    store::{CHANGED, Deployment},
};

/// The code of the refusal of what did not answer in time.
pub const TOO_SLOW: &str = "component-not-ready";

/// How long a change is waited for before the deployment is read again.
const MAX_WAIT: std::time::Duration = std::time::Duration::from_secs(60);

/// Takes a step. How it ended; what it found is noted, and written back by whoever calls.
pub async fn take(cx: &Cx, deployment: &mut Deployment, step: StepName) -> Result<StepState> {
    match step {
        StepName::Source => source::take(cx, deployment).await,
        StepName::Build => build::take(cx, deployment).await,
        StepName::Check => check::take(cx, deployment).await,
        StepName::Start => start::take(cx, deployment).await,
        StepName::Switch => switch::take(cx, deployment).await,
    }
}

/// With whose right the steps are taken.
pub fn mandate(deployment: &Deployment) -> Result<MandateId> {
    deployment.mandate.ok_or_else(|| Error::internal("a deployment without a mandate"))
}

/// Says what a step found or waits for. Whether that is news.
fn say(deployment: &mut Deployment, name: StepName, said: impl Into<String>) -> bool {
    let said = said.into();
    let Some(step) = deployment.steps.iter_mut().find(|step| step.name == name) else { return false };
    if step.message == said {
        return false;
    }
    step.message.clone_from(&said);
    deployment.said = said;
    true
}

/// Says it, and writes it down when it is news.
async fn tell(cx: &Cx, deployment: &mut Deployment, name: StepName, said: impl Into<String>) -> Result<()> {
    if say(deployment, name, said) { end::save(cx, deployment).await } else { Ok(()) }
}

/// Waits until a deployment is changed by somebody else, which is the error.
async fn changed(cx: &Cx, deployment: &Deployment) -> Error {
    let mut listener = cx.store.listen_to_deployment(deployment.tool, deployment.id);
    loop {
        match cx.store.deployment(deployment.id).await {
            Ok(Some(now)) if now.version == deployment.version => {}
            Ok(_) => return Error::conflict(CHANGED, "this deployment has just been changed"),
            Err(error) => return error,
        }
        let _reads_in_any_case = listener.wait_for(MAX_WAIT).await;
    }
}

/// Waits for `work`, unless the deployment is changed by somebody else meanwhile.
async fn unless_changed<T>(cx: &Cx, deployment: &Deployment, work: impl Future<Output = T>) -> Result<T> {
    tokio::select! {
        done = work => Ok(done),
        error = changed(cx, deployment) => Err(error),
    }
}
