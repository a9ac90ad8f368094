//! The schedule of probes, with concurrency limits per tool and in total.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tokio::{task::AbortHandle, time::Instant};

use super::{ProbeRequest, ProbedInstance};
use crate::{InstanceId, Owner, ProbeCheck, ProbePurpose, ProbeTerms, Workload};

/// Maximum wait of the sender when no probe is due.
const MAX_PAUSE: Duration = Duration::from_secs(3600);

/// Minimum time from one network probe of a starting container to the next.
const MIN_STARTUP_PERIOD: Duration = Duration::from_millis(50);
/// Share of the time since a container's start by which the period of its startup probe grows.
const STARTUP_PERIOD_DIVISOR: u32 = 8;

/// Maximum number of probes under way. A tool without a probe under way may always send one, so that no tool
/// waits for another.
struct ConcurrencyLimits {
    per_tool: usize,
    in_total: usize,
}

const NETWORK_LIMITS: ConcurrencyLimits = ConcurrencyLimits { per_tool: 16, in_total: 256 };
/// Exec probes have lower limits, since each one runs two processes.
const EXEC_LIMITS: ConcurrencyLimits = ConcurrencyLimits { per_tool: 4, in_total: 32 };

/// Identity of a probe: its container and purpose.
pub(super) type ProbeKey = (InstanceId, ProbePurpose);

/// A periodic probe of one container.
#[derive(Debug)]
struct ScheduledProbe {
    workload: Arc<Workload>,
    address: Option<Ipv4Addr>,
    /// Start of the container, or of this process if that is later.
    started: Instant,
    due: Instant,
    under_way: Option<AbortHandle>,
    /// Distinguishes outcomes of this entry from those of a former one with the same key.
    number: u64,
}

/// All periodic probes, and those under way.
#[derive(Debug, Default)]
pub(super) struct ProbeSchedule {
    entries: BTreeMap<ProbeKey, ScheduledProbe>,
    /// Network probes under way whose entry was removed, by number. They cannot be aborted: their connections
    /// exist until they end, so they still count towards their group's limit.
    detached: BTreeMap<u64, ProbeGroup>,
    last_number: u64,
}

/// The unit of concurrency limits: whether the probes are exec probes, and their owner.
type ProbeGroup = (bool, Owner);

impl ProbeSchedule {
    /// Replaces the list of containers to probe. An entry whose probe has changed is scheduled anew.
    pub(super) fn follow_containers(
        &mut self,
        probed: Vec<ProbedInstance>,
        clock_now: Timestamp,
        now: Instant,
    ) {
        let (mut known, mut former) = (BTreeSet::new(), Vec::new());
        for ProbedInstance { instance, workload, since, address, purposes } in probed {
            for purpose in purposes {
                let Some(terms) = workload.probes.terms_for(purpose) else { continue };
                let key = (instance, purpose);
                known.insert(key);
                match self.entries.get_mut(&key) {
                    Some(entry) if entry.workload.probes.terms_for(purpose) == Some(terms) => {
                        (entry.workload, entry.address) = (Arc::clone(&workload), address);
                    }
                    _ => {
                        let ran = Duration::try_from(clock_now.duration_since(since)).unwrap_or_default();
                        let due = now + terms.initial_delay.saturating_sub(ran);
                        let started = now.checked_sub(ran).unwrap_or(now);
                        self.last_number += 1;
                        let (number, workload) = (self.last_number, Arc::clone(&workload));
                        let entry =
                            ScheduledProbe { workload, address, started, due, under_way: None, number };
                        former.extend(self.entries.insert(key, entry).map(|entry| (key, entry)));
                    }
                }
            }
        }
        former.extend(self.entries.extract_if(.., |key, _| !known.contains(key)));
        for (key, entry) in former {
            let Some(sending) = &entry.under_way else { continue };
            match entry.probe_group(key.1) {
                // Aborting the task drops the exec session, which kills the program.
                (true, _) => sending.abort(),
                group => {
                    self.detached.insert(entry.number, group);
                }
            }
        }
    }

