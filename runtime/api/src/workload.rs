//! The specification of a workload. It has no field for a host path, host user, device or capability.
//!
//! Every field has a meaning both on one machine and in a cluster. An optional capability of a runtime is a
//! [`crate::Feature`]; a runtime without it refuses the workload with the feature's code.

use std::{collections::BTreeMap, time::Duration};

use hearth_base::{Cpu, EnvvarName, JobName, Memory, OpeningKeys, Result, SealContext, SealedValue, Secret};
use serde::{Deserialize, Serialize, Serializer};

use crate::{
    ContainerUser, Feature, ImageReference, ImageSource, Mount, MountSource, Network, NetworkMode, Owner,
    Probes, RefreshedFile, Rollout, RunId, SetId, WorkloadId,
};

/// Version of a specification, ordered by epoch, then generation. A restore from backup starts a new epoch;
/// each change increments the generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// Number of restores.
    pub epoch: u64,
    /// Number of changes within the epoch.
    pub generation: u64,
}

/// One workload: a run or a set of replicas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// The owner.
    pub owner: Owner,
    /// Version of this specification. A lower version than the last one is refused.
    pub version: Version,
    /// A run, or a set that is kept running.
    pub kind: WorkloadKind,
    /// The isolation profile of the container.
    #[serde(default)]
    pub isolation: Isolation,
    /// The image. Error `image-missing` when the runtime does not have it.
    pub image: ImageReference,
    /// The way in which the runtime gets the image.
    #[serde(default)]
    pub image_source: ImageSource,
    /// Mounts the root file system read-only; `/tmp`, `/run` and the mounts stay writable.
    #[serde(default)]
    pub read_only: bool,
    /// The process to start.
    pub process: Process,
    /// Resource limits.
    pub limits: ResourceLimits,
    /// Network access.
    #[serde(default)]
    pub network: Network,
    /// Mounts of its owner's storage.
    #[serde(default)]
    pub mounts: Vec<Mount>,
    /// Files whose content the caller replaces while the container runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<RefreshedFile>,
    /// Time between the stop signal and SIGKILL.
    pub grace: Duration,
    /// Number of requested restarts. A change of this number replaces the set's containers.
    #[serde(default)]
    pub restart: u64,
    /// Startup, readiness and liveness probes; for a set only.
    #[serde(default, skip_serializing_if = "Probes::is_empty")]
    pub probes: Probes,
}

/// The kind of a workload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum WorkloadKind {
    /// Starts at most once. Its outcome is stored until it is acknowledged.
    Once {
        /// The run.
        run: RunId,
        /// The container is stopped after this time; its outcome is then [`crate::Termination::TimedOut`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        time_limit: Option<Duration>,
    },
    /// Restarts its containers whenever they end, with back-off.
    Keep {
        /// The set.
        set: SetId,
        /// Number of replicas.
        replicas: u16,
        /// The policy by which new containers replace old ones.
        #[serde(default)]
        rollout: Rollout,
        /// Start count of each replica's first container, used when the runtime has no record of the replica.
        /// The caller chooses it above the numbers of an earlier runtime, so that ids of containers are never
        /// reused.
        #[serde(default = "default_first_start")]
        first: u32,
    },
}

const fn default_first_start() -> u32 {
    1
}

/// The isolation profile of a container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// A tool: a small set of capabilities within its own user namespace.
    #[default]
    Tool,
    /// A build: may mount within its own user namespace, and may use the tool's build cache.
    Build,
}

/// A program with its arguments, environment, folder and user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The program and its arguments; no shell interprets them.
    pub argv: Vec<String>,
    /// Environment variables. Values never appear in logs or error messages.
    #[serde(default, serialize_with = "serialize_revealed_env")]
    pub env: BTreeMap<String, Secret>,
    /// Sealed environment variables, which only the runtime opens, when it starts the process. No name may
    /// also be in `env`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sealed: BTreeMap<EnvvarName, SealedValue>,
    /// Working directory.
    pub cwd: String,
    /// The user inside the container.
    #[serde(default)]
    pub user: ContainerUser,
    /// The stop signal.
    #[serde(default = "default_stop_signal")]
    pub stop_signal: u8,
}

fn default_stop_signal() -> u8 {
    15
}

fn serialize_revealed_env<S: Serializer>(
    env: &BTreeMap<String, Secret>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(env.iter().map(|(name, value)| (name, value.expose_secret())))
}

impl Process {
    /// Opens the sealed variables, for a container of `owner` with the network name `name`.
    ///
    /// Errors: `secret-closed` for a value that was sealed for another tool, variable or job; `secret-key`
    /// for a value whose key is missing. Workloads of Hearth itself have no sealed variables.
    pub fn unseal_variables(&self, keys: &OpeningKeys, owner: Owner, name: Option<&JobName>) -> Result<Self> {
        let mut opened = Self { sealed: BTreeMap::new(), ..self.clone() };
        for (envvar, sealed) in &self.sealed {
            let tool = owner.require_tool()?;
            // A value without a job may be opened for every job, a value with a job only for that one.
            let job = sealed.job.as_ref().and(name);
            let value = keys.open_value(SealContext { tool, name: envvar, job }, sealed)?;
            opened.env.insert(envvar.to_string(), value);
        }
        // The opened values may exceed the size that a program can be started with.
        opened.check()?;
        Ok(opened)
    }
}

