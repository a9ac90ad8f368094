//! Brings workloads to where they should be. Many are acted on at one time, and those that are through are recorded
//! together.

use std::collections::BTreeMap;

use hearth_base::Result;
use hearth_kit::{
    db::Tx,
    queue::{NextTurn, Performed, QueueItem, RetryPolicy, Task, TaskName, TaskSettings},
};
use hearth_runtime_api::WorkloadId;
use jiff::SignedDuration;

use crate::{
    app::workloads::reconcile::{self, Act, Next, Notes},
    cx::Cx,
    store::{Store, Workload},
};

/// A workload is never given up: what is wanted stays wanted.
const SETTINGS: TaskSettings = TaskSettings {
    concurrency: 64,
    record_batch: 16,
    retry: RetryPolicy {
        max_attempts: None,
        first_pause: SignedDuration::from_secs(1),
        longest_pause: SignedDuration::from_secs(30),
    },
    ..TaskSettings::DEFAULT
};

/// Brings a workload to where it should be; its items are workloads.
pub struct ReconcileWorkloads(pub Cx);

/// What is read for an item.
#[derive(Debug, Default)]
pub struct Found {
    /// Absent when it is there no more.
    workload: Option<Workload>,
    /// Its runs whose logs have not been taken to their ends.
    untaken: Vec<String>,
}

impl Task for ReconcileWorkloads {
    type Payload = ();
    type Loaded = Found;
    type Output = Result<Act>;

    fn name(&self) -> TaskName<()> {
        Store::RECONCILE
    }

    fn settings(&self) -> TaskSettings {
        SETTINGS
    }

    async fn load(&self, items: &[QueueItem<()>]) -> Result<Vec<Found>> {
        let ids = items.iter().filter_map(|item| item.key.parse().ok());
        let workloads = self.0.store.workloads_by_id(ids).await?;
        let over = workloads.iter().filter(|workload| workload.done).map(|workload| workload.id);
        let mut untaken = self.0.store.runs_untaken(over).await?;
        let mut workloads: BTreeMap<WorkloadId, Workload> =
            workloads.into_iter().map(|workload| (workload.id, workload)).collect();
        let found = |item: &QueueItem<()>| {
            let workload = item.key.parse().ok().and_then(|id| workloads.remove(&id));
            let untaken = workload.as_ref().and_then(|workload| untaken.remove(&workload.id));
            Found { workload, untaken: untaken.unwrap_or_default() }
        };
        Ok(items.iter().map(found).collect())
    }

    /// An error is recorded with the workload, which says when it is tried again.
    async fn perform(&self, _: &QueueItem<()>, found: &Found) -> Result<Result<Act>> {
        Ok(match &found.workload {
            Some(workload) => reconcile::act(&self.0, workload, found.untaken.clone()).await,
            None => Ok(Act::Nothing),
        })
    }

    async fn record(&self, tx: &Tx, performed: &[Performed<Self>]) -> Result<Vec<NextTurn>> {
        let workloads = || performed.iter().filter_map(|one| one.loaded.workload.as_ref());
        // In the order in which every change of workloads locks them.
        let mut order: Vec<usize> = (0..performed.len()).collect();
        order.sort_by_key(|at| performed[*at].loaded.workload.as_ref().map(|workload| workload.id));
        let mut notes = Notes::of(&self.0, tx, workloads()).await?;
        let mut turns = vec![NextTurn::Finished; performed.len()];
        for at in order {
            let Performed { loaded, output, .. } = &performed[at];
            let Some(workload) = &loaded.workload else { continue };
            if let Next::At(due) = notes.note(workload, output).await? {
                turns[at] = NextTurn::DueAt(due);
            }
        }
        notes.write().await?;
        Cx::wake_watchers(tx, workloads().map(|workload| (workload.tool, workload.id)));
        Ok(turns)
    }
}
