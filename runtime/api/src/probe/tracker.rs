//! Derives the health of one container from the outcomes of its probes: a pure state machine.
//!
//! | state | probes sent | left when |
//! |---|---|---|
//! | not started | startup | the startup probe passes; restart at its deadline |
//! | started, not ready | readiness, liveness | `success_threshold` readiness probes pass in a row |
//! | ready | readiness, liveness | `failure_threshold` readiness probes fail in a row |
//! | restart requested | none | the container ends |
//!
//! In both started states, `failure_threshold` consecutive liveness failures request a restart.

use jiff::{SignedDuration, Timestamp};

use super::{FailureCode, Health, Probe, ProbeOutcome, ProbePurpose, Probes, StartupProbe};

/// Tracks the health of one container; see the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProbeTracker {
    health: Health,
    /// Consecutive outcomes, reset by an outcome of the opposite kind.
    readiness_successes: u16,
    readiness_failures: u16,
    liveness_failures: u16,
}

impl ProbeTracker {
    /// Continues from the health that an earlier runtime process stored.
    pub fn new(health: Health) -> Self {
        Self { health, ..Self::default() }
    }

    /// The current health.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Starts probing, after the container's process started or its probes changed. A missing probe counts as
    /// passed. A state reached with a former probe stays until the new probe fails. A container with a
    /// requested restart does not become ready.
    pub fn begin_probing(&mut self, probes: &Probes, now: Timestamp) {
        // Outcomes of former probes do not count towards the thresholds of the new ones.
        (self.readiness_successes, self.readiness_failures, self.liveness_failures) = (0, 0, 0);
        self.health.started |= probes.startup.is_none();
        if self.health.started && probes.readiness.is_none() && self.health.restart_reason.is_none() {
            self.health.set_ready(true, now);
        }
    }

    /// Stops probing because the container has ended.
    pub fn end_probing(&mut self, now: Timestamp) {
        self.health.set_ready(false, now);
        self.health.clear_failure();
    }

    /// Lists the probes to send in the current state.
    pub fn list_purposes(&self, probes: &Probes) -> Vec<ProbePurpose> {
        // Its end is certain, so further outcomes would only change the recorded reason.
        if self.health.restart_reason.is_some() {
            return Vec::new();
        }
        if !self.health.started {
            return probes.startup.iter().map(|_| ProbePurpose::Startup).collect();
        }
        if probes.liveness_is_readiness() {
            return vec![ProbePurpose::ReadinessAndLiveness];
        }
        let readiness = probes.readiness.iter().map(|_| ProbePurpose::Readiness);
        readiness.chain(probes.liveness.iter().map(|_| ProbePurpose::Liveness)).collect()
    }

    /// Records the outcome of a probe to a container that started at `begun`. Returns true if the health has
    /// changed.
    pub fn record_outcome(
        &mut self,
        probes: &Probes,
        purpose: ProbePurpose,
        outcome: ProbeOutcome,
        begun: Timestamp,
        now: Timestamp,
    ) -> bool {
        // The state may have changed while the probe was under way; its outcome no longer applies then.
        if outcome == ProbeOutcome::NotSent || !self.list_purposes(probes).contains(&purpose) {
            return false;
        }
        let before = self.health.clone();
        match purpose {
            ProbePurpose::Startup => {
                if let Some(probe) = &probes.startup {
                    self.record_startup(probe, outcome, begun, now);
                }
                // The readiness and liveness probes begin now, and a container without a readiness probe
                // becomes ready.
                if self.health.started {
                    self.begin_probing(probes, now);
                    self.count_as_readiness(probes, now);
                }
            }
            ProbePurpose::Readiness => {
                if let Some(probe) = &probes.readiness {
                    self.record_readiness(probe, outcome, now);
                }
            }
            ProbePurpose::Liveness => {
                if let Some(probe) = &probes.liveness {
                    self.record_liveness(probe, outcome, now);
                }
            }
            ProbePurpose::ReadinessAndLiveness => {
                if let (Some(readiness), Some(liveness)) = (&probes.readiness, &probes.liveness) {
                    self.record_readiness(readiness, outcome, now);
                    self.record_liveness(liveness, outcome, now);
                }
            }
        }
        self.health != before
    }

    fn record_startup(
        &mut self,
        probe: &StartupProbe,
        outcome: ProbeOutcome,
        begun: Timestamp,
        now: Timestamp,
    ) {
        let ProbeOutcome::Failed(failure) = outcome else {
            self.health.started = true;
            return;
        };
        let reason = failure.describe_failure(&probe.check, probe.timeout);
        let ran = now.duration_since(begun);
        match probe.deadline {
            Some(deadline) if SignedDuration::try_from(deadline).is_ok_and(|deadline| ran >= deadline) => {
                let seconds = deadline.as_secs_f64();
                let reason = format!("it did not start in {seconds} seconds: {reason}");
                self.request_restart(reason, failure.to_code(), now);
            }
            _ => self.health.set_failure(reason, failure.to_code()),
        }
    }

    /// Counts a passed startup probe as one readiness success when both probes have the same check.
    fn count_as_readiness(&mut self, probes: &Probes, now: Timestamp) {
        let (Some(startup), Some(readiness)) = (&probes.startup, &probes.readiness) else { return };
        if startup.check == readiness.check {
            self.record_readiness(readiness, ProbeOutcome::Passed, now);
        }
    }

    fn record_readiness(&mut self, probe: &Probe, outcome: ProbeOutcome, now: Timestamp) {
        let ProbeOutcome::Failed(failure) = outcome else {
            self.readiness_failures = 0;
            self.readiness_successes = self.readiness_successes.saturating_add(1);
            if self.readiness_successes >= probe.success_threshold {
                self.health.set_ready(true, now);
            }
            return;
        };
        self.readiness_successes = 0;
        self.readiness_failures = self.readiness_failures.saturating_add(1);
        if self.readiness_failures >= probe.failure_threshold {
            self.health.set_ready(false, now);
        }
        // A ready container shows no failure until the threshold is reached.
        if !self.health.ready {
            self.health.set_failure(failure.describe_failure(&probe.check, probe.timeout), failure.to_code());
        }
    }

    fn record_liveness(&mut self, probe: &Probe, outcome: ProbeOutcome, now: Timestamp) {
        let ProbeOutcome::Failed(failure) = outcome else {
            self.liveness_failures = 0;
            return;
        };
        let reason = failure.describe_failure(&probe.check, probe.timeout);
        self.liveness_failures = self.liveness_failures.saturating_add(1);
        match probe.failure_threshold {
            threshold if self.liveness_failures < threshold => {}
            1 => self.request_restart(reason, failure.to_code(), now),
            threshold => {
                let reason = format!("{reason}, {threshold} times in a row");
                self.request_restart(reason, failure.to_code(), now);
            }
        }
    }

    fn request_restart(&mut self, reason: String, code: FailureCode, now: Timestamp) {
        self.health.set_ready(false, now);
        self.health.set_failure(reason.clone(), code);
        self.health.restart_reason = Some(reason);
    }
}

#[cfg(test)]
mod tests;
