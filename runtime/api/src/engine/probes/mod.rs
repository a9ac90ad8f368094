//! Sends the probes of all containers in time, and keeps what they find out. No tool's slow probes delay another's.

mod schedule;

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::{task::JoinSet, time::Instant};

use schedule::{Key, ProbeSchedule};

use super::Engine;
use crate::{InstanceId, ProbeCheck, ProbeOutcome, ProbePurpose, Workload};

/// Sends one probe at a time for an [`Engine`]; it is called for many at once.
#[async_trait]
pub trait Prober: Send + Sync + 'static {
    /// Sends a probe and waits for its outcome, little longer than its timeout.
    async fn send(&self, probe: ProbeRequest) -> ProbeOutcome;
}

/// One probe to a running container.
#[derive(Debug, Clone)]
pub struct ProbeRequest {
    /// The container.
    pub instance: InstanceId,
    /// The workload that it was started for.
    pub workload: Arc<Workload>,
    /// The address at which its ports are reached.
    pub address: Option<Ipv4Addr>,
    /// The check to make.
    pub check: ProbeCheck,
    /// The longest that the check may take.
    pub timeout: Duration,
}

/// A running container that has probes to send now.
#[derive(Debug)]
pub(super) struct ProbedInstance {
    pub instance: InstanceId,
    pub workload: Arc<Workload>,
    pub since: Timestamp,
    pub address: Option<Ipv4Addr>,
    pub purposes: Vec<ProbePurpose>,
}

/// A prober that does not answer is not waited for longer than this beyond the probe's timeout.
const PROBER_GRACE: Duration = Duration::from_secs(5);

impl Engine {
    /// Sends probes, for ever.
    pub(super) async fn send_probes(&self) {
        let mut changed = self.changed.subscribe();
        let mut schedule = ProbeSchedule::default();
        let mut sending: JoinSet<(Key, u64, ProbeOutcome)> = JoinSet::new();
        loop {
            changed.mark_unchanged();
            let probed = self.ledger().probed();
            // One moment for both questions: what falls due between two would be neither sent nor waited for.
            let now = Instant::now();
            schedule.follow_containers(probed, self.clock.now(), now);
            for (key, number, request) in schedule.take_due(now) {
                let prober = Arc::clone(&self.prober);
                let task = sending.spawn(async move { (key, number, send_probe(&*prober, request).await) });
                schedule.note_sending(&key, task);
            }
            tokio::select! {
                // Outcomes come first: changes of other containers would crowd them out.
                biased;
                Some(sent) = sending.join_next() => {
                    // One that was called off has no outcome.
                    let Ok((key, number, outcome)) = sent else { continue };
                    if schedule.finish_probe(&key, number) {
                        self.record_probe(key.0, key.1, outcome);
                    }
                }
                () = tokio::time::sleep_until(schedule.next_due(now)) => {}
                // The sender lives as long as the engine.
                _ = changed.changed() => {}
            }
        }
    }

    fn record_probe(&self, instance: InstanceId, purpose: ProbePurpose, outcome: ProbeOutcome) {
        let health = self.ledger().record_probe(instance, purpose, outcome, self.clock.now());
        if let Some(health) = health {
            self.journal.save_health(instance, &health);
            self.announce();
        }
    }
}

async fn send_probe(prober: &dyn Prober, request: ProbeRequest) -> ProbeOutcome {
    let most = request.timeout + PROBER_GRACE;
    tokio::time::timeout(most, prober.send(request)).await.unwrap_or(ProbeOutcome::NotSent)
}
