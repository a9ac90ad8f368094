//! The records themselves: what is wanted, what is, what was, and the number of each change.

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
    engine::{Known, Pauses, Report},
};

use super::{
    plan::Step,
    probes::ProbedInstance,
    record::{Kept, Record, Tracked},
};

/// The effect of an apply.
pub enum Applied {
    /// The workload is unchanged.
    Same,
    /// The workload is new or different.
    Changed,
}

/// All records.
#[derive(Debug)]
pub struct Ledger {
    life: u64,
    change: u64,
    records: BTreeMap<WorkloadId, Record>,
    gone: BTreeMap<WorkloadId, (Version, u64)>,
    unsettled: BTreeSet<WorkloadId>,
}

impl Ledger {
    pub fn new(life: u64, known: Known) -> Self {
        let gone = known.gone.into_iter().map(|(id, version)| (id, (version, 0))).collect();
        let mut records = BTreeMap::new();
        for (kept, mut tracked) in known.workloads {
            for tracked in &mut tracked {
                tracked.resume_from(&kept);
            }
            let mut ends = BTreeMap::new();
            for tracked in tracked.iter().filter(|tracked| tracked.phase.outcome().is_some()) {
                *ends.entry(tracked.id.replica).or_insert(0) += 1;
            }
            let instances = tracked.into_iter().map(|tracked| (tracked.id, tracked)).collect();
            records.insert(kept.workload.id(), Record { kept, instances, ends, change: 1 });
        }
        let unsettled = records.keys().copied().collect();
        Self { life, change: 1, records, gone, unsettled }
    }

    pub fn change(&self) -> u64 {
        self.change
    }

    pub fn record(&self, id: WorkloadId) -> Option<&Record> {
        self.records.get(&id)
    }

    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    /// The images of all that is wanted or was started, by the digests of their manifests.
    pub fn images(&self) -> BTreeSet<Digest> {
        let started = self.records.values().flat_map(|record| record.instances.values());
        let wanted = self.records.values().map(|record| &record.kept.workload);
        let all = wanted.chain(started.map(|tracked| &tracked.workload));
        all.map(|workload| workload.image.digest()).collect()
    }

    /// Whether a workload may be applied, and whether that changes anything.
    pub fn accepts(&self, workload: &Workload) -> Result<Applied> {
        let id = workload.id();
        if let Some((version, _)) = self.gone.get(&id) {
            if matches!(id, WorkloadId::Run(_)) {
                return Err(Error::conflict("run-already-done", format!("{id} is over and acknowledged"))
                    .help("a new run needs a new id"));
            }
            newer(id, *version, workload.version)?;
        }
        let Some(record) = self.records.get(&id) else { return Ok(Applied::Changed) };
        if record.kept.workload.owner != workload.owner {
            return Err(Error::conflict("other-owner", format!("{id} belongs to another owner")));
        }
        let once = matches!(id, WorkloadId::Run(_));
        if record.kept.version == workload.version && (once || record.kept.workload.same_wish(workload)) {
            return Ok(Applied::Same);
        }
        newer(id, record.kept.version, workload.version)?;
        Ok(Applied::Changed)
    }

    /// What to keep once `workload` is applied: a run stays as it was first given, and stopped once stopped.
    pub fn kept_after(&self, workload: Workload) -> Kept {
        let version = workload.version;
        match self.records.get(&workload.id()) {
            Some(record) if matches!(workload.kind, WorkloadKind::Once { .. }) => {
                Kept { version, ..record.kept.clone() }
            }
            _ => Kept { workload: Arc::new(workload), version, stop: None, stopped: None },
        }
    }

    /// What to keep once a workload is stopped; nothing, when it never came.
    pub fn kept_stopped(
        &self,
        id: WorkloadId,
        version: Version,
        grace: Duration,
        now: Timestamp,
    ) -> Result<Option<Kept>> {
        let Some(record) = self.records.get(&id) else { return Ok(None) };
        if version < record.kept.version {
            return Err(superseded(id, record.kept.version, version));
        }
        let stopped = record.kept.stopped.or(Some(now));
        Ok(Some(Kept { version, stop: Some(grace), stopped, ..record.kept.clone() }))
    }

