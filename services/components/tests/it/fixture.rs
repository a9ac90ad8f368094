//! A fixture: the service, fake neighbour services, a tool, and clients.

use std::sync::Arc;

use axum::http::Method;
use hearth_base::{Access, Entropy, Result, Role, ToolId, ToolName};
use hearth_client::Client;
use hearth_components::ComponentsSettings;
use hearth_kit::{config::HearthConfig, db::Db};
use hearth_testkit::{ServiceStand, send_json_request, wait_until};
use hearth_wire::{
    components::{
        DeploySource, Deployment, DeploymentCreate, DeploymentCreateQuery, DeploymentId, DeploymentQuery,
        DeploymentState, GitSource, Revision, StepName, StepState,
        events::{DeploymentEvent, DeploymentEventData},
    },
    events::{Event, EventsQuery, Topic},
    jobs::JobCreate,
    reply::Paging,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::fake_services::{FakeComponentPeers, FakeState};

/// The service, fake neighbour services, a tool, and clients.
pub struct ComponentsFixture {
    pub stand: ServiceStand,
    pub services: Arc<FakeComponentPeers>,
    pub id: ToolId,
    pub tool: ToolName,
    pub maintainer: Client,
    pub viewer: Client,
    /// A user who is no member of the tool.
    pub stranger: Client,
    /// The owner of the tool `other`.
    pub other: Client,
    other_id: ToolId,
}

/// Starts the service. Two revisions keep their images; the start timeout is one minute.
pub async fn start_components(db: Db) -> Result<ComponentsFixture> {
    start_components_with(db, |_| ()).await
}

/// Starts the service with changed settings.
pub async fn start_components_with(
    db: Db,
    change: impl FnOnce(&mut HearthConfig),
) -> Result<ComponentsFixture> {
    let mut config = HearthConfig::default();
    config.set_section(ComponentsSettings { revisions_kept: 2, start_timeout: 60 });
    change(&mut config);
    let mut stand = ServiceStand::start_service(
        Role::Components,
        db,
        hearth_components::mount,
        config,
        Default::default(),
    )
    .await?;
    // Not at a whole second: `builds` reports creation times in whole seconds.
    stand.advance_clock(SignedDuration::from_millis(700));
    let services = FakeComponentPeers::start(&stand);
    stand.start_workers();
    let tool_id = || ToolId::new(Timestamp::UNIX_EPOCH, &Entropy::System);
    let (id, other_id, tool) = (tool_id(), tool_id(), "hello".parse()?);
    Ok(ComponentsFixture {
        maintainer: stand.member(id, &tool, Access::Write)?,
        viewer: stand.member(id, &tool, Access::Read)?,
        stranger: stand.stranger()?,
        other: stand.member(other_id, &"other".parse()?, Access::Own)?,
        stand,
        services,
        id,
        tool,
        other_id,
    })
}

/// Builds a deployment request of a repository.
pub fn build_git_deployment() -> DeploymentCreate {
    let source = GitSource { url: "https://code.example/hello".to_owned(), reference: None };
    DeploymentCreate { source: Some(DeploySource::Git(source)), ..DeploymentCreate::default() }
}

/// Builds a deployment request of an image.
pub fn build_image_deployment(image: &str) -> DeploymentCreate {
    DeploymentCreate { source: Some(DeploySource::Image(image.to_owned())), ..DeploymentCreate::default() }
}

/// Finds the state of a step.
pub fn find_step_state(deployment: &Deployment, name: StepName) -> Option<StepState> {
    deployment.steps.iter().find(|step| step.name == name).map(|step| step.state)
}

impl ComponentsFixture {
    /// Deploys as the maintainer, one second after the previous deployment.
    pub async fn deploy(&self, create: &DeploymentCreate) -> Result<Deployment> {
        self.deploy_as(create, &DeploymentCreateQuery::default()).await
    }

    pub async fn deploy_as(
        &self,
        create: &DeploymentCreate,
        query: &DeploymentCreateQuery,
    ) -> Result<Deployment> {
        self.stand.advance_clock(SignedDuration::from_secs(1));
        self.maintainer.components().create_deployment(&self.tool, create, query).await
    }

    /// Deploys as the maintainer; the deployment may be queued.
    pub async fn deploy_queued(&self, create: &DeploymentCreate) -> Result<Deployment> {
        self.deploy_as(create, &DeploymentCreateQuery { queue: true, ..Default::default() }).await
    }

    /// Deploys as the maintainer and waits for the end.
    pub async fn deploy_to_end(&self, create: &DeploymentCreate) -> Result<Deployment> {
        self.wait_for_end(self.deploy(create).await?.deploy_id).await
    }

    /// Deploys an image for the other tool. This wakes idle workers.
    pub async fn deploy_other_tool(&self) -> Result<DeploymentState> {
        let (other, calls) = ("other".parse()?, self.other.components());
        let made = calls
            .create_deployment(&other, &build_image_deployment("web-only"), &DeploymentCreateQuery::default())
            .await?;
        wait_until("the other tool's deployment is over", async || {
            let query = DeploymentQuery { wait: Some(25), after: None };
            let found = calls.show(&other, made.deploy_id, &query).await?;
            Ok(Some(found.status).filter(|state| state.has_ended()))
        })
        .await
    }

    /// Shows a deployment.
    pub async fn show_deployment(&self, id: DeploymentId) -> Result<Deployment> {
        self.viewer.components().show(&self.tool, id, &DeploymentQuery::default()).await
    }

    /// Waits until a deployment meets a condition.
    pub async fn wait_for_deployment(
        &self,
        id: DeploymentId,
        what: &str,
        condition: impl Fn(&Deployment) -> bool,
    ) -> Result<Deployment> {
        let last_version = std::cell::Cell::new(None);
        wait_until(what, async || {
            let query = DeploymentQuery { wait: last_version.get().map(|_| 25), after: last_version.get() };
            let found = self.viewer.components().show(&self.tool, id, &query).await?;
            last_version.set(Some(found.version).filter(|_| !found.status.has_ended()));
            Ok(Some(found).filter(&condition))
        })
        .await
    }

    /// Waits for the end of a deployment.
    pub async fn wait_for_end(&self, id: DeploymentId) -> Result<Deployment> {
        self.wait_for_deployment(id, "the deployment is over", |found| found.status.has_ended()).await
    }

    /// Waits for the end of a deployment and advances the clock, so that retries become due.
    pub async fn wait_for_end_advancing_time(&self, id: DeploymentId) -> Result<Deployment> {
        wait_until("the deployment is over", async || {
            self.stand.advance_clock(SignedDuration::from_millis(100));
            Ok(Some(self.show_deployment(id).await?).filter(|found| found.status.has_ended()))
        })
        .await
    }

    /// Waits until a deployment runs a step.
    pub async fn wait_for_step(&self, id: DeploymentId, name: StepName) -> Result<Deployment> {
        let running = |found: &Deployment| find_step_state(found, name) == Some(StepState::Running);
        self.wait_for_deployment(id, "the deployment is at the step", running).await
    }

    /// Waits until the state of the fake services meets a condition.
    pub async fn wait_for_fake_state(
        &self,
        what: &str,
        condition: impl Fn(&FakeState) -> bool,
    ) -> Result<()> {
        wait_until(what, async || Ok(condition(&self.services.lock_state()).then_some(()))).await
    }

    /// Waits until the fake services have received a call `times` times.
    pub async fn wait_for_calls(&self, call: &str, times: usize) -> Result<()> {
        wait_until(call, async || Ok((self.services.count_calls(call) >= times).then_some(()))).await
    }

    /// Waits until all deployments are finalized: all mandates have ended and `images` images are pinned.
    pub async fn wait_until_finalized(&self, images: usize) -> Result<()> {
        let is_finalized = |state: &FakeState| {
            state.accounts.count_open_mandates() == 0 && state.images.pins.len() == images
        };
        wait_until("all deployments are finalized", async || {
            self.stand.advance_clock(SignedDuration::from_millis(100));
            Ok(is_finalized(&self.services.lock_state()).then_some(()))
        })
        .await
    }

    /// Lists the tool's revisions, the newest first.
    pub async fn list_revisions(&self) -> Result<Vec<Revision>> {
        Ok(self.viewer.components().list_revisions(&self.tool, &Paging::default()).await?.revisions)
    }

    /// Lists the events as `notify` reads them.
    pub async fn list_events(&self) -> Result<Vec<Event>> {
        let (reader, mut query) = (self.stand.service_client(Role::Notify)?, EventsQuery::default());
        let mut events = Vec::new();
        loop {
            let batch = reader.read_events(DeploymentEvent::TOPIC_INFO, &query).await?;
            if batch.events.is_empty() {
                return Ok(events);
            }
            events.extend(batch.events);
            query.after = Some(batch.next);
        }
    }

    /// Finds the definition of the tool's job `web`.
    pub fn find_web_job(&self) -> Option<JobCreate> {
        self.services.lock_state().jobs.find_job("web").map(|job| job.spec.clone())
    }

    /// Kills the workers of the service.
    pub async fn kill_service(&mut self) {
        assert!(self.stand.kill_workers().await, "the killed workers have ended");
    }

    /// Starts the service again.
    pub async fn restart_service(&mut self) -> Result<()> {
        self.stand.mount(hearth_components::mount).await?;
        self.maintainer = self.stand.member(self.id, &self.tool, Access::Write)?;
        self.viewer = self.stand.member(self.id, &self.tool, Access::Read)?;
        self.other = self.stand.member(self.other_id, &"other".parse()?, Access::Own)?;
        self.stand.start_workers();
        Ok(())
    }

    /// Sends a request; returns the status and the document of the answer.
    pub async fn send(client: &Client, method: Method, path: &str, content: Option<Value>) -> (u16, Value) {
        let path = format!("/components/v1/tool/{path}");
        let (status, document) = send_json_request(client, method, &path, content.as_ref()).await.unwrap();
        (status.as_u16(), document)
    }
}

/// Reads the data of an event about a deployment.
pub fn read_event_data(event: &Event) -> Result<DeploymentEventData> {
    match event.decode::<DeploymentEvent>()? {
        Some(
            DeploymentEvent::Succeeded(data)
            | DeploymentEvent::Failed(data)
            | DeploymentEvent::Cancelled(data)
            | DeploymentEvent::RolledBack(data),
        ) => Ok(data),
        None => Err(hearth_base::Error::internal("the event is of another type")),
    }
}
