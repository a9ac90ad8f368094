//! What is to run. A workload names no host path, host user, device or capability: there is no field for them.
//!
//! Every field means something on one machine and in a cluster. What a runtime does not execute yet is a
//! [`crate::Feature`], and the runtime refuses it by the feature's code.

use std::{collections::BTreeMap, time::Duration};

use hearth_base::{Cpu, EnvvarName, JobName, Memory, OpeningKeys, Result, Sealed, SealedFor, Secret};
use serde::{Deserialize, Serialize, Serializer};

use crate::{
    Feature, ImageReference, ImageSource, Mount, MountSource, Network, NetworkMode, Owner, Probes,
    RefreshedFile, Rollout, RunId, SetId, User, WorkloadId,
};

/// The order of what is wanted: a restore begins a new epoch, each change the next generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// Counts restores.
    pub epoch: u64,
    /// Counts changes within an epoch.
    pub generation: u64,
}

/// One thing to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// Whose it is.
    pub owner: Owner,
    /// Which version of what is wanted this is; a lower one than the last is refused.
    pub version: Version,
    /// Once, or kept alive.
    pub kind: WorkloadKind,
    /// How much the container may do.
    #[serde(default)]
    pub isolation: Isolation,
    /// The image. The runtime refuses one that it does not have (`image-missing`).
    pub image: ImageReference,
    /// The way in which the runtime gets the image.
    #[serde(default)]
    pub image_source: ImageSource,
    /// The root is read-only; `/tmp`, `/run` and the mounts are not.
    #[serde(default)]
    pub read_only: bool,
    /// What is started.
    pub process: Process,
    /// What it may use.
    pub limits: Limits,
    /// The network as it sees it.
    #[serde(default)]
    pub network: Network,
    /// The parts of its owner's storage that it sees.
    #[serde(default)]
    pub mounts: Vec<Mount>,
    /// Files whose content the caller renews while the container runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<RefreshedFile>,
    /// How long after the signal to stop it is killed.
    pub grace: Duration,
    /// Counts wanted restarts: a set whose restart number changes has its containers replaced.
    #[serde(default)]
    pub restart: u64,
    /// The probes that tell whether a container serves and works; for a set only.
    #[serde(default, skip_serializing_if = "Probes::is_empty")]
    pub probes: Probes,
}

/// How often a workload runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum WorkloadKind {
    /// Started at most once; its outcome is kept until acknowledged.
    Once {
        /// The run.
        run: RunId,
        /// It is stopped after this time, and its outcome says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        time_limit: Option<Duration>,
    },
    /// Started again, after growing pauses, whenever it ends.
    Keep {
        /// The set.
        set: SetId,
        /// How many run side by side.
        replicas: u16,
        /// The way in which new containers replace old ones.
        #[serde(default)]
        rollout: Rollout,
        /// The number of each replica's first container, where none of it is known: above those that a runtime
        /// which is gone gave, so that no two containers of a set are ever called the same.
        #[serde(default = "one")]
        first: u32,
    },
}

const fn one() -> u32 {
    1
}

/// How much a container may do beyond an ordinary process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// A tool: a small set of capabilities inside its own user namespace.
    #[default]
    Tool,
    /// A build: may mount inside its own user namespace, and has the tool's build cache.
    Build,
}

/// A program and what it is started with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// The program and its arguments; no shell reads them.
    pub argv: Vec<String>,
    /// Environment variables. Values are secrets to everyone but the process.
    #[serde(default, serialize_with = "expose")]
    pub env: BTreeMap<String, Secret>,
    /// More of them, that the runtime alone opens, when it starts the process. None is in `env` too.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sealed: BTreeMap<EnvvarName, Sealed>,
    /// Where it starts.
    pub cwd: String,
    /// Whom it runs as, inside the container.
    #[serde(default)]
    pub user: User,
    /// The signal that asks it to end.
    #[serde(default = "term")]
    pub stop_signal: u8,
}

fn term() -> u8 {
    15
}

fn expose<S: Serializer>(env: &BTreeMap<String, Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(env.iter().map(|(name, value)| (name, value.reveal())))
}

