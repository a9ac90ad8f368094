//! The tables of `jobs`: the only module that uses its database.
//!
//! Methods with the suffix `_in` read in the caller's transaction; `lock_…`, `claim_…` and `…_for_update`
//! also lock rows.

mod definition;
mod erase;
#[cfg(test)]
mod golden;
mod ledger;
mod metrics;
mod migrations;
mod page_sleep;
mod routing;
mod runs;
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
        Db, OrDbError, Tx, columns,
        queue::{Queue, TaskName},
    },
    events::EventStream,
    tasks::ShutdownSignal,
    wake::{WakeListener, WakeTopic},
};
use hearth_runtime_api::WorkloadId;
use jiff::Timestamp;
use sea_orm::EntityTrait;
use tokio::sync::OnceCell;

pub use definition::{
    ImageConfig, Job, JobId, JobKind, JobPage, JobSchedule, JobSpec, ResolvedImage, job_exists_error,
};
pub use ledger::{LedgerEntry, LedgerOutcome};
pub use metrics::{JobUsage, SAMPLE_RESOLUTIONS, SampleResolution};
pub use migrations::list_migrations;
pub use runs::{LogTail, Run, RunCause, StoredRunEnd, StoredRunProblem, StoredRunState, format_run_id};
pub use tool::ToolWithQuota;
pub use workloads::{
    PreviewPlan, ReservedResources, ResourceShare, RunCredential, StartupCheck, Workload, WorkloadPlan,
    WorkloadRef,
};

/// Converts ids to their stored form, without duplicates.
fn to_id_strings<T: Display>(ids: impl IntoIterator<Item = T>) -> BTreeSet<String> {
    ids.into_iter().map(|id| id.to_string()).collect()
}

mod epoch {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "epoch")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        /// Number of restores of this database, from 1.
        pub number: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The database of `jobs`.
///
/// A transaction locks tools first ([`JobStore::lock_tool_names`]), then jobs, then workloads, the rows of
/// each table at once and in order of their ids, so that no two transactions deadlock. The scheduler alone
/// begins with jobs, and skips those that are locked.
#[derive(Debug, Clone)]
pub struct JobStore {
    db: Db,
    /// Events for other services.
    pub events: EventStream,
    /// The queue of tasks.
    pub queue: Queue,
    epoch: Arc<OnceCell<u64>>,
}

impl JobStore {
    /// The task that reconciles a workload with the runtime; its key is the workload's id.
    pub const RECONCILE_TASK: TaskName<()> = TaskName::new("reconcile");

    /// The task that removes the pin of an image; its key is the pin's holder.
    pub const UNPIN_TASK: TaskName<()> = TaskName::new("unpin");
    /// The task that fetches a tool's quota; its key is the tool's id.
    pub const FETCH_QUOTA_TASK: TaskName<()> = TaskName::new("quota");

    /// The tables and the queue of `db`.
    pub fn new(db: Db, queue: Queue, stop: ShutdownSignal) -> Self {
        Self { events: EventStream::new(db.clone(), stop), queue, db, epoch: Arc::default() }
    }

    /// Listens to the wake-ups of topics.
    pub fn listen(&self, topics: impl IntoIterator<Item = WakeTopic>) -> WakeListener {
        self.db.listen(topics)
    }

    /// Wakes the waiters of a topic.
    pub fn wake(&self, topic: WakeTopic) {
        self.db.wake([topic]);
    }

    /// Begins a transaction.
    pub async fn begin(&self) -> Result<Tx> {
        self.db.begin().await
    }

    /// Begins a transaction of background work, which yields to requests.
    pub async fn begin_background(&self) -> Result<Tx> {
        self.db.begin_background().await
    }

    /// Enqueues a workload for reconcile, as part of a transaction.
    pub async fn enqueue_reconcile(&self, tx: &Tx, workload: WorkloadId, due: Timestamp) -> Result<()> {
        self.queue.enqueue(tx, Self::RECONCILE_TASK, &workload.to_string(), &(), due).await
    }

    /// Enqueues several workloads for reconcile, each at most once.
    pub async fn enqueue_reconciles(
        &self,
        tx: &Tx,
        workloads: impl IntoIterator<Item = (WorkloadId, Timestamp)>,
    ) -> Result<()> {
        let items: BTreeMap<String, Timestamp> =
            workloads.into_iter().map(|(id, due)| (id.to_string(), due)).collect();
        self.queue
            .enqueue_many(tx, Self::RECONCILE_TASK, items.iter().map(|(id, due)| (&**id, &(), *due)))
            .await
    }

    /// Enqueues the removal of an image's pin, as part of a transaction.
    pub async fn enqueue_unpin(&self, tx: &Tx, holder: &str, due: Timestamp) -> Result<()> {
        self.queue.enqueue(tx, Self::UNPIN_TASK, holder, &(), due).await
    }

    /// Enqueues a fetch of the quotas of tools, as part of a transaction.
    pub async fn enqueue_quota_fetches(
        &self,
        tx: &Tx,
        tools: impl IntoIterator<Item = ToolId>,
        due: Timestamp,
    ) -> Result<()> {
        let tools = to_id_strings(tools);
        let items = tools.iter().map(|tool| (tool.as_str(), &(), due));
        self.queue.enqueue_many(tx, Self::FETCH_QUOTA_TASK, items).await
    }

    /// Reads the number of restores of this database, from 1: the epoch of all versions that the runtime
    /// gets.
    pub async fn read_epoch(&self) -> Result<u64> {
        let read = async || {
            let row = epoch::Entity::find_by_id(0).one(self.db.reader()).await.or_db_error()?;
            row.map(|row| columns::to_u64(row.number))
                .ok_or_else(|| Error::internal("table epoch has no row"))
        };
        // A restore needs a stopped service, so the epoch of a process never changes.
        self.epoch.get_or_try_init(read).await.copied()
    }
}

/// The topic of changed schedules: a job may be due earlier than the scheduler expects.
pub fn schedule_topic() -> WakeTopic {
    WakeTopic::new("schedule")
}

/// The topic of changed runs and workloads of a tool.
pub fn runs_topic(tool: ToolId) -> WakeTopic {
    WakeTopic::with_key("runs", tool)
}
