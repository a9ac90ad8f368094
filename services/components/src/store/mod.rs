//! The tables of `components`: the only place that touches its database.

mod deployment;
mod migrations;
mod revision;

use hearth_base::{Result, ToolId};
use hearth_kit::{
    db::{Db, Tx, queue::Queue},
    wake::{Topic, WakeListener},
};
use hearth_wire::components::DeploymentId;

pub use deployment::{BUSY, Before, CHANGED, Content, Deployment, Failure, Progress, busy};
pub use migrations::migrations;

/// The database of `components`.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
    /// What is done later.
    pub queue: Queue,
}

impl Store {
    /// The tables in `db`, and the queue in it.
    pub fn new(db: Db, queue: Queue) -> Self {
        Self { db, queue }
    }

    /// Receives the wake-ups of a deployment: it has changed, or its tool was erased.
    pub fn listen_to_deployment(&self, tool: ToolId, deployment: DeploymentId) -> WakeListener {
        self.db.listen([deployment_topic(deployment), tool_topic(tool)])
    }

    /// Begins a change.
    pub async fn begin(&self) -> Result<Tx> {
        self.db.begin().await
    }
}

/// A deployment has changed.
fn deployment_topic(id: DeploymentId) -> Topic {
    Topic::keyed("deployment", id)
}

/// All that there was of a tool was erased.
fn tool_topic(tool: ToolId) -> Topic {
    Topic::keyed("tool", tool)
}
