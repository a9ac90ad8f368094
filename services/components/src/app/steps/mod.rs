//! The steps of a deployment. Each can be repeated after a crash at any point.

mod build;
mod check;
mod one_off;
mod runs;
mod source;
mod start;
mod startup_errors;
mod switch;

use hearth_base::Result;
use hearth_wire::components::{StepName, StepState};

use super::running::RunningDeployment;
use crate::{context::ComponentsContext, store::Deployment};

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
/// The code of the error about a one-off component that failed.
pub const ONE_OFF_FAILED_CODE: &str = "component-failed";

/// Runs a step and returns its final state. It changes `deployment`; the caller saves it.
pub async fn run_step(
    cx: &ComponentsContext,
    deployment: &mut Deployment,
    step: StepName,
) -> Result<StepState> {
    for rollout in deployment.components.values_mut() {
        rollout.progress.message.clear();
        rollout.progress.failed_step = None;
    }
    let running = RunningDeployment::new(cx, deployment.clone(), step)?;
    let outcome = match step {
        StepName::Source => source::run_source_step(&running).await,
        StepName::Build => build::run_build_step(&running).await,
        StepName::Check => check::run_check_step(&running).await,
        StepName::Start => start::run_start_step(&running).await,
        StepName::Switch => switch::run_switch_step(&running).await,
    };
    *deployment = running.into_inner();
    outcome
}
