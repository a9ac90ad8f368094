//! The records of all workloads: wanted state, containers, tombstones, and the number of each change.
//!
//! | event | records | tombstones | next observation |
//! |---|---|---|---|
//! | apply, new or changed | inserted or updated | removed | lists the workload |
//! | stop of a recorded workload | `stop_grace` is set | unchanged | lists the workload |
//! | stop before any apply | unchanged | version is stored | lists the id as removed |
//! | acknowledge | removed | version is stored | lists the id as removed |
//!
//! Every change increments one counter. An observer's cursor is a value of this counter.

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use hearth_base::{Digest, Error, Result};
use jiff::Timestamp;

use crate::{
    Cursor, Health, InstanceId, Observation, Phase, ProbeOutcome, ProbePurpose, Version, Workload,
    WorkloadId, WorkloadKind,
    engine::{PhaseReport, RecoveredState, RestartBackoff},
};

use super::{
    plan::PlanStep,
    probes::ProbedInstance,
    record::{Record, StoredWorkload, TrackedInstance},
};

/// The effect of an accepted apply.
pub enum ApplyEffect {
    /// The workload is unchanged.
    Unchanged,
    /// The workload is new or different.
    Changed,
}

/// The records of all workloads.
#[derive(Debug)]
pub struct Ledger {
    process_number: u64,
    last_change: u64,
    records: BTreeMap<WorkloadId, Record>,
    tombstones: BTreeMap<WorkloadId, (Version, u64)>,
    unsettled: BTreeSet<WorkloadId>,
}

impl Ledger {
    pub fn new(process_number: u64, recovered: RecoveredState) -> Self {
        let tombstones = recovered.tombstones.into_iter().map(|(id, version)| (id, (version, 0))).collect();
        let mut records = BTreeMap::new();
        for (stored, mut tracked) in recovered.workloads {
            for tracked in &mut tracked {
                tracked.resume_from(&stored);
            }
            let mut consecutive_ends = BTreeMap::new();
            for tracked in tracked.iter().filter(|tracked| tracked.phase.outcome().is_some()) {
                *consecutive_ends.entry(tracked.id.replica).or_insert(0) += 1;
            }
            let instances = tracked.into_iter().map(|tracked| (tracked.id, tracked)).collect();
            records
                .insert(stored.workload.id(), Record { stored, instances, consecutive_ends, last_change: 1 });
        }
        let unsettled = records.keys().copied().collect();
        Self { process_number, last_change: 1, records, tombstones, unsettled }
    }

    /// The number of the last change.
    pub fn last_change(&self) -> u64 {
        self.last_change
    }

    pub fn find_record(&self, id: WorkloadId) -> Option<&Record> {
        self.records.get(&id)
    }

    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    /// The images of all wanted workloads and of all recorded containers, by their manifest digests.
    pub fn list_used_images(&self) -> BTreeSet<Digest> {
        let started = self.records.values().flat_map(|record| record.instances.values());
        let wanted = self.records.values().map(|record| &record.stored.workload);
        let all = wanted.chain(started.map(|tracked| &tracked.workload));
        all.map(|workload| workload.image.digest()).collect()
    }

    /// Checks whether a workload may be applied, and whether this changes anything. Errors:
    /// `run-already-done`, `other-owner`, `generation-superseded`.
    pub fn check_apply(&self, workload: &Workload) -> Result<ApplyEffect> {
        let id = workload.id();
        if let Some((version, _)) = self.tombstones.get(&id) {
            // A run starts at most once for ever, whatever its version.
            if matches!(id, WorkloadId::Run(_)) {
                return Err(Error::conflict(
                    "run-already-done",
                    format!("run has ended and is acknowledged: {id}"),
                )
                .help("use a new id for a new run"));
            }
            check_is_newer(id, *version, workload.version)?;
        }
        let Some(record) = self.records.get(&id) else { return Ok(ApplyEffect::Changed) };
        if record.stored.workload.owner != workload.owner {
            return Err(Error::conflict("other-owner", format!("workload has another owner: {id}")));
        }
        let once = matches!(id, WorkloadId::Run(_));
        if record.stored.version == workload.version
            && (once || record.stored.workload.has_same_spec(workload))
        {
            return Ok(ApplyEffect::Unchanged);
        }
        check_is_newer(id, record.stored.version, workload.version)?;
        Ok(ApplyEffect::Changed)
    }

    /// The stored form after an apply. A run keeps its first specification, and stays stopped once it was
    /// stopped.
    pub fn merge_applied(&self, workload: Workload) -> StoredWorkload {
        let version = workload.version;
        match self.records.get(&workload.id()) {
            Some(record) if matches!(workload.kind, WorkloadKind::Once { .. }) => {
                StoredWorkload { version, ..record.stored.clone() }
            }
            _ => StoredWorkload {
                workload: Arc::new(workload),
                version,
                stop_grace: None,
                stop_requested_at: None,
            },
        }
    }

