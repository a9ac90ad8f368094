//! Takes a deployment from step to step, from wherever it is, until nothing is left to do.

use hearth_base::{Error, Kind, Result};
use hearth_kit::log_error;
use hearth_wire::components::{DeploymentId, DeploymentState, StepState};
use jiff::SignedDuration;

use super::{after, create::DEPLOY_TASK, end, steps, undo};
use crate::{
    cx::Cx,
    store::{CHANGED, Deployment},
};

/// Until what is kept for a deployment that is over is given up once more, when that did not succeed.
const LATER: SignedDuration = SignedDuration::from_mins(10);

/// Whether a deployment is taken further.
enum Turn {
    Further,
    Over,
}

/// Takes a deployment to its end. An error is one that may go away: called again, it goes on where it was. At the
/// `last` try such an error ends it too.
pub async fn drive(cx: &Cx, id: DeploymentId, last: bool) -> Result<()> {
    loop {
        let Some(mut deployment) = cx.store.deployment(id).await? else { return Ok(()) };
        match turn(cx, &mut deployment, last).await {
            Ok(Turn::Further) => {}
            Ok(Turn::Over) => return Ok(()),
            // Somebody wants it taken back, perhaps: it is read anew.
            Err(error) if error.code() == CHANGED => {}
            Err(error) => return Err(error),
        }
    }
}

async fn turn(cx: &Cx, deployment: &mut Deployment, last: bool) -> Result<Turn> {
    if deployment.ended.is_some() {
        return match after::settle(cx, deployment).await {
            Ok(()) => Ok(Turn::Over),
            // Whoever keeps something for it may be away for long: it is given up in the end.
            Err(error) if last => {
                log_error!(&error, deployment = %deployment.id, "ended deployment not settled; will retry");
                again(cx, deployment.id, LATER).await
            }
            Err(error) => Err(error),
        };
    }
    if let Some(mut failure) = deployment.failure.clone() {
        match undo::undo(cx, deployment).await {
            Err(error) if may_pass(&error) && !last => return Err(error),
            Err(error) => {
                failure.said =
                    format!("{}\nWhat it had begun could not be taken back: {error}", failure.said);
            }
            Ok(()) => {}
        }
        end::without_revision(cx, deployment, &failure).await?;
        return Ok(Turn::Further);
    }
    let open = |state| matches!(state, StepState::Waiting | StepState::Running);
    let Some(at) = deployment.steps.iter().position(|step| open(step.state)) else {
        end::succeed(cx, deployment).await?;
        return Ok(Turn::Further);
    };
    begin(cx, deployment, at).await?;
    let name = deployment.steps[at].name;
    match steps::take(cx, deployment, name).await {
        Ok(state) => {
            deployment.steps[at].state = state;
            deployment.steps[at].ended = Some(cx.now());
            end::save(cx, deployment).await?;
        }
        Err(error) if error.code() == CHANGED || (may_pass(&error) && !last) => return Err(error),
        Err(error) => {
            tracing::info!(deployment = %deployment.id, ?name, code = error.code(), "a deployment's step failed");
            end::fail(cx, deployment, &error).await?;
            if last {
                return again(cx, deployment.id, SignedDuration::ZERO).await;
            }
        }
    }
    Ok(Turn::Further)
}

/// Asks for a deployment anew: what comes next has as many tries as what came before.
async fn again(cx: &Cx, id: DeploymentId, pause: SignedDuration) -> Result<Turn> {
    let tx = cx.store.begin().await?;
    cx.store.queue.enqueue(&tx, DEPLOY_TASK, &id.to_string(), &id, cx.now() + pause).await?;
    tx.commit().await?;
    Ok(Turn::Over)
}

async fn begin(cx: &Cx, deployment: &mut Deployment, at: usize) -> Result<()> {
    if deployment.steps[at].state == StepState::Running {
        return Ok(());
    }
    let step = &mut deployment.steps[at];
    step.state = StepState::Running;
    step.started = Some(cx.now());
    deployment.state = DeploymentState::Running;
    end::save(cx, deployment).await
}

/// Whether trying again may help.
fn may_pass(error: &Error) -> bool {
    match error.kind() {
        Kind::Unavailable | Kind::Internal => true,
        Kind::Timeout => error.code() != steps::TOO_SLOW,
        _ => false,
    }
}
