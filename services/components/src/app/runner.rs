//! Runs a deployment from its stored state until it is finalized.
//!
//! | state of the row | next action |
//! |---|---|
//! | ended | finalize: end the mandate, unpin images, delete the row if it was deleted |
//! | failure recorded (an error, or a cancellation) | roll back, then end without a revision |
//! | a step is waiting or running | run that step |
//! | all steps are done | end with a revision |

use hearth_base::{Error, Result};
use hearth_kit::log_error;
use hearth_wire::components::{DeploymentId, DeploymentState, StepState};
use jiff::SignedDuration;

use super::{completion, create::DEPLOY_TASK, finalize, rollback, steps};
use crate::{
    context::ComponentsContext,
    store::{DEPLOYMENT_CHANGED_CODE, Deployment},
};

/// The pause before another series of attempts to finalize an ended deployment.
const FINALIZE_RETRY_DELAY: SignedDuration = SignedDuration::from_mins(10);

/// The outcome of one action on a deployment.
enum AdvanceOutcome {
    /// Read the deployment again and take the next action.
    Continue,
    /// The worker is done with the deployment, or has rescheduled it.
    Finished,
}

/// Runs a deployment to its end. It returns only transient errors: a repeated call continues at the stored
/// state. With `last`, the last attempt, a transient error fails the deployment too.
pub async fn run_deployment(cx: &ComponentsContext, id: DeploymentId, last: bool) -> Result<()> {
    loop {
        let Some(mut deployment) = cx.store.find_deployment(id).await? else { return Ok(()) };
        match advance_deployment(cx, &mut deployment, last).await {
            Ok(AdvanceOutcome::Continue) => {}
            Ok(AdvanceOutcome::Finished) => return Ok(()),
            // Another writer changed it, perhaps a cancellation: read it again.
            Err(error) if error.code() == DEPLOYMENT_CHANGED_CODE => {}
            Err(error) => return Err(error),
        }
    }
}

async fn advance_deployment(
    cx: &ComponentsContext,
    deployment: &mut Deployment,
    last: bool,
) -> Result<AdvanceOutcome> {
    if deployment.ended.is_some() {
        return match finalize::finalize_deployment(cx, deployment).await {
            Ok(()) => Ok(AdvanceOutcome::Finished),
            // `accounts` or `images` may be unavailable for long. Ended deployments are finalized whenever
            // they return.
            Err(error) if last => {
                log_error!(&error, deployment = %deployment.id, "ended deployment not finalized; will retry");
                reschedule_deployment(cx, deployment.id, FINALIZE_RETRY_DELAY).await
            }
            Err(error) => Err(error),
        };
    }
    if let Some(mut failure) = deployment.failure.clone() {
        match rollback::roll_back_deployment(cx, deployment).await {
            Err(error) if is_transient(&error) && !last => return Err(error),
            Err(error) => {
                failure.message = format!("{}\n{}{error}", failure.message, rollback::ROLLBACK_FAILED);
            }
            Ok(()) => {}
        }
        completion::complete_without_revision(cx, deployment, &failure).await?;
        return Ok(AdvanceOutcome::Continue);
    }
    let open = |state| matches!(state, StepState::Waiting | StepState::Running);
    let Some(at) = deployment.steps.iter().position(|step| open(step.state)) else {
        completion::complete_with_revision(cx, deployment).await?;
        return Ok(AdvanceOutcome::Continue);
    };
    begin_step(cx, deployment, at).await?;
    let name = deployment.steps[at].name;
    match steps::run_step(cx, deployment, name).await {
        Ok(state) => {
            deployment.steps[at].state = state;
            deployment.steps[at].ended = Some(cx.now());
            completion::save_step_end(cx, deployment, name).await?;
        }
        Err(error) if error.code() == DEPLOYMENT_CHANGED_CODE || (is_transient(&error) && !last) => {
            return Err(error);
        }
        Err(error) => {
            tracing::info!(deployment = %deployment.id, ?name, code = error.code(), "step of a deployment failed");
            completion::record_failure(cx, deployment, &error).await?;
            if last {
                return reschedule_deployment(cx, deployment.id, SignedDuration::ZERO).await;
            }
        }
    }
    Ok(AdvanceOutcome::Continue)
}

/// Enqueues a deployment again, so that its next action has the full number of attempts.
async fn reschedule_deployment(
    cx: &ComponentsContext,
    id: DeploymentId,
    pause: SignedDuration,
) -> Result<AdvanceOutcome> {
    let tx = cx.store.begin().await?;
    cx.store.queue.enqueue(&tx, DEPLOY_TASK, &id.to_string(), &id, cx.now() + pause).await?;
    tx.commit().await?;
    Ok(AdvanceOutcome::Finished)
}

async fn begin_step(cx: &ComponentsContext, deployment: &mut Deployment, at: usize) -> Result<()> {
    if deployment.steps[at].state == StepState::Running {
        return Ok(());
    }
    let step = &mut deployment.steps[at];
    step.state = StepState::Running;
    step.started = Some(cx.now());
    deployment.state = DeploymentState::Running;
    completion::save_deployment(cx, deployment).await
}

/// True if a retry may succeed. A retry of a container that does not become ready would not.
fn is_transient(error: &Error) -> bool {
    error.kind().is_transient() && error.code() != steps::NOT_READY_CODE
}
