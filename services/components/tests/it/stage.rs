//! The service, its neighbours, a tool, and those who call.

use std::sync::Arc;

use axum::http::Method;
use hearth_base::{Access, Entropy, Result, Role, ToolId, ToolName};
use hearth_client::Client;
use hearth_components::ComponentsSettings;
use hearth_kit::{config::Config, db::Db};
use hearth_testkit::{Stand, answer_to, until};
use hearth_wire::{
    components::{
        DeploySource, Deployment, DeploymentCreate, DeploymentCreateQuery, DeploymentId, DeploymentQuery,
        DeploymentState, GitSource, Revision, StepName, StepState,
    },
    jobs::JobCreate,
    reply::Paging,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::neighbours::{Known, Neighbours};

/// The service, its neighbours, a tool, and those who call.
pub struct Stage {
    pub stand: Stand,
    pub neighbours: Arc<Neighbours>,
    pub id: ToolId,
    pub tool: ToolName,
    pub maintainer: Client,
    pub viewer: Client,
    /// Somebody who is nothing to the tool.
    pub stranger: Client,
    /// The owner of the tool `other`.
    pub other: Client,
    other_id: ToolId,
}

/// Two revisions keep their images, and what is started has a minute.
pub async fn stage(db: Db) -> Result<Stage> {
    let mut config = Config::default();
    config.set(ComponentsSettings { revisions_kept: 2, start_timeout: 60 });
    let mut stand =
        Stand::of(Role::Components, db, hearth_components::mount, config, Default::default()).await?;
    // No round second: builds are dated to the second.
    stand.passes(SignedDuration::from_millis(700));
    let neighbours = Neighbours::play(&stand);
    stand.start_workers();
    let tool_id = || ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System);
    let (id, other_id, tool) = (tool_id(), tool_id(), "hello".parse()?);
    Ok(Stage {
        maintainer: stand.member(id, &tool, Access::Write)?,
        viewer: stand.member(id, &tool, Access::Read)?,
        stranger: stand.stranger()?,
        other: stand.member(other_id, &"other".parse()?, Access::Own)?,
        stand,
        neighbours,
        id,
        tool,
        other_id,
    })
}

/// Of a repository.
pub fn git() -> DeploymentCreate {
    let source = GitSource { url: "https://code.example/hello".to_owned(), reference: None };
    DeploymentCreate { source: Some(DeploySource::Git(source)), ..DeploymentCreate::default() }
}

/// Of an image.
pub fn image(image: &str) -> DeploymentCreate {
    DeploymentCreate { source: Some(DeploySource::Image(image.to_owned())), ..DeploymentCreate::default() }
}

/// The state of a step.
pub fn step(deployment: &Deployment, name: StepName) -> Option<StepState> {
    deployment.steps.iter().find(|step| step.name == name).map(|step| step.state)
}

impl Stage {
    /// The maintainer deploys this, a second after whatever was before.
    pub async fn deploy(&self, create: &DeploymentCreate) -> Result<Deployment> {
        self.deploy_as(create, &DeploymentCreateQuery::default()).await
    }

    pub async fn deploy_as(
        &self,
        create: &DeploymentCreate,
        query: &DeploymentCreateQuery,
    ) -> Result<Deployment> {
        self.stand.passes(SignedDuration::from_secs(1));
        self.maintainer.components().deploy(&self.tool, create, query).await
    }

    /// As [`Stage::deploy`], behind the active one.
    pub async fn queue(&self, create: &DeploymentCreate) -> Result<Deployment> {
        self.deploy_as(create, &DeploymentCreateQuery { queue: true, ..Default::default() }).await
    }

    /// The maintainer deploys this, and it is over.
    pub async fn deployed(&self, create: &DeploymentCreate) -> Result<Deployment> {
        self.over(self.deploy(create).await?.deploy_id).await
    }

    /// Another tool deploys an image, which wakes whoever waits for work.
    pub async fn others_deploy(&self) -> Result<DeploymentState> {
        let (other, calls) = ("other".parse()?, self.other.components());
        let made = calls.deploy(&other, &image("web-only"), &DeploymentCreateQuery::default()).await?;
        until("the other tool's deployment is over", async || {
            let query = DeploymentQuery { wait: Some(25), after: None };
            let found = calls.show(&other, made.deploy_id, &query).await?;
            Ok(Some(found.status).filter(|state| state.is_over()))
        })
        .await
    }