    /// Keeps what is wanted.
    pub fn keep(&mut self, kept: Kept, now: Timestamp) {
        let id = kept.workload.id();
        self.gone.remove(&id);
        match self.records.get_mut(&id) {
            Some(record) => {
                let alive = |tracked: &&mut Tracked| tracked.phase.outcome().is_none();
                for tracked in record.instances.values_mut().filter(alive) {
                    let former = Arc::clone(&tracked.workload);
                    tracked.adopt_workload(&kept);
                    if tracked.phase.is_running() && former.probes != tracked.workload.probes {
                        tracked.probes.begin_probing(&kept.workload.probes, now);
                    }
                }
                record.kept = kept;
            }
            None => {
                let record = Record { kept, instances: BTreeMap::new(), ends: BTreeMap::new(), change: 0 };
                self.records.insert(id, record);
            }
        }
        self.touch(id);
    }

    /// Forgets a workload but for its version.
    pub fn bury(&mut self, id: WorkloadId, version: Version) {
        self.change += 1;
        self.records.remove(&id);
        self.unsettled.remove(&id);
        let seen = self.gone.get(&id).map_or(version, |(seen, _)| version.max(*seen));
        self.gone.insert(id, (seen, self.change));
    }

    /// Notes what a driver says; false, when nobody knows the instance.
    pub fn report(&mut self, report: &Report, pauses: &Pauses) -> bool {
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
            outcome.stopped |= tracked.stopping;
            if tracked.stopping {
                outcome.unhealthy = tracked.probes.health().restart_reason.clone();
            }
            tracked.probes.end_probing(outcome.ended);
            let ends = record.ends.entry(report.instance.replica).or_insert(0);
            *ends = pauses.count(*ends, outcome);
        }
        self.touch(id);
        true
    }

    /// The running containers that have probes to send.
    pub fn probed(&self) -> Vec<ProbedInstance> {
        let records = self.records.values().filter(|record| record.kept.stop.is_none());
        let all = records.flat_map(|record| record.instances.values()).filter(|tracked| tracked.is_probed());
        let probed = all.filter_map(|tracked| {
            let purposes = tracked.probes.purposes(&tracked.workload.probes);
            let Phase::Running { since, address } = tracked.phase else { return None };
            let (instance, workload) = (tracked.id, Arc::clone(&tracked.workload));
            (!purposes.is_empty()).then_some(ProbedInstance { instance, workload, since, address, purposes })
        });
        probed.collect()
    }

    /// Takes the outcome of a probe. The container's health, when that has changed.
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
        self.touch(instance.workload);
        Some(health)
    }

    /// Notes which containers of a workload drain, and that all others do not. Whether that is news.
    pub fn set_draining(&mut self, id: WorkloadId, draining: &BTreeSet<InstanceId>, now: Timestamp) -> bool {
        let Some(record) = self.records.get_mut(&id) else { return false };
        let mut is_news = false;
        for tracked in record.instances.values_mut().filter(|tracked| tracked.outcome().is_none()) {
            let drains = draining.contains(&tracked.id);
            is_news |= drains != tracked.draining_since.is_some();
            // After the clock was set back, the drain counts from now: what lies ahead would never come to an end.
            tracked.draining_since =
                drains.then(|| tracked.draining_since.map_or(now, |since| since.min(now)));
        }
        if is_news {
            self.touch(id);
        }
        is_news
    }

    /// Notes that a step is about to be done, and gives the workload it is done for.
    pub fn begin(&mut self, id: WorkloadId, step: &Step) -> Option<Arc<Workload>> {
        let record = self.records.get_mut(&id)?;
        let workload = Arc::clone(&record.kept.workload);
        match step {
            Step::Start(instance) => {
                let (id, workload) = (*instance, Arc::clone(&workload));
                let tracked = Tracked::new(id, workload, Phase::Starting, Health::default());
                record.instances.insert(*instance, tracked);
            }
            Step::Stop(instance, _) => record.instances.get_mut(instance)?.stopping = true,
            Step::Remove(instance) => {
                record.instances.remove(instance);
            }
        }
        self.touch(id);
        Some(workload)
    }

    /// The workloads to plan for again.
    pub fn unsettled(&self) -> Vec<WorkloadId> {
        self.unsettled.iter().copied().collect()
    }

    /// Nothing is to be done for this one until something happens to it.
    pub fn settled(&mut self, id: WorkloadId) {
        self.unsettled.remove(&id);
    }

    pub fn observe(&self, after: Option<Cursor>) -> Observation {
        let complete = after.is_none_or(|after| after.life != self.life || after.change > self.change);
        let seen = after.map_or(0, |after| if complete { 0 } else { after.change });
        let changed = self.records.values().filter(|record| complete || record.change > seen);
        let gone = self.gone.iter().filter(|(_, (_, change))| !complete && *change > seen);
        Observation {
            cursor: Cursor { life: self.life, change: self.change },
            complete,
            workloads: changed.map(Record::state).collect(),
            gone: gone.map(|(id, _)| *id).collect(),
        }
    }

    fn touch(&mut self, id: WorkloadId) {
        self.change += 1;
        self.unsettled.insert(id);
        if let Some(record) = self.records.get_mut(&id) {
            record.change = self.change;
        }
    }
}

