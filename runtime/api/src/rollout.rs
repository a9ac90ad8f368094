//! The replacement of a set's containers when the set has changed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The way in which new containers replace old ones. In a cluster: the strategy of a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "policy", rename_all = "kebab-case")]
pub enum Rollout {
    /// Each replica's new container starts beside the old one, which stops when the new one has come `until` there.
    Surge {
        /// The state that the new one must come to.
        #[serde(default)]
        until: SurgeUntil,
        /// The most new containers that start beside old ones at one time; without it, one of each replica.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        most: Option<u16>,
        /// An old container that is ready goes on until the new one has been ready for this long, so that one which
        /// fails at once replaces nothing. Kubernetes' `minReadySeconds`.
        #[serde(default, skip_serializing_if = "Duration::is_zero")]
        min_ready: Duration,
        /// A ready container that is replaced, or surplus while others are wanted, drains for this long before it is
        /// asked to end: [`crate::InstanceState::draining`] says that nothing new is to be sent to it, and what was
        /// sent is answered. In a cluster: a sleep as the `preStop` hook.
        #[serde(default, skip_serializing_if = "Duration::is_zero")]
        drain: Duration,
    },
    /// Old containers end before new ones start, and none of them drains. For a workload that cannot run twice, such as
    /// the user of a single volume.
    Recreate,
}

/// The state that a new container must come to before the old one stops.
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

    /// The time for which a new container must have been ready before a ready one that it replaces stops.
    pub fn min_ready(self) -> Duration {
        match self {
            Self::Surge { min_ready, .. } => min_ready,
            Self::Recreate => Duration::ZERO,
        }
    }

    /// The time for which a ready container drains before it is asked to end.
    pub fn drain(self) -> Duration {
        match self {
            Self::Surge { drain, .. } => drain,
            Self::Recreate => Duration::ZERO,
        }
    }

    /// Whether an old container goes on until the new one is ready.
    pub fn awaits_ready(self) -> bool {
        matches!(self, Self::Surge { until: SurgeUntil::Ready, .. })
    }
}

impl Default for Rollout {
    fn default() -> Self {
        Self::UNTIL_RUNNING
    }
}