    /// Takes the probes to send now. The tool with the fewest probes under way has priority.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<(ProbeKey, u64, ProbeRequest)> {
        let mut under_way: BTreeMap<ProbeGroup, usize> = BTreeMap::new();
        let mut in_all: BTreeMap<bool, usize> = BTreeMap::new();
        let mut waiting: BTreeMap<ProbeGroup, BTreeSet<(Instant, ProbeKey)>> = BTreeMap::new();
        for group in self.detached.values() {
            *under_way.entry(*group).or_default() += 1;
            *in_all.entry(group.0).or_default() += 1;
        }
        for (key, entry) in &self.entries {
            let group = entry.probe_group(key.1);
            if entry.under_way.is_some() {
                *under_way.entry(group).or_default() += 1;
                *in_all.entry(group.0).or_default() += 1;
            } else if entry.due <= now {
                waiting.entry(group).or_default().insert((entry.due, *key));
            }
        }
        let count =
            |under_way: &BTreeMap<ProbeGroup, usize>, group| under_way.get(group).copied().unwrap_or(0);
        let first = |due: &BTreeSet<(Instant, ProbeKey)>| due.first().map(|(due, _)| *due);
        let mut order: BTreeSet<(usize, Option<Instant>, ProbeGroup)> =
            waiting.iter().map(|(group, due)| (count(&under_way, group), first(due), *group)).collect();
        let mut taken = Vec::new();
        while let Some((sending, _, group)) = order.pop_first() {
            let limits = if group.0 { &EXEC_LIMITS } else { &NETWORK_LIMITS };
            let all = in_all.entry(group.0).or_default();
            let may_send = sending == 0 || sending < limits.per_tool && *all < limits.in_total;
            let Some(due) = waiting.get_mut(&group).filter(|_| may_send) else { continue };
            let Some((_, key)) = due.pop_first() else { continue };
            *all += 1;
            if let Some(next) = first(due) {
                order.insert((sending + 1, Some(next), group));
            }
            taken.extend(self.entries.get_mut(&key).and_then(|entry| entry.take_request(key, now)));
        }
        taken
    }

    /// Time of the next probe that is not waiting for another one's end.
    pub(super) fn next_due(&self, now: Instant) -> Instant {
        let idle = self.entries.values().filter(|entry| entry.under_way.is_none());
        // A probe that is due already waits for a free slot; the outcome that frees one wakes the sender.
        idle.map(|entry| entry.due).filter(|due| *due > now).min().unwrap_or(now + MAX_PAUSE)
    }

    /// Marks a probe as under way.
    pub(super) fn mark_sending(&mut self, key: &ProbeKey, sending: AbortHandle) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.under_way = Some(sending);
        }
    }

    /// Marks a probe as ended. Returns true if its outcome counts, which is while its entry is the one that
    /// sent it.
    pub(super) fn finish_probe(&mut self, key: &ProbeKey, number: u64) -> bool {
        match self.entries.get_mut(key).filter(|entry| entry.number == number) {
            Some(entry) => {
                entry.under_way = None;
                true
            }
            None => {
                self.detached.remove(&number);
                false
            }
        }
    }
}

impl ScheduledProbe {
    fn probe_group(&self, purpose: ProbePurpose) -> ProbeGroup {
        let terms = self.workload.probes.terms_for(purpose);
        let is_exec = terms.is_some_and(|terms| matches!(terms.check, ProbeCheck::Exec { .. }));
        (is_exec, self.workload.owner)
    }

    fn take_request(&mut self, key: ProbeKey, now: Instant) -> Option<(ProbeKey, u64, ProbeRequest)> {
        let terms = self.workload.probes.terms_for(key.1)?;
        self.due = now + self.compute_period(key.1, terms, now);
        let request = ProbeRequest {
            instance: key.0,
            workload: Arc::clone(&self.workload),
            address: self.address,
            check: terms.check.clone(),
            timeout: terms.timeout,
        };
        Some((key, self.number, request))
    }

    /// Computes the time to the next probe. Visitors wait for the first success of a startup probe, so it is sent often
    /// at first, and then less often until its period is reached. Exec probes are not: each starts two processes.
    fn compute_period(&self, purpose: ProbePurpose, terms: ProbeTerms<'_>, now: Instant) -> Duration {
        if purpose != ProbePurpose::Startup || matches!(terms.check, ProbeCheck::Exec { .. }) {
            return terms.period;
        }
        let ran = now.saturating_duration_since(self.started);
        terms.period.min((ran / STARTUP_PERIOD_DIVISOR).max(MIN_STARTUP_PERIOD))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        HttpExpectation, Probe, Probes, Rollout, SetId, StartupProbe, WorkloadKind, conformance::Bench,
    };
    use hearth_base::{Clock, Entropy, SystemClock};
    use tokio::task::JoinSet;

