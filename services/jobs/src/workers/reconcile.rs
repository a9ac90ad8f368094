//! Brings workloads to where they should be. Many are acted on at one time, and those that are through are recorded
//! together.

use std::collections::BTreeMap;

use hearth_base::Result;
use hearth_kit::{
    db::Tx,
    queue::{NextTurn, Performed, QueueItem, Task, TaskName, TaskSettings},
};
use hearth_runtime_api::WorkloadId;

use crate::{
    app::workloads::reconcile::{self, Act, Notes, RETRY_POLICY},
    cx::Cx,
    store::{Store, Workload},
};

const RECONCILE_SETTINGS: TaskSettings =
    TaskSettings { concurrency: 64, record_batch: 16, retry: RETRY_POLICY, ..TaskSettings::DEFAULT };

/// Brings a workload to where it should be; its items are workloads.
pub struct ReconcileWorkloads(pub Cx);

/// The workload of an item, with what reconciling it needs.
#[derive(Debug, Default)]
pub struct LoadedWorkload {
    /// Absent when it is there no more.
    workload: Option<Workload>,
    /// Its runs whose logs have not been taken to their ends.
    untaken: Vec<String>,
}

impl Task for ReconcileWorkloads {
    type Payload = ();
    type Loaded = LoadedWorkload;
    type Output = Result<Act>;

    fn name(&self) -> TaskName<()> {
        Store::RECONCILE
    }

    fn settings(&self) -> TaskSettings {
        RECONCILE_SETTINGS
    }

    async fn load(&self, items: &[QueueItem<()>]) -> Result<Vec<LoadedWorkload>> {
        let ids = items.iter().filter_map(|item| item.key.parse().ok());
        let workloads = self.0.store.workloads_by_id(ids).await?;
        let over = workloads.iter().filter(|workload| workload.done).map(|workload| workload.id);
        let mut untaken = self.0.store.runs_untaken(over).await?;
        let mut workloads: BTreeMap<WorkloadId, Workload> =
            workloads.into_iter().map(|workload| (workload.id, workload)).collect();
        let loaded = |item: &QueueItem<()>| {
            let workload = item.key.parse().ok().and_then(|id| workloads.remove(&id));
            let untaken = workload.as_ref().and_then(|workload| untaken.remove(&workload.id));
            LoadedWorkload { workload, untaken: untaken.unwrap_or_default() }
        };
        Ok(items.iter().map(loaded).collect())
    }

    /// An error is recorded with the workload.
    async fn perform(&self, _: &QueueItem<()>, loaded: &LoadedWorkload) -> Result<Result<Act>> {
        Ok(match &loaded.workload {
            Some(workload) => reconcile::act(&self.0, workload, loaded.untaken.clone()).await,
            None => Ok(Act::Nothing),
        })
    }

    async fn record(&self, tx: &Tx, performed: &[Performed<Self>]) -> Result<Vec<NextTurn>> {
        let workloads = || performed.iter().filter_map(|one| one.loaded.workload.as_ref());
        let mut notes = Notes::of(&self.0, tx, workloads()).await?;
        let mut turns = Vec::with_capacity(performed.len());
        for Performed { item, loaded, output } in performed {
            turns.push(match &loaded.workload {
                Some(workload) => notes.note(workload, output, item.failures).await?,
                None => NextTurn::Finished,
            });
        }
        notes.write().await?;
        Cx::wake_run_watchers(tx, workloads().map(|workload| workload.tool));
        Ok(turns)
    }
}