    /// The stored form after a stop; `None` for a workload without a record.
    pub fn merge_stopped(
        &self,
        id: WorkloadId,
        version: Version,
        grace: Duration,
        now: Timestamp,
    ) -> Result<Option<StoredWorkload>> {
        let Some(record) = self.records.get(&id) else { return Ok(None) };
        if version < record.stored.version {
            return Err(superseded_error(id, record.stored.version, version));
        }
        let stop_requested_at = record.stored.stop_requested_at.or(Some(now));
        Ok(Some(StoredWorkload {
            version,
            stop_grace: Some(grace),
            stop_requested_at,
            ..record.stored.clone()
        }))
    }

    /// Inserts or updates a workload, and assigns it to the containers that already satisfy it.
    pub fn upsert_workload(&mut self, stored: StoredWorkload, now: Timestamp) {
        let id = stored.workload.id();
        self.tombstones.remove(&id);
        match self.records.get_mut(&id) {
            Some(record) => {
                // The ends of another specification say nothing about this one, nor do those before a pause.
                let former = &record.stored.workload;
                if !former.has_same_container(&stored.workload) || former.replicas() == 0 {
                    record.consecutive_ends.clear();
                }
                let alive = |tracked: &&mut TrackedInstance| tracked.phase.outcome().is_none();
                for tracked in record.instances.values_mut().filter(alive) {
                    let former = Arc::clone(&tracked.workload);
                    tracked.adopt_workload(&stored);
                    if tracked.phase.is_running() && former.probes != tracked.workload.probes {
                        tracked.probes.begin_probing(&stored.workload.probes, now);
                    }
                }
                record.stored = stored;
            }
            None => {
                let record = Record {
                    stored,
                    instances: BTreeMap::new(),
                    consecutive_ends: BTreeMap::new(),
                    last_change: 0,
                };
                self.records.insert(id, record);
            }
        }
        self.mark_changed(id);
    }

    /// Deletes a workload and stores its version as a tombstone.
    pub fn forget_workload(&mut self, id: WorkloadId, version: Version) {
        self.last_change += 1;
        self.records.remove(&id);
        self.unsettled.remove(&id);
        let seen = self.tombstones.get(&id).map_or(version, |(seen, _)| version.max(*seen));
        self.tombstones.insert(id, (seen, self.last_change));
    }

    /// Records the phase that a driver reported. False for an unknown instance, or one that has ended.
    pub fn record_phase(&mut self, report: &PhaseReport, backoff: &RestartBackoff) -> bool {
        let id = report.instance.workload;
        let Some(record) = self.records.get_mut(&id) else { return false };
        let Some(tracked) = record.instances.get_mut(&report.instance) else { return false };
        if tracked.phase.outcome().is_some() {
            return false;
        }
        tracked.phase = report.phase.clone();
        if let Phase::Running { since, .. } = &tracked.phase {
            tracked.probes.begin_probing(&tracked.workload.probes, *since);
        }
        if let Phase::Ended(outcome) = &mut tracked.phase {
            // The driver does not know the reason of an end: a stop was requested by the engine only.
            outcome.stopped |= tracked.stopping;
            if tracked.stopping {
                outcome.probe_failure = tracked.probes.health().restart_reason.clone();
            }
            tracked.probes.end_probing(outcome.ended);
            // Neither does the end of a container of an earlier specification, which stopped for its successor.
            if tracked.workload.has_same_container(&record.stored.workload) {
                let ends = record.consecutive_ends.entry(report.instance.replica).or_insert(0);
                *ends = backoff.count_consecutive_ends(*ends, outcome);
            }
        }
        self.mark_changed(id);
        true
    }

    /// Lists the containers of a workload that have not ended.
    pub fn list_unended_instances(&self, id: WorkloadId) -> Vec<InstanceId> {
        let instances = self.records.get(&id).into_iter().flat_map(|record| record.instances.values());
        instances.filter(|tracked| tracked.phase.outcome().is_none()).map(|tracked| tracked.id).collect()
    }

    /// Lists the running containers with their probes to send.
    pub fn list_probed_instances(&self) -> Vec<ProbedInstance> {
        let records = self.records.values().filter(|record| record.stored.stop_grace.is_none());
        let all = records.flat_map(|record| record.instances.values()).filter(|tracked| tracked.is_probed());
        let probed = all.filter_map(|tracked| {
            let purposes = tracked.probes.list_purposes(&tracked.workload.probes);
            let Phase::Running { since, address } = tracked.phase else { return None };
            let (instance, workload) = (tracked.id, Arc::clone(&tracked.workload));
            (!purposes.is_empty()).then_some(ProbedInstance { instance, workload, since, address, purposes })
        });
        probed.collect()
    }