    fn build_network_check() -> ProbeCheck {
        ProbeCheck::HttpGet { path: "/".to_owned(), port: 80, expect: HttpExpectation::Success }
    }

    fn build_exec_check() -> ProbeCheck {
        ProbeCheck::Exec { argv: vec!["true".to_owned()] }
    }

    /// Builds containers of a new tool, each with one probe.
    fn build_probed_tool(count: u32, check: &ProbeCheck) -> Vec<ProbedInstance> {
        let (second, initial_delay) = (Duration::from_secs(1), Duration::ZERO);
        let (period, timeout, check) = (second, second, check.clone());
        let probe =
            Probe { check, initial_delay, period, timeout, success_threshold: 1, failure_threshold: 3 };
        let set = SetId::new(SystemClock.now(), &Entropy::System);
        let kind = WorkloadKind::Keep { set, replicas: 1, rollout: Rollout::default(), first: 1 };
        let workload = Arc::new(Workload {
            probes: Probes { readiness: Some(probe), ..Probes::default() },
            ..Bench::build_bare_workload(Bench::new_tool(), kind, &Bench::build_bare_image())
        });
        let probed = |start| ProbedInstance {
            instance: InstanceId { workload: workload.id(), replica: 0, start },
            workload: Arc::clone(&workload),
            since: Timestamp::UNIX_EPOCH,
            address: None,
            purposes: vec![ProbePurpose::Readiness],
        };
        (1..=count).map(probed).collect()
    }

    /// Sends the due probes, without responses. Returns their number per owner.
    async fn send_due(
        schedule: &mut ProbeSchedule,
        now: Instant,
        tasks: &mut JoinSet<()>,
    ) -> BTreeMap<Owner, usize> {
        let mut sent = BTreeMap::new();
        for (key, _, request) in schedule.take_due(now) {
            schedule.mark_sending(&key, tasks.spawn(std::future::pending()));
            *sent.entry(request.workload.owner).or_default() += 1;
        }
        sent
    }

    #[tokio::test]
    async fn tool_with_many_slow_probes_delays_no_other() {
        for (check, most) in [(build_network_check(), 16), (build_exec_check(), 4)] {
            let (mut schedule, mut tasks, now) =
                (ProbeSchedule::default(), JoinSet::<()>::new(), Instant::now());
            let mut all = build_probed_tool(500, &check);
            let many = all[0].workload.owner;
            all.extend(build_probed_tool(1, &check));
            let one = all[500].workload.owner;
            schedule.follow_containers(all, Timestamp::UNIX_EPOCH, now);
            let sent = send_due(&mut schedule, now, &mut tasks).await;
            assert_eq!((sent.get(&many), sent.get(&one)), (Some(&most), Some(&1)));
            assert!(send_due(&mut schedule, now, &mut tasks).await.is_empty());
        }
    }

    #[tokio::test]
    async fn tool_with_nothing_under_way_may_always_send() {
        let (mut schedule, mut tasks, now) = (ProbeSchedule::default(), JoinSet::<()>::new(), Instant::now());
        let tools: Vec<_> = (0..40).map(|_| build_probed_tool(20, &build_network_check())).collect();
        let all = |count: usize| -> Vec<ProbedInstance> {
            let again = |probed: &ProbedInstance| ProbedInstance {
                workload: Arc::clone(&probed.workload),
                purposes: probed.purposes.clone(),
                ..*probed
            };
            tools.iter().take(count).flatten().map(again).collect()
        };
        schedule.follow_containers(all(30), Timestamp::UNIX_EPOCH, now);
        let sent = send_due(&mut schedule, now, &mut tasks).await;
        assert_eq!(sent.values().sum::<usize>(), NETWORK_LIMITS.in_total);
        let (least, most) = (sent.values().min(), sent.values().max());
        assert!(least >= Some(&8) && most <= Some(&9), "{sent:?}");
        schedule.follow_containers(all(40), Timestamp::UNIX_EPOCH, now);
        let sent = send_due(&mut schedule, now, &mut tasks).await;
        assert_eq!(sent.values().copied().collect::<Vec<_>>(), [1; 10]);
    }

