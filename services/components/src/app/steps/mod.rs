//! The steps of a deployment. Each can be repeated after a crash at any point.

mod build;
mod check;
mod source;
mod start;
mod switch;

use hearth_base::{Error, MandateId, Result};
use hearth_wire::components::{StepName, StepState};

use super::completion;
use crate::{
    context::ComponentsContext,
    store::{DEPLOYMENT_CHANGED_CODE, Deployment},
};

/// The code of the error about a component that was not ready in time.
pub const NOT_READY_CODE: &str = "component-not-ready";
/// The code of the error about a component that ended right after its start.
pub const CRASHED_CODE: &str = "component-crashed";
/// The code of the error about a component that listens where nothing reaches it.
pub const UNREACHABLE_CODE: &str = "component-unreachable";
/// The code of the error about an image without the component's process.
pub const NO_PROCESS_CODE: &str = "no-process";
/// The code of the error about a build without an image.
pub const BUILD_FAILED_CODE: &str = "build-failed";

/// The longest wait for a wake-up before the deployment is read again.
const MAX_CHANGE_WAIT: std::time::Duration = std::time::Duration::from_secs(60);

/// Runs a step and returns its final state. It changes `deployment`; the caller saves it.
pub async fn run_step(
    cx: &ComponentsContext,
    deployment: &mut Deployment,
    step: StepName,
) -> Result<StepState> {
    match step {
        StepName::Source => source::run_source_step(cx, deployment).await,
        StepName::Build => build::run_build_step(cx, deployment).await,
        StepName::Check => check::run_check_step(cx, deployment).await,
        StepName::Start => start::run_start_step(cx, deployment).await,
        StepName::Switch => switch::run_switch_step(cx, deployment).await,
    }
}

/// Returns the mandate that the steps act with.
pub fn require_mandate(deployment: &Deployment) -> Result<MandateId> {
    deployment.mandate.ok_or_else(|| Error::internal("deployment has no mandate"))
}

/// Sets the message of a step and of the deployment. Returns true if the message is new.
fn set_step_message(deployment: &mut Deployment, name: StepName, message: impl Into<String>) -> bool {
    let message = message.into();
    let Some(step) = deployment.steps.iter_mut().find(|step| step.name == name) else { return false };
    if step.message == message {
        return false;
    }
    step.message.clone_from(&message);
    deployment.message = message;
    true
}

/// Sets the message of a step and saves the deployment if the message is new.
async fn save_step_message(
    cx: &ComponentsContext,
    deployment: &mut Deployment,
    name: StepName,
    message: impl Into<String>,
) -> Result<()> {
    if set_step_message(deployment, name, message) {
        completion::save_deployment(cx, deployment).await
    } else {
        Ok(())
    }
}

/// Waits until another writer changes the deployment, and returns that conflict.
async fn wait_for_change(cx: &ComponentsContext, deployment: &Deployment) -> Error {
    let mut listener = cx.store.listen_to_deployment(deployment.tool, deployment.id);
    loop {
        match cx.store.find_deployment(deployment.id).await {
            Ok(Some(now)) if now.version == deployment.version => {}
            Ok(_) => return Error::conflict(DEPLOYMENT_CHANGED_CODE, "the deployment was changed meanwhile"),
            Err(error) => return error,
        }
        let _reads_in_any_case = listener.wait_for(MAX_CHANGE_WAIT).await;
    }
}

/// Runs `work`. Fails if another writer changes the deployment meanwhile.
async fn run_unless_changed<T>(
    cx: &ComponentsContext,
    deployment: &Deployment,
    work: impl Future<Output = T>,
) -> Result<T> {
    tokio::select! {
        done = work => Ok(done),
        error = wait_for_change(cx, deployment) => Err(error),
    }
}