/// Resource limits of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceLimits {
    /// Memory. A process beyond the limit is killed.
    pub memory: Memory,
    /// Processor time.
    pub cpu: Cpu,
    /// Processes and threads.
    pub processes: u32,
    /// Size of the writable root file system, mounts excluded. Writes beyond the limit fail with ENOSPC.
    #[serde(default = "default_disk_limit")]
    pub disk: Memory,
}

/// The disk limit of workloads that were stored before the limit existed.
const fn default_disk_limit() -> Memory {
    Memory::from_mib(2048)
}

impl Workload {
    /// The workload's id.
    pub fn id(&self) -> WorkloadId {
        match self.kind {
            WorkloadKind::Once { run, .. } => WorkloadId::Run(run),
            WorkloadKind::Keep { set, .. } => WorkloadId::Set(set),
        }
    }

    /// Opens the sealed variables; see [`Process::unseal_variables`].
    pub fn unseal_variables(&self, keys: &OpeningKeys) -> Result<Self> {
        let process = self.process.unseal_variables(keys, self.owner, self.network.name.as_ref())?;
        Ok(Self { process, ..self.clone() })
    }

    /// The number of replicas; 1 for a run.
    pub fn replicas(&self) -> u16 {
        match self.kind {
            WorkloadKind::Once { .. } => 1,
            WorkloadKind::Keep { replicas, .. } => replicas,
        }
    }

    /// True if both specifications are equal, apart from the start count of the first container and the content of
    /// refreshed files.
    pub fn has_same_spec(&self, other: &Self) -> bool {
        self.to_comparable_spec() == other.to_comparable_spec()
    }

    fn to_comparable_spec(&self) -> Self {
        let mut spec = self.clone();
        if let WorkloadKind::Keep { first, .. } = &mut spec.kind {
            *first = default_first_start();
        }
        for file in &mut spec.files {
            file.content = Secret::default();
        }
        spec
    }

    /// The start count of the first container of a replica without a record.
    pub fn first_start(&self) -> u32 {
        match self.kind {
            WorkloadKind::Once { .. } => default_first_start(),
            WorkloadKind::Keep { first, .. } => first,
        }
    }

    /// The time limit of a run.
    pub fn time_limit(&self) -> Option<Duration> {
        match self.kind {
            WorkloadKind::Once { time_limit, .. } => time_limit,
            WorkloadKind::Keep { .. } => None,
        }
    }

    /// The rollout policy of a set; the default policy for a run, which is never replaced.
    pub fn rollout(&self) -> Rollout {
        match self.kind {
            WorkloadKind::Once { .. } => Rollout::default(),
            WorkloadKind::Keep { rollout, .. } => rollout,
        }
    }

    /// True if a container started for `other` also satisfies this specification. The version, replicas,
    /// first start count, rollout policy, image source, content of refreshed files and probes may differ.
    pub fn has_same_container(&self, other: &Self) -> bool {
        let plain = |workload: &Self| {
            let mut plain = workload.to_comparable_spec();
            plain.version = Version { epoch: 0, generation: 0 };
            plain.probes = Probes::default();
            plain.image_source = ImageSource::default();
            if let WorkloadKind::Keep { replicas, rollout, .. } = &mut plain.kind {
                (*replicas, *rollout) = (0, Rollout::default());
            }
            plain
        };
        plain(self) == plain(other)
    }

    /// The optional features that this workload needs, each once.
    pub fn required_features(&self) -> Vec<Feature> {
        let volume = self.mounts.iter().any(|mount| matches!(mount.source, MountSource::Volume(_)));
        let rollout = !matches!(self.rollout(), Rollout::Surge { most: None, .. });
        let source = match self.image_source {
            ImageSource::Delivered => Feature::ImageDelivery,
            ImageSource::Registry { .. } => Feature::ImagePull,
        };
        let needed = [
            (matches!(self.owner, Owner::Hearth(_)), Feature::HearthOwner),
            (self.owner.is_preview(), Feature::PreviewOwner),
            (true, source),
            (volume, Feature::Volume),
            (matches!(self.network.mode, NetworkMode::None | NetworkMode::Index), Feature::NetworkMode),
            (!self.network.grants.is_empty(), Feature::NetworkGrant),
            (!self.files.is_empty(), Feature::RefreshedFile),
            (rollout, Feature::Rollout),
        ];
        needed.into_iter().filter(|(needed, _)| *needed).map(|(_, feature)| feature).collect()
    }
}