    #[tokio::test]
    async fn probe_is_sent_again_after_its_period_and_not_beside_itself() {
        let (mut schedule, mut tasks, now) = (ProbeSchedule::default(), JoinSet::<()>::new(), Instant::now());
        let second = Duration::from_secs(1);
        schedule.follow_containers(build_probed_tool(1, &build_network_check()), Timestamp::UNIX_EPOCH, now);
        let taken = schedule.take_due(now);
        let [(key, number, _)] = taken.as_slice() else { panic!("expected one due probe: {taken:?}") };
        schedule.mark_sending(key, tasks.spawn(std::future::pending()));
        assert!(schedule.take_due(now + second * 2).is_empty());
        assert!(schedule.finish_probe(key, *number) && !schedule.finish_probe(key, number + 1));
        assert_eq!(schedule.next_due(now), now + second);
        assert_eq!(schedule.take_due(now + second).len(), 1);
    }

    #[tokio::test]
    async fn startup_probe_is_sent_more_often_while_the_container_is_young() {
        let second = Duration::from_secs(1);
        for (check, is_exec) in [(build_network_check(), false), (build_exec_check(), true)] {
            let mut probed = build_probed_tool(1, &check);
            let mut workload = (*probed[0].workload).clone();
            let (initial_delay, period, timeout) = (Duration::ZERO, second, second);
            workload.probes.startup =
                Some(StartupProbe { check, initial_delay, period, timeout, deadline: None });
            (probed[0].workload, probed[0].purposes) = (Arc::new(workload), vec![ProbePurpose::Startup]);
            let (mut schedule, began) = (ProbeSchedule::default(), Instant::now());
            schedule.follow_containers(probed, Timestamp::UNIX_EPOCH, began);
            let (mut now, mut pauses) = (began, Vec::new());
            while now < began + second * 20 {
                for (key, number, _) in schedule.take_due(now) {
                    schedule.finish_probe(&key, number);
                }
                let next = schedule.next_due(now);
                pauses.push(next - now);
                now = next;
            }
            let first = if is_exec { second } else { MIN_STARTUP_PERIOD };
            assert_eq!((pauses[0], pauses.last()), (first, Some(&second)));
            assert!(pauses.is_sorted() && pauses.len() < 60, "{pauses:?}");
        }
    }

    #[tokio::test]
    async fn tool_with_changing_probe_terms_stays_within_its_share() {
        let (mut schedule, mut tasks, now) = (ProbeSchedule::default(), JoinSet::<()>::new(), Instant::now());
        let share = NETWORK_LIMITS.per_tool;
        let containers = build_probed_tool(20, &build_network_check());
        let change_period = |period| -> Vec<ProbedInstance> {
            let mut workload = (*containers[0].workload).clone();
            workload.probes.readiness.as_mut().expect("a probe").period = period;
            let workload = Arc::new(workload);
            let changed = |probed: &ProbedInstance| ProbedInstance {
                workload: Arc::clone(&workload),
                purposes: probed.purposes.clone(),
                ..*probed
            };
            containers.iter().map(changed).collect()
        };
        let mut sent = Vec::new();
        for round in 1..=40 {
            schedule.follow_containers(change_period(Duration::from_secs(round)), Timestamp::UNIX_EPOCH, now);
            for taken in schedule.take_due(now) {
                schedule.mark_sending(&taken.0, tasks.spawn(std::future::pending()));
                sent.push(taken);
            }
            assert_eq!(sent.len(), share, "round {round}");
        }
        let (key, number, _) = &sent[0];
        assert!(!schedule.finish_probe(key, *number), "the probe has changed");
        assert_eq!(send_due(&mut schedule, now, &mut tasks).await.into_values().collect::<Vec<_>>(), [1]);
        schedule.follow_containers(Vec::new(), Timestamp::UNIX_EPOCH, now);
        assert_eq!(schedule.detached.len(), share);
    }

    #[tokio::test]
    async fn exec_probe_of_a_removed_container_is_aborted() {
        let (mut schedule, mut tasks, now) = (ProbeSchedule::default(), JoinSet::<()>::new(), Instant::now());
        schedule.follow_containers(build_probed_tool(1, &build_exec_check()), Timestamp::UNIX_EPOCH, now);
        let taken = schedule.take_due(now);
        let [(key, number, _)] = taken.as_slice() else { panic!("expected one due probe: {taken:?}") };
        schedule.mark_sending(key, tasks.spawn(std::future::pending()));
        schedule.follow_containers(Vec::new(), Timestamp::UNIX_EPOCH, now);
        assert!(tasks.join_next().await.is_some_and(|ended| ended.is_err()));
        assert!(!schedule.finish_probe(key, *number));
    }
}