    /// A deployment as it is now.
    pub async fn shown(&self, id: DeploymentId) -> Result<Deployment> {
        self.viewer.components().show(&self.tool, id, &DeploymentQuery::default()).await
    }

    /// A deployment once it is as wanted.
    pub async fn until(
        &self,
        id: DeploymentId,
        what: &str,
        wanted: impl Fn(&Deployment) -> bool,
    ) -> Result<Deployment> {
        let known = std::cell::Cell::new(None);
        until(what, async || {
            let query = DeploymentQuery { wait: known.get().map(|_| 25), after: known.get() };
            let found = self.viewer.components().show(&self.tool, id, &query).await?;
            known.set(Some(found.version).filter(|_| !found.status.is_over()));
            Ok(Some(found).filter(&wanted))
        })
        .await
    }

    /// A deployment once it is over.
    pub async fn over(&self, id: DeploymentId) -> Result<Deployment> {
        self.until(id, "the deployment is over", |found| found.status.is_over()).await
    }

    /// As [`Stage::over`], while time passes: what is tried again comes to its turn.
    pub async fn over_in_time(&self, id: DeploymentId) -> Result<Deployment> {
        until("the deployment is over", async || {
            self.stand.passes(SignedDuration::from_millis(100));
            Ok(Some(self.shown(id).await?).filter(|found| found.status.is_over()))
        })
        .await
    }

    /// A deployment once it is at a step.
    pub async fn at(&self, id: DeploymentId, name: StepName) -> Result<Deployment> {
        let running = |found: &Deployment| step(found, name) == Some(StepState::Running);
        self.until(id, "the deployment is at the step", running).await
    }

    /// Waits until neighbours have something.
    pub async fn until_known(&self, what: &str, wanted: impl Fn(&Known) -> bool) -> Result<()> {
        until(what, async || Ok(wanted(&self.neighbours.known()).then_some(()))).await
    }

    /// Waits until neighbours were asked this so often.
    pub async fn until_asked(&self, call: &str, times: usize) -> Result<()> {
        until(call, async || Ok((self.neighbours.times(call) >= times).then_some(()))).await
    }

    /// Waits until nothing of any deployment is left to do: all mandates have ended, and so many images are kept.
    pub async fn settled(&self, images: usize) -> Result<()> {
        let settled = |known: &Known| known.accounts.open() == 0 && known.images.pins.len() == images;
        until("nothing is left to do", async || {
            self.stand.passes(SignedDuration::from_millis(100));
            Ok(settled(&self.neighbours.known()).then_some(()))
        })
        .await
    }

    /// The tool's revisions, the newest first.
    pub async fn revisions(&self) -> Result<Vec<Revision>> {
        Ok(self.viewer.components().revisions(&self.tool, &Paging::default()).await?.revisions)
    }

    /// The tool's job as it is to be.
    pub fn job(&self) -> Option<JobCreate> {
        self.neighbours.known().jobs.job("web").map(|job| job.spec.clone())
    }

    /// The service's process is killed.
    pub async fn dies(&mut self) {
        assert!(self.stand.kill_workers().await, "what is killed has ended");
    }

    /// Another begins.
    pub async fn comes_back(&mut self) -> Result<()> {
        self.stand.mount(hearth_components::mount).await?;
        self.maintainer = self.stand.member(self.id, &self.tool, Access::Write)?;
        self.viewer = self.stand.member(self.id, &self.tool, Access::Read)?;
        self.other = self.stand.member(self.other_id, &"other".parse()?, Access::Own)?;
        self.stand.start_workers();
        Ok(())
    }

    /// Any call by a client, as status and document.
    pub async fn send(client: &Client, method: Method, path: &str, content: Option<Value>) -> (u16, Value) {
        let path = format!("/components/v1/tool/{path}");
        let (status, document) = answer_to(client, method, &path, content.as_ref()).await.unwrap();
        (status.as_u16(), document)
    }
}
