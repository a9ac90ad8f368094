//! Sends the probes of all containers on schedule and records their outcomes. A tool's slow probes do not
//! delay those of other tools.

mod schedule;

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::{task::JoinSet, time::Instant};

use schedule::{ProbeKey, ProbeSchedule};

use super::Engine;
use crate::{InstanceId, ProbeCheck, ProbeOutcome, ProbePurpose, Workload};

/// Sends probes for an [`Engine`], which calls it concurrently.
#[async_trait]
pub trait Prober: Send + Sync + 'static {
    /// Sends a probe and waits for its outcome, for little longer than its timeout.
    async fn send(&self, probe: ProbeRequest) -> ProbeOutcome;
}

/// One probe to a running container.
#[derive(Debug, Clone)]
pub struct ProbeRequest {
    /// The container.
    pub instance: InstanceId,
    /// The workload that it was started for.
    pub workload: Arc<Workload>,
    /// The address of its ports.
    pub address: Option<Ipv4Addr>,
    /// The check.
    pub check: ProbeCheck,
    /// Maximum duration of the check.
    pub timeout: Duration,
}

/// A running container with its probes to send.
#[derive(Debug)]
pub(super) struct ProbedInstance {
    pub instance: InstanceId,
    pub workload: Arc<Workload>,
    pub since: Timestamp,
    pub address: Option<Ipv4Addr>,
    pub purposes: Vec<ProbePurpose>,
}

/// Time beyond a probe's timeout after which a prober without an outcome is abandoned.
const PROBER_GRACE: Duration = Duration::from_secs(5);

impl Engine {
    /// Sends probes; never returns.
    pub(super) async fn send_probes(&self) {
        let mut changed = self.changed.subscribe();
        let mut schedule = ProbeSchedule::default();
        let mut sending: JoinSet<(ProbeKey, u64, ProbeOutcome)> = JoinSet::new();
        loop {
            changed.mark_unchanged();
            let probed = self.lock_ledger().list_probed_instances();
            // One time for both `take_due` and `next_due`: a probe due between two times would be neither
            // sent nor awaited.
            let now = Instant::now();
            schedule.follow_containers(probed, self.clock.now(), now);
            for (key, number, request) in schedule.take_due(now) {
                let prober = Arc::clone(&self.prober);
                let task = sending.spawn(async move { (key, number, send_probe(&*prober, request).await) });
                schedule.mark_sending(&key, task);
            }
            tokio::select! {
                // Outcomes have priority, since frequent changes of other containers would starve them.
                biased;
                Some(sent) = sending.join_next() => {
                    // An aborted probe has no outcome.
                    let Ok((key, number, outcome)) = sent else { continue };
                    if schedule.finish_probe(&key, number) {
                        self.record_probe(key.0, key.1, outcome);
                    }
                }
                () = tokio::time::sleep_until(schedule.next_due(now)) => {}
                // The channel's sender is a field of the engine, so it cannot be closed here.
                _ = changed.changed() => {}
            }
        }
    }

    fn record_probe(&self, instance: InstanceId, purpose: ProbePurpose, outcome: ProbeOutcome) {
        let health = self.lock_ledger().record_probe(instance, purpose, outcome, self.clock.now());
        if let Some(health) = health {
            self.journal.save_health(instance, &health);
            self.announce_change();
        }
    }
}

async fn send_probe(prober: &dyn Prober, request: ProbeRequest) -> ProbeOutcome {
    let most = request.timeout + PROBER_GRACE;
    tokio::time::timeout(most, prober.send(request)).await.unwrap_or(ProbeOutcome::NotSent)
}