impl Process {
    /// The same process with its sealed variables opened, in a container of `owner` that is called `name`.
    ///
    /// What was sealed for another tool, another variable or another job does not open (`secret-closed`), nor does
    /// what was sealed to a key that is not there (`secret-key`). Hearth itself has no sealed variables.
    pub fn opened(&self, keys: &OpeningKeys, owner: Owner, name: Option<&JobName>) -> Result<Self> {
        let mut opened = Self { sealed: BTreeMap::new(), ..self.clone() };
        for (envvar, sealed) in &self.sealed {
            let tool = owner.require_tool()?;
            // What is for every job opens in each, what is for one in no other.
            let job = sealed.job.as_ref().and(name);
            let value = keys.open(SealedFor { tool, name: envvar, job }, sealed)?;
            opened.env.insert(envvar.to_string(), value);
        }
        // Together they may be more than a program can be started with.
        opened.check()?;
        Ok(opened)
    }
}

/// What a container may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory; a process that needs more is killed.
    pub memory: Memory,
    /// Processor time.
    pub cpu: Cpu,
    /// Processes and threads.
    pub processes: u32,
    /// What it writes into its root, mounts left out; a program that writes more is told that no space is left.
    #[serde(default = "disk")]
    pub disk: Memory,
}

/// For those that were written down before there was this limit.
const fn disk() -> Memory {
    Memory::mib(2048)
}

impl Workload {
    /// The workload's id.
    pub fn id(&self) -> WorkloadId {
        match self.kind {
            WorkloadKind::Once { run, .. } => WorkloadId::Run(run),
            WorkloadKind::Keep { set, .. } => WorkloadId::Set(set),
        }
    }

    /// The same workload with its sealed variables opened; see [`Process::opened`].
    pub fn opened(&self, keys: &OpeningKeys) -> Result<Self> {
        let process = self.process.opened(keys, self.owner, self.network.name.as_ref())?;
        Ok(Self { process, ..self.clone() })
    }

    /// How many containers run side by side.
    pub fn replicas(&self) -> u16 {
        match self.kind {
            WorkloadKind::Once { .. } => 1,
            WorkloadKind::Keep { replicas, .. } => replicas,
        }
    }

    /// Whether this is wanted just as the other: the number of the first container is no wish.
    pub fn same_wish(&self, other: &Self) -> bool {
        self.wish() == other.wish()
    }

    fn wish(&self) -> Self {
        let mut wish = self.clone();
        if let WorkloadKind::Keep { first, .. } = &mut wish.kind {
            *first = one();
        }
        wish
    }

    /// The number of the first container, where none is known.
    pub fn first(&self) -> u32 {
        match self.kind {
            WorkloadKind::Once { .. } => one(),
            WorkloadKind::Keep { first, .. } => first,
        }
    }

    /// The longest it may run.
    pub fn time_limit(&self) -> Option<Duration> {
        match self.kind {
            WorkloadKind::Once { time_limit, .. } => time_limit,
            WorkloadKind::Keep { .. } => None,
        }
    }

    /// The way in which new containers of a set replace old ones; the default for a run, which is never replaced.
    pub fn rollout(&self) -> Rollout {
        match self.kind {
            WorkloadKind::Once { .. } => Rollout::default(),
            WorkloadKind::Keep { rollout, .. } => rollout,
        }
    }

    /// Whether a container started for `other` serves this one as well: all is the same but the version, the number
    /// of replicas, that of the first, how one replaces another, how the image is fetched, the content of refreshed
    /// files, and the probes.
    pub fn same_container(&self, other: &Self) -> bool {
        let plain = |workload: &Self| {
            let mut plain = workload.wish();
            plain.version = Version { epoch: 0, generation: 0 };
            plain.probes = Probes::default();
            plain.image_source = ImageSource::default();
            for file in &mut plain.files {
                file.content = Secret::default();
            }
            if let WorkloadKind::Keep { replicas, rollout, .. } = &mut plain.kind {
                (*replicas, *rollout) = (0, Rollout::default());
            }
            plain
        };
        plain(self) == plain(other)
    }

    /// The features that a runtime needs to execute this workload, each once.
    pub fn required_features(&self) -> Vec<Feature> {
        let volume = self.mounts.iter().any(|mount| matches!(mount.source, MountSource::Volume(_)));
        let rollout = !matches!(self.rollout(), Rollout::Surge { most: None, .. });
        let source = match self.image_source {
            ImageSource::Delivered => Feature::ImageDelivery,
            ImageSource::Registry { .. } => Feature::ImagePull,
        };
        let needed = [
            (matches!(self.owner, Owner::Hearth(_)), Feature::HearthOwner),
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
