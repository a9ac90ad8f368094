//! The times at which probes are sent. No tool waits for another's.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::Ipv4Addr,
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tokio::{task::AbortHandle, time::Instant};

use super::{ProbeRequest, ProbedInstance};
use crate::{InstanceId, Owner, ProbeCheck, ProbePurpose, Workload};

/// A pause in which nothing is due ends at the latest after this.
const MAX_PAUSE: Duration = Duration::from_secs(3600);

/// Probes that are under way at one time. A tool that has none under way may always send one, so that it waits for no
/// other tool.
struct Limits {
    per_tool: usize,
    in_all: usize,
}

const NETWORK_LIMITS: Limits = Limits { per_tool: 16, in_all: 256 };
/// Each is two processes for a moment.
const EXEC_LIMITS: Limits = Limits { per_tool: 4, in_all: 32 };

/// One probe of one container.
pub(super) type Key = (InstanceId, ProbePurpose);

/// One probe of one container, sent again and again.
#[derive(Debug)]
struct Entry {
    workload: Arc<Workload>,
    address: Option<Ipv4Addr>,
    due: Instant,
    under_way: Option<AbortHandle>,
    /// Tells outcomes of this entry from those of a former one.
    number: u64,
}

/// When to send what.
#[derive(Debug, Default)]
pub(super) struct ProbeSchedule {
    entries: BTreeMap<Key, Entry>,
    /// Network probes under way whose entry is gone, by its number. They cannot be called off: their connections stay
    /// until they end, and until then they count in their group's share.
    running_out: BTreeMap<u64, Group>,
    last_number: u64,
}

/// A tool's probes of one kind: those that run programs are counted apart.
type Group = (bool, Owner);

impl ProbeSchedule {
    /// Follows what is to be probed. An entry whose terms have changed begins anew.
    pub(super) fn follow_containers(
        &mut self,
        probed: Vec<ProbedInstance>,
        clock_now: Timestamp,
        now: Instant,
    ) {
        let (mut known, mut former) = (BTreeSet::new(), Vec::new());
        for ProbedInstance { instance, workload, since, address, purposes } in probed {
            for purpose in purposes {
                let Some(terms) = workload.probes.terms(purpose) else { continue };
                let key = (instance, purpose);
                known.insert(key);
                match self.entries.get_mut(&key) {
                    Some(entry) if entry.workload.probes.terms(purpose) == Some(terms) => {
                        (entry.workload, entry.address) = (Arc::clone(&workload), address);
                    }
                    _ => {
                        let ran = Duration::try_from(clock_now.duration_since(since)).unwrap_or_default();
                        let due = now + terms.initial_delay.saturating_sub(ran);
                        self.last_number += 1;
                        let (number, workload) = (self.last_number, Arc::clone(&workload));
                        let entry = Entry { workload, address, due, under_way: None, number };
                        former.extend(self.entries.insert(key, entry).map(|entry| (key, entry)));
                    }
                }
            }
        }
        former.extend(self.entries.extract_if(.., |key, _| !known.contains(key)));
        for (key, entry) in former {
            let Some(sending) = &entry.under_way else { continue };
            match entry.group(key.1) {
                // The program is killed with its session.
                (true, _) => sending.abort(),
                group => {
                    self.running_out.insert(entry.number, group);
                }
            }
        }
    }

    /// The probes to send now. Of the tools that may send, the one with the fewest under way comes first.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<(Key, u64, ProbeRequest)> {
        let mut under_way: BTreeMap<Group, usize> = BTreeMap::new();
        let mut in_all: BTreeMap<bool, usize> = BTreeMap::new();
        let mut waiting: BTreeMap<Group, BTreeSet<(Instant, Key)>> = BTreeMap::new();
        for group in self.running_out.values() {
            *under_way.entry(*group).or_default() += 1;
            *in_all.entry(group.0).or_default() += 1;
        }
        for (key, entry) in &self.entries {
            let group = entry.group(key.1);
            if entry.under_way.is_some() {
                *under_way.entry(group).or_default() += 1;
                *in_all.entry(group.0).or_default() += 1;
            } else if entry.due <= now {
                waiting.entry(group).or_default().insert((entry.due, *key));
            }
        }
        let count = |under_way: &BTreeMap<Group, usize>, group| under_way.get(group).copied().unwrap_or(0);
        let first = |due: &BTreeSet<(Instant, Key)>| due.first().map(|(due, _)| *due);
        let mut order: BTreeSet<(usize, Option<Instant>, Group)> =
            waiting.iter().map(|(group, due)| (count(&under_way, group), first(due), *group)).collect();
        let mut taken = Vec::new();
        while let Some((sending, _, group)) = order.pop_first() {
            let limits = if group.0 { &EXEC_LIMITS } else { &NETWORK_LIMITS };
            let all = in_all.entry(group.0).or_default();
            let may_send = sending == 0 || sending < limits.per_tool && *all < limits.in_all;
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

    /// When the next probe is due that does not wait for others to end.
    pub(super) fn next_due(&self, now: Instant) -> Instant {
        let idle = self.entries.values().filter(|entry| entry.under_way.is_none());
        // What is due by now waits for an outcome: that wakes the sender.
        idle.map(|entry| entry.due).filter(|due| *due > now).min().unwrap_or(now + MAX_PAUSE)
    }

    pub(super) fn note_sending(&mut self, key: &Key, sending: AbortHandle) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.under_way = Some(sending);
        }
    }

    /// Takes note of an end. Whether its outcome counts: its entry is still the one that sent it.
    pub(super) fn finish_probe(&mut self, key: &Key, number: u64) -> bool {
        match self.entries.get_mut(key).filter(|entry| entry.number == number) {
            Some(entry) => {
                entry.under_way = None;
                true
            }
            None => {
                self.running_out.remove(&number);
                false
            }
        }
    }
}