fn newer(id: WorkloadId, seen: Version, given: Version) -> Result<()> {
    if given > seen { Ok(()) } else { Err(superseded(id, seen, given)) }
}

fn superseded(id: WorkloadId, seen: Version, given: Version) -> Error {
    let show = |version: Version| format!("{}.{}", version.epoch, version.generation);
    Error::conflict(
        "generation-superseded",
        format!("version {} of {id} came after version {}", show(given), show(seen)),
    )
    .help("read the current state and send the next generation")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Rollout, SetId, conformance::Bench, engine::plan::plan};
    use hearth_base::{Clock, Entropy, SystemClock};

    #[test]
    fn drain_ends_after_the_clock_was_set_back() {
        let (pauses, drain) = (Pauses::default(), Duration::from_secs(30));
        let at = |second| Timestamp::from_second(second).expect("a moment");
        let Rollout::Surge { until, most, min_ready, .. } = Rollout::default() else { panic!("it surges") };
        let rollout = Rollout::Surge { until, most, min_ready, drain };
        let set = SetId::new(SystemClock.now(), &Entropy::System);
        let kind = WorkloadKind::Keep { set, replicas: 1, rollout, first: 1 };
        let workload = Bench::bare_workload(Bench::new_tool(), kind, &Bench::bare_image());
        let (id, grace) = (workload.id(), workload.grace);
        let instance = |start| InstanceId { workload: id, replica: 0, start };
        let mut ledger = Ledger::new(1, Known::default());
        for start in [1, 2] {
            let kept = ledger.kept_after(Workload { restart: start.into(), ..workload.clone() });
            ledger.keep(kept, at(1000));
            ledger.begin(id, &Step::Start(instance(start)));
            let phase = Phase::Running { since: at(1000), address: None };
            assert!(ledger.report(&Report { instance: instance(start), phase }, &pauses));
        }
        for (now, is_news) in [(1000, true), (400, false), (429, false)] {
            let plan = plan(ledger.record(id).expect("a record"), at(now), &pauses);
            assert_eq!((&plan.draining, plan.steps), (&BTreeSet::from([instance(1)]), Vec::new()));
            assert_eq!(ledger.set_draining(id, &plan.draining, at(now)), is_news);
        }
        let plan = plan(ledger.record(id).expect("a record"), at(430), &pauses);
        assert_eq!(plan.steps, [Step::Stop(instance(1), grace)]);
    }
}
