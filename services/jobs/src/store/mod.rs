//! The tables of `jobs`: the only place that touches its database.

mod definition;
mod erase;
#[cfg(test)]
mod golden;
mod metrics;
mod migrations;
mod routing;
mod runs;
mod scheduling;
mod tool;
mod workloads;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    sync::Arc,
};

use hearth_base::{Error, Result, ToolId};
use hearth_kit::{
    db::{
        Db, OrFault, Tx, columns,
        queue::{Queue, TaskName},
    },
    events::Stream,
    tasks::Stop,
    wake::{Topic, WakeListener},
};
use hearth_runtime_api::WorkloadId;
use jiff::Timestamp;
use sea_orm::EntityTrait;
use tokio::sync::OnceCell;

pub use definition::{Image, ImageConfig, Job, JobId, JobSpec, Kind, Schedule, job_exists};
pub use metrics::{STEPS, Step, Use};
pub use migrations::migrations;
pub use runs::{Cause, Run, RunEnd, RunState, Tail, run_id};
pub use scheduling::{Entry, Outcome};
pub use tool::Tool;
pub use workloads::{Asked, Known, Plan, Share, Taken, Workload};

/// Ids as they are written down, each once.
fn texts<T: Display>(ids: impl IntoIterator<Item = T>) -> BTreeSet<String> {
    ids.into_iter().map(|id| id.to_string()).collect()
}

mod epoch {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "epoch")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        /// Counts restores.
        pub number: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The database of `jobs`.
///
/// A change locks tools first ([`Store::tools_locked`]), then jobs, then workloads, each sort at once and in order, so
/// that no two changes wait for each other. The scheduler alone begins with jobs, those that nobody has locked.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
    /// Events for other services.
    pub events: Stream,
    /// What is done later.
    pub queue: Queue,
    epoch: Arc<OnceCell<u64>>,
}

impl Store {
    /// The task that brings a workload to where it should be; its key is the workload's id.
    pub const RECONCILE: TaskName<()> = TaskName::new("reconcile");

    /// The task that lets go of an image; its key is the holder of the pin.
    pub const UNPIN: TaskName<()> = TaskName::new("unpin");
    /// The task that asks what a tool may use; its key is the tool's id.
    pub const QUOTA: TaskName<()> = TaskName::new("quota");

    /// The tables in `db`, and the queue in it.
    pub fn new(db: Db, queue: Queue, stop: Stop) -> Self {
        Self { events: Stream::new(db.clone(), stop), queue, db, epoch: Arc::default() }
    }

    /// Receives the wake-ups of some topics.
    pub fn listen(&self, topics: impl IntoIterator<Item = Topic>) -> WakeListener {
        self.db.listen(topics)
    }

    /// Wakes the waiters of a topic.
    pub fn wake(&self, topic: Topic) {
        self.db.wake([topic]);
    }

    /// Begins a change.
    pub async fn begin(&self) -> Result<Tx> {
        self.db.begin().await
    }

    /// Begins a change for which nobody waits.
    pub async fn begin_behind(&self) -> Result<Tx> {
        self.db.begin_behind().await
    }

    /// Asks for a workload to be brought to where it should be, as part of a change.
    pub async fn ask(&self, tx: &Tx, workload: WorkloadId, due: Timestamp) -> Result<()> {
        self.queue.enqueue(tx, Self::RECONCILE, &workload.to_string(), &(), due).await
    }

    /// Asks for several workloads to be brought to where they should be, each at most once.
    pub async fn ask_all(
        &self,
        tx: &Tx,
        workloads: impl IntoIterator<Item = (WorkloadId, Timestamp)>,
    ) -> Result<()> {
        let asked: BTreeMap<String, Timestamp> =
            workloads.into_iter().map(|(id, due)| (id.to_string(), due)).collect();
        self.queue.enqueue_all(tx, Self::RECONCILE, asked.iter().map(|(id, due)| (&**id, &(), *due))).await
    }

    /// Asks for an image to be let go of, as part of a change.
    pub async fn ask_unpin(&self, tx: &Tx, holder: &str, due: Timestamp) -> Result<()> {
        self.queue.enqueue(tx, Self::UNPIN, holder, &(), due).await
    }

    /// Asks for what tools may use to be asked for.
    pub async fn ask_quotas(
        &self,
        tx: &Tx,
        tools: impl IntoIterator<Item = ToolId>,
        due: Timestamp,
    ) -> Result<()> {
        let tools = texts(tools);
        let pieces = tools.iter().map(|tool| (tool.as_str(), &(), due));
        self.queue.enqueue_all(tx, Self::QUOTA, pieces).await
    }

    /// How often this database was restored, from 1: whatever runs was started in this epoch or an earlier one.
    pub async fn epoch(&self) -> Result<u64> {
        let read = async || {
            let row = epoch::Entity::find_by_id(0).one(self.db.reader()).await.or_fault()?;
            row.map(|row| columns::count(row.number)).ok_or_else(|| Error::internal("there is no epoch"))
        };
        // Nobody restores under a service that runs.
        self.epoch.get_or_try_init(read).await.copied()
    }
}

/// A schedule has changed: something may be due earlier than the scheduler thinks.
pub fn schedule_topic() -> Topic {
    Topic::named("schedule")
}

/// A run or a workload of a tool has changed.
pub fn runs_topic(tool: ToolId) -> Topic {
    Topic::keyed("runs", tool)
}