impl Entry {
    fn group(&self, purpose: ProbePurpose) -> Group {
        let terms = self.workload.probes.terms(purpose);
        let is_exec = terms.is_some_and(|terms| matches!(terms.check, ProbeCheck::Exec { .. }));
        (is_exec, self.workload.owner)
    }

    fn take_request(&mut self, key: Key, now: Instant) -> Option<(Key, u64, ProbeRequest)> {
        let terms = self.workload.probes.terms(key.1)?;
        self.due = now + terms.period;
        let request = ProbeRequest {
            instance: key.0,
            workload: Arc::clone(&self.workload),
            address: self.address,
            check: terms.check.clone(),
            timeout: terms.timeout,
        };
        Some((key, self.number, request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HttpExpectation, Probe, Probes, Rollout, SetId, WorkloadKind, conformance::Bench};
    use hearth_base::{Clock, Entropy, SystemClock};
    use tokio::task::JoinSet;

    fn network() -> ProbeCheck {
        ProbeCheck::HttpGet { path: "/".to_owned(), port: 80, expect: HttpExpectation::Success }
    }

    fn exec() -> ProbeCheck {
        ProbeCheck::Exec { argv: vec!["true".to_owned()] }
    }

    /// So many containers of a new tool, each with one probe.
    fn tool_with(count: u32, check: &ProbeCheck) -> Vec<ProbedInstance> {
        let (second, initial_delay) = (Duration::from_secs(1), Duration::ZERO);
        let (period, timeout, check) = (second, second, check.clone());
        let probe =
            Probe { check, initial_delay, period, timeout, success_threshold: 1, failure_threshold: 3 };
        let set = SetId::new(SystemClock.now(), &Entropy::System);
        let kind = WorkloadKind::Keep { set, replicas: 1, rollout: Rollout::default(), first: 1 };
        let workload = Arc::new(Workload {
            probes: Probes { readiness: Some(probe), ..Probes::default() },
            ..Bench::bare_workload(Bench::new_tool(), kind, &Bench::bare_image())
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

    /// Sends what is due, and says how many of each tool. Nothing answers.
    async fn send_due(
        schedule: &mut ProbeSchedule,
        now: Instant,
        tasks: &mut JoinSet<()>,
    ) -> BTreeMap<Owner, usize> {
        let mut sent = BTreeMap::new();
        for (key, _, request) in schedule.take_due(now) {
            schedule.note_sending(&key, tasks.spawn(std::future::pending()));
            *sent.entry(request.workload.owner).or_default() += 1;
        }
        sent
    }

    #[tokio::test]
    async fn tool_with_many_slow_probes_delays_no_other() {
        for (check, most) in [(network(), 16), (exec(), 4)] {
            let (mut schedule, mut tasks, now) =
                (ProbeSchedule::default(), JoinSet::<()>::new(), Instant::now());
            let mut all = tool_with(500, &check);
            let many = all[0].workload.owner;
            all.extend(tool_with(1, &check));
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
        let tools: Vec<_> = (0..40).map(|_| tool_with(20, &network())).collect();
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
        assert_eq!(sent.values().sum::<usize>(), NETWORK_LIMITS.in_all);
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
        schedule.follow_containers(tool_with(1, &network()), Timestamp::UNIX_EPOCH, now);
        let taken = schedule.take_due(now);
        let [(key, number, _)] = taken.as_slice() else { panic!("one is due: {taken:?}") };
        schedule.note_sending(key, tasks.spawn(std::future::pending()));
        assert!(schedule.take_due(now + second * 2).is_empty());
        assert!(schedule.finish_probe(key, *number) && !schedule.finish_probe(key, number + 1));
        assert_eq!(schedule.next_due(now), now + second);
        assert_eq!(schedule.take_due(now + second).len(), 1);
    }

    #[tokio::test]
    async fn tool_whose_terms_change_again_and_again_keeps_to_its_share() {
        let (mut schedule, mut tasks, now) = (ProbeSchedule::default(), JoinSet::<()>::new(), Instant::now());
        let share = NETWORK_LIMITS.per_tool;
        let containers = tool_with(20, &network());
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
                schedule.note_sending(&taken.0, tasks.spawn(std::future::pending()));
                sent.push(taken);
            }
            assert_eq!(sent.len(), share, "round {round}");
        }
        let (key, number, _) = &sent[0];
        assert!(!schedule.finish_probe(key, *number), "its terms have changed");
        assert_eq!(send_due(&mut schedule, now, &mut tasks).await.into_values().collect::<Vec<_>>(), [1]);
        schedule.follow_containers(Vec::new(), Timestamp::UNIX_EPOCH, now);
        assert_eq!(schedule.running_out.len(), share);
    }

    #[tokio::test]
    async fn program_in_a_container_that_is_gone_is_called_off() {
        let (mut schedule, mut tasks, now) = (ProbeSchedule::default(), JoinSet::<()>::new(), Instant::now());
        schedule.follow_containers(tool_with(1, &exec()), Timestamp::UNIX_EPOCH, now);
        let taken = schedule.take_due(now);
        let [(key, number, _)] = taken.as_slice() else { panic!("one is due: {taken:?}") };
        schedule.note_sending(key, tasks.spawn(std::future::pending()));
        schedule.follow_containers(Vec::new(), Timestamp::UNIX_EPOCH, now);
        assert!(tasks.join_next().await.is_some_and(|ended| ended.is_err()));
        assert!(!schedule.finish_probe(key, *number));
    }
}
