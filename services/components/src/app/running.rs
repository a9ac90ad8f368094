//! A deployment while one of its steps runs: the components advance side by side and change it one at a time.

use hearth_base::{Error, JobName, MandateId, Result, ToolId};
use hearth_wire::components::{DeploymentId, StepName};
use tokio::sync::{Mutex, watch};

use crate::{
    context::ComponentsContext,
    store::{ComponentRollout, DEPLOYMENT_CHANGED_CODE, Deployment, DeploymentContent},
};

/// The longest wait for a wake-up before the deployment is read again.
const MAX_CHANGE_WAIT: std::time::Duration = std::time::Duration::from_secs(60);

/// A deployment while one of its steps runs.
///
/// Requests to other services are never abandoned half-way, because a rollback could overtake them: a failed component,
/// or a change by another writer such as a cancellation, interrupts only the waits of the other components.
pub struct RunningDeployment<'a> {
    pub cx: &'a ComponentsContext,
    pub id: DeploymentId,
    pub tool: ToolId,
    pub mandate: MandateId,
    step: StepName,
    deployment: Mutex<Deployment>,
    interrupted: watch::Sender<bool>,
}

impl<'a> RunningDeployment<'a> {
    /// Takes the deployment for one step.
    pub fn new(cx: &'a ComponentsContext, deployment: Deployment, step: StepName) -> Result<Self> {
        Ok(Self {
            cx,
            id: deployment.id,
            tool: deployment.tool,
            mandate: deployment.require_mandate()?,
            step,
            deployment: Mutex::new(deployment),
            interrupted: watch::Sender::new(false),
        })
    }

    /// Returns the deployment after the step.
    pub fn into_inner(self) -> Deployment {
        self.deployment.into_inner()
    }

    /// Reads a value of the deployment.
    pub async fn read<T>(&self, select: impl FnOnce(&DeploymentContent) -> T) -> T {
        select(&self.deployment.lock().await.content)
    }

    /// Returns a copy of a component.
    pub async fn find_component(&self, name: &JobName) -> Result<ComponentRollout> {
        let found = self.read(|content| content.components.get(name).cloned()).await;
        found.ok_or_else(|| Error::internal("deployment lacks a component"))
    }

    /// Changes the deployment and saves it. Returns a conflict if another writer has changed it.
    pub async fn save_change(&self, change: impl FnOnce(&mut DeploymentContent)) -> Result<()> {
        let mut deployment = self.deployment.lock().await;
        change(&mut deployment.content);
        save_deployment(self.cx, &mut deployment).await
    }

    /// Changes a component. The change is saved with the next one that is saved, at the latest at the end of the step.
    pub async fn change_component(&self, name: &JobName, change: impl FnOnce(&mut ComponentRollout)) {
        self.deployment.lock().await.content.components.get_mut(name).map(change);
    }

    /// Sets the message of a component without saving it.
    pub async fn set_message(&self, name: &JobName, message: impl Into<String>) -> bool {
        let mut deployment = self.deployment.lock().await;
        set_component_message(&mut deployment.content, self.step, name, message.into())
    }

    /// Sets the message of a component, and saves the deployment if it is new.
    pub async fn save_message(&self, name: &JobName, message: impl Into<String>) -> Result<()> {
        if self.set_message(name, message).await { self.save_change(|_| ()).await } else { Ok(()) }
    }

    /// Runs `work` for all components side by side. After the first error, the others stop at their next wait. Returns
    /// that error, or the conflict with another writer.
    pub async fn run_side_by_side<W: Future<Output = Result<()>> + Send>(
        &self,
        names: &[JobName],
        work: impl Fn(JobName) -> W + Send + Sync,
    ) -> Result<()> {
        let all = names.iter().map(|name| self.run_and_record_error(name.clone(), work(name.clone())));
        let all = futures::future::join_all(all.collect::<Vec<_>>());
        let outcomes = tokio::select! {
            outcomes = all => outcomes,
            never = self.interrupt_on_change() => match never {},
        };
        let errors = outcomes.into_iter().filter_map(Result::err);
        errors.min_by_key(|error| error.code() == DEPLOYMENT_CHANGED_CODE).map_or(Ok(()), Err)
    }

    /// Runs `work` for a component. An error interrupts the other components.
    async fn run_and_record_error(
        &self,
        name: JobName,
        work: impl Future<Output = Result<()>> + Send,
    ) -> Result<()> {
        let Err(error) = work.await else { return Ok(()) };
        self.interrupted.send_replace(true);
        if error.code() != DEPLOYMENT_CHANGED_CODE {
            self.set_message(&name, error.public_message()).await;
            let step = self.step;
            self.change_component(&name, |component| component.progress.failed_step = Some(step)).await;
        }
        Err(error)
    }

    /// Waits for `work`. Fails once another component has failed or another writer has changed the deployment.
    pub async fn wait_unless_interrupted<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        let mut interrupted = self.interrupted.subscribe();
        tokio::select! {
            done = work => Ok(done),
            _ = interrupted.wait_for(|interrupted| *interrupted) => Err(build_changed_error()),
        }
    }

    /// Interrupts the components once another writer has changed the deployment.
    async fn interrupt_on_change(&self) -> std::convert::Infallible {
        let mut listener = self.cx.store.listen_to_deployment(self.tool, self.id);
        loop {
            {
                // The lock excludes own writes, so that an own version is not taken for that of another writer.
                let own = self.deployment.lock().await;
                let stored = self.cx.store.find_deployment(self.id).await;
                if !stored.is_ok_and(|stored| stored.is_some_and(|stored| stored.version == own.version)) {
                    self.interrupted.send_replace(true);
                    drop(own);
                    return std::future::pending().await;
                }
            }
            let _reads_in_any_case = listener.wait_for(MAX_CHANGE_WAIT).await;
        }
    }
}

/// Saves a deployment in a transaction of its own.
pub async fn save_deployment(cx: &ComponentsContext, deployment: &mut Deployment) -> Result<()> {
    let tx = cx.store.begin().await?;
    cx.store.save_deployment(&tx, deployment).await?;
    tx.commit().await
}

/// Builds the conflict with another writer.
pub fn build_changed_error() -> Error {
    Error::conflict(DEPLOYMENT_CHANGED_CODE, "the deployment was changed meanwhile")
}

/// Sets the message of a component, and with it that of the step and of the deployment. Returns true if it is new.
fn set_component_message(
    content: &mut DeploymentContent,
    step: StepName,
    name: &JobName,
    message: String,
) -> bool {
    let Some(component) = content.components.get_mut(name) else { return false };
    if component.progress.message == message {
        return false;
    }
    component.progress.message = message;
    let described = describe_components(content);
    if let Some(step) = content.steps.iter_mut().find(|found| found.name == step) {
        step.message.clone_from(&described);
    }
    content.message = described;
    true
}

/// Joins the messages of the components; that of the only component stands alone.
fn describe_components(content: &DeploymentContent) -> String {
    let written = content.components.iter().filter(|(_, rollout)| !rollout.progress.message.is_empty());
    let texts = written.map(|(name, rollout)| {
        let message = &rollout.progress.message;
        let names_itself =
            message.strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with([':', ' ']));
        if content.components.len() == 1 || names_itself {
            message.clone()
        } else {
            format!("{name}: {message}")
        }
    });
    texts.collect::<Vec<_>>().join("; ")
}
