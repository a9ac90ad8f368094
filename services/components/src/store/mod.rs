//! The tables of `components`: the only place that touches its database.

mod config;
mod content;
mod content_form;
mod deployment;
mod forge_delivery;
#[cfg(test)]
mod golden;
mod migrations;
mod preview;
mod repository_link;
mod revision;

use hearth_base::{Result, ToolId};
use hearth_kit::{
    db::{Db, Tx, queue::Queue},
    events::EventStream,
    tasks::ShutdownSignal,
    wake::{WakeListener, WakeTopic},
};
use hearth_wire::components::DeploymentId;

pub use config::StoredConfig;
pub use content::{ComponentProgress, ComponentRollout, DeploymentContent, DeploymentFailure, PreviousJob};
pub use deployment::{DEPLOYMENT_ACTIVE_CODE, DEPLOYMENT_CHANGED_CODE, Deployment, build_active_conflict};
pub use forge_delivery::{DELIVERY_REPEATED_CODE, DeliveryKey, StoredDelivery};
pub use migrations::list_migrations;
pub use preview::{PinnedDeployment, PreviewContent, StoredPreview};
pub use repository_link::{LinkContent, StoredLink};

/// The database of `components`.
#[derive(Debug, Clone)]
pub struct ComponentsStore {
    db: Db,
    /// The queue of this service.
    pub queue: Queue,
    /// Events for `notify`.
    pub events: EventStream,
}

impl ComponentsStore {
    /// Opens the tables and the queue in `db`. Readers of events return at shutdown.
    pub fn new(db: Db, queue: Queue, stop: ShutdownSignal) -> Self {
        Self { events: EventStream::new(db.clone(), stop), db, queue }
    }

    /// Listens for changes of a deployment and for the deletion of its tool's data.
    pub fn listen_to_deployment(&self, tool: ToolId, deployment: DeploymentId) -> WakeListener {
        self.db.listen([deployment_topic(deployment), tool_topic(tool)])
    }

    /// Begins a transaction.
    pub async fn begin(&self) -> Result<Tx> {
        self.db.begin().await
    }
}

/// The wake-up topic of changes of a deployment.
fn deployment_topic(id: DeploymentId) -> WakeTopic {
    WakeTopic::with_key("deployment", id)
}

/// The wake-up topic of the deletion of a tool's data.
fn tool_topic(tool: ToolId) -> WakeTopic {
    WakeTopic::with_key("tool", tool)
}
