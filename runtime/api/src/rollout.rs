//! Rollout policies: the replacement of a set's containers after a change of the set.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The policy by which new containers replace old ones. In Kubernetes: the strategy of a Deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "policy", rename_all = "kebab-case")]
pub enum Rollout {
    /// Starts each replica's new container beside the old one, and stops the old one when the new one has
    /// reached `until`.
    Surge {
        /// The state that the new container must reach.
        #[serde(default)]
        until: SurgeUntil,
        /// Maximum number of new containers that start beside old ones at a time; absent: one per replica.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        most: Option<u16>,
        /// Time for which the new container must be ready before a ready old one stops, so that a container
        /// that fails at once replaces nothing. Kubernetes: `minReadySeconds`.
        #[serde(default, skip_serializing_if = "Duration::is_zero")]
        min_ready: Duration,
        /// Time for which a replaced or surplus ready container drains before its stop signal. While
        /// [`crate::InstanceState::draining`] is set, callers send it no new requests, and it answers those
        /// under way. Kubernetes: a sleep as the `preStop` hook.
        #[serde(default, skip_serializing_if = "Duration::is_zero")]
        drain: Duration,
    },
    /// Stops old containers, without draining, before new ones start. For a workload that must not run twice,
    /// such as the user of a [`crate::VolumeAccess::Single`] volume.
    Recreate,
}

/// The state that a new container must reach before the old one stops.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SurgeUntil {
    /// Its process runs.
    #[default]
    Running,
    /// It is ready.
    Ready,
}

impl Rollout {
    /// The old container stops as soon as the new one runs.
    pub const UNTIL_RUNNING: Self = Self::surge_until(SurgeUntil::Running);
    /// The old container stops once the new one is ready.
    pub const UNTIL_READY: Self = Self::surge_until(SurgeUntil::Ready);

    const fn surge_until(until: SurgeUntil) -> Self {
        Self::Surge { until, most: None, min_ready: Duration::ZERO, drain: Duration::ZERO }
    }

    /// The time for which a new container must have been ready before the ready one that it replaces stops.
    pub fn min_ready(self) -> Duration {
        match self {
            Self::Surge { min_ready, .. } => min_ready,
            Self::Recreate => Duration::ZERO,
        }
    }

    /// The time for which a ready container drains before its stop signal.
    pub fn drain(self) -> Duration {
        match self {
            Self::Surge { drain, .. } => drain,
            Self::Recreate => Duration::ZERO,
        }
    }

    /// True if an old container must run until the new one is ready.
    pub fn awaits_ready(self) -> bool {
        matches!(self, Self::Surge { until: SurgeUntil::Ready, .. })
    }
}

impl Default for Rollout {
    fn default() -> Self {
        Self::UNTIL_RUNNING
    }
}