    /// Records the outcome of a probe. Returns the container's health if it has changed.
    pub fn record_probe(
        &mut self,
        instance: InstanceId,
        purpose: ProbePurpose,
        outcome: ProbeOutcome,
        now: Timestamp,
    ) -> Option<Health> {
        let record = self.records.get_mut(&instance.workload)?;
        let tracked = record.instances.get_mut(&instance).filter(|tracked| tracked.is_probed())?;
        let Phase::Running { since, .. } = tracked.phase else { return None };
        if !tracked.probes.record_outcome(&tracked.workload.probes, purpose, outcome, since, now) {
            return None;
        }
        let health = tracked.probes.health().clone();
        self.mark_changed(instance.workload);
        Some(health)
    }

    /// Sets the draining containers of a workload; all others stop draining. Returns true if this changed
    /// anything.
    pub fn set_draining(&mut self, id: WorkloadId, draining: &BTreeSet<InstanceId>, now: Timestamp) -> bool {
        let Some(record) = self.records.get_mut(&id) else { return false };
        let mut has_changed = false;
        for tracked in record.instances.values_mut().filter(|tracked| tracked.outcome().is_none()) {
            let drains = draining.contains(&tracked.id);
            has_changed |= drains != tracked.draining_since.is_some();
            // After a clock step backwards, the drain counts from now; a start in the future would extend it.
            tracked.draining_since =
                drains.then(|| tracked.draining_since.map_or(now, |since| since.min(now)));
        }
        if has_changed {
            self.mark_changed(id);
        }
        has_changed
    }

    /// Records a step before its execution. Returns the workload of the step.
    pub fn record_step(&mut self, id: WorkloadId, step: &PlanStep) -> Option<Arc<Workload>> {
        let record = self.records.get_mut(&id)?;
        let workload = Arc::clone(&record.stored.workload);
        match step {
            PlanStep::Start(instance) => {
                let (id, workload) = (*instance, Arc::clone(&workload));
                let tracked = TrackedInstance::new(id, workload, Phase::Starting, Health::default());
                record.instances.insert(*instance, tracked);
            }
            PlanStep::Stop(instance, grace) => {
                let tracked = record.instances.get_mut(instance)?;
                tracked.stopping = true;
                tracked.requested_grace = Some(*grace);
            }
            PlanStep::Remove(instance) => {
                record.instances.remove(instance);
            }
        }
        self.mark_changed(id);
        Some(workload)
    }

    /// The workloads that need a new plan.
    pub fn unsettled(&self) -> Vec<WorkloadId> {
        self.unsettled.iter().copied().collect()
    }

    /// Marks a workload as settled: it needs no new plan before its next change.
    pub fn mark_settled(&mut self, id: WorkloadId) {
        self.unsettled.remove(&id);
    }

    /// Lists the changes after a cursor; everything for a cursor of another process.
    pub fn list_changes(&self, after: Option<Cursor>) -> Observation {
        let complete = after.is_none_or(|after| {
            after.process_number != self.process_number || after.change > self.last_change
        });
        // A cursor of another process counts changes of that process, so its number has no meaning here.
        let seen = after.map_or(0, |after| if complete { 0 } else { after.change });
        let changed = self.records.values().filter(|record| complete || record.last_change > seen);
        let removed = self.tombstones.iter().filter(|(_, (_, change))| !complete && *change > seen);
        Observation {
            cursor: Cursor { process_number: self.process_number, change: self.last_change },
            complete,
            workloads: changed.map(Record::to_state).collect(),
            removed: removed.map(|(id, _)| *id).collect(),
        }
    }

    fn mark_changed(&mut self, id: WorkloadId) {
        self.last_change += 1;
        self.unsettled.insert(id);
        if let Some(record) = self.records.get_mut(&id) {
            record.last_change = self.last_change;
        }
    }
}

fn check_is_newer(id: WorkloadId, seen: Version, requested: Version) -> Result<()> {
    if requested > seen { Ok(()) } else { Err(superseded_error(id, seen, requested)) }
}

fn superseded_error(id: WorkloadId, seen: Version, requested: Version) -> Error {
    let show = |version: Version| format!("{}.{}", version.epoch, version.generation);
    Error::conflict(
        "generation-superseded",
        format!("version of {id} is superseded: {}; allowed: above {}", show(requested), show(seen)),
    )
    .help("read the current state and apply the next generation")
}
