//! Reconciles workloads with the runtime: many calls at a time, whose outcomes are recorded in batches.

use std::collections::BTreeMap;

use hearth_base::Result;
use hearth_kit::{
    db::Tx,
    queue::{ItemOutcome, PerformedItem, QueueItem, QueueTask, TaskName, TaskSettings},
};
use hearth_runtime_api::WorkloadId;

use crate::{
    app::workloads::reconcile::{self, RETRY_POLICY, ReconcileOutcome, ReconcileRecorder},
    context::JobsContext,
    store::{JobStore, Workload},
};

const RECONCILE_SETTINGS: TaskSettings =
    TaskSettings { concurrency: 64, max_record_batch: 16, retry: RETRY_POLICY, ..TaskSettings::DEFAULT };

/// Reconciles workloads; its items are workloads.
pub struct ReconcileWorkloads(pub JobsContext);

/// The workload of an item with the rows that its reconcile needs.
#[derive(Debug, Default)]
pub struct LoadedWorkload {
    /// `None` if it was deleted.
    workload: Option<Workload>,
    /// Its runs whose logs are not completely stored.
    open_log_runs: Vec<String>,
}

impl QueueTask for ReconcileWorkloads {
    type Payload = ();
    type Loaded = LoadedWorkload;
    type Output = Result<ReconcileOutcome>;

    fn name(&self) -> TaskName<()> {
        JobStore::RECONCILE_TASK
    }

    fn settings(&self) -> TaskSettings {
        RECONCILE_SETTINGS
    }

    async fn load_items(&self, items: &[QueueItem<()>]) -> Result<Vec<LoadedWorkload>> {
        let ids = items.iter().filter_map(|item| item.key.parse().ok());
        let workloads = self.0.store.find_workloads_by_id(ids).await?;
        let over = workloads.iter().filter(|workload| workload.done).map(|workload| workload.id);
        let mut open_log_runs = self.0.store.find_runs_with_open_logs(over).await?;
        let mut workloads: BTreeMap<WorkloadId, Workload> =
            workloads.into_iter().map(|workload| (workload.id, workload)).collect();
        let loaded = |item: &QueueItem<()>| {
            let workload = item.key.parse().ok().and_then(|id| workloads.remove(&id));
            let open_log_runs = workload.as_ref().and_then(|workload| open_log_runs.remove(&workload.id));
            LoadedWorkload { workload, open_log_runs: open_log_runs.unwrap_or_default() }
        };
        Ok(items.iter().map(loaded).collect())
    }

    /// An error is recorded with the workload.
    async fn perform_item(
        &self,
        _: &QueueItem<()>,
        loaded: &LoadedWorkload,
    ) -> Result<Result<ReconcileOutcome>> {
        Ok(match &loaded.workload {
            Some(workload) => {
                reconcile::reconcile_workload(&self.0, workload, loaded.open_log_runs.clone()).await
            }
            None => Ok(ReconcileOutcome::Unchanged),
        })
    }

    async fn record_items(&self, tx: &Tx, performed: &[PerformedItem<Self>]) -> Result<Vec<ItemOutcome>> {
        let workloads = || performed.iter().filter_map(|one| one.loaded.workload.as_ref());
        let mut recorder = ReconcileRecorder::load_workloads(&self.0, tx, workloads()).await?;
        let mut turns = Vec::with_capacity(performed.len());
        for PerformedItem { item, loaded, output } in performed {
            turns.push(match &loaded.workload {
                Some(workload) => recorder.record_outcome(workload, output, item.failures).await?,
                None => ItemOutcome::Finished,
            });
        }
        recorder.write_rows().await?;
        JobsContext::wake_run_watchers(tx, workloads().map(|workload| workload.tool));
        Ok(turns)
    }
}
