//! Storage of an owner: the parts that a container sees, and access to files from outside a container.

use hearth_base::{Memory, Secret, VolumeName};
use serde::{Deserialize, Serialize};

use crate::{Owner, User, WorkloadId};

/// A part of the owner's storage, seen at a path of the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// The storage that is seen.
    pub source: MountSource,
    /// The absolute path at which it is seen, made when the image lacks it.
    pub at: String,
    /// It can't be written there.
    #[serde(default)]
    pub read_only: bool,
}

/// A part of the owner's storage.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MountSource {
    /// The tool's home, made at first use.
    Home,
    /// The tool's build cache; only for [`crate::Isolation::Build`].
    BuildCache,
    /// A volume of the owner, made at first use.
    Volume(NamedVolume),
}

impl MountSource {
    /// The named volume, if it is one.
    pub fn volume(&self) -> Option<&NamedVolume> {
        match self {
            Self::Volume(volume) => Some(volume),
            Self::Home | Self::BuildCache => None,
        }
    }
}

/// A volume that outlives the containers that see it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NamedVolume {
    /// Its name among the owner's volumes.
    pub name: VolumeName,
    /// The most bytes that it holds. A larger quota than before takes effect; a smaller one is refused.
    pub quota: Memory,
    /// The number of containers that see it at one time.
    #[serde(default)]
    pub access: VolumeAccess,
}

/// The number of containers that see a volume at one time. In a cluster: the volume's access mode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeAccess {
    /// Any number, on any machine (`ReadWriteMany`).
    #[default]
    Shared,
    /// One (`ReadWriteOncePod`).
    Single,
}

/// A file whose content the caller renews while the container runs, such as a run's credential. Its folder belongs to
/// the runtime: a file system in memory that holds nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshedFile {
    /// The absolute path of the file. Its folder meets no mount.
    pub path: String,
    /// Permission bits, at most `0o777`; the workload's user owns the file.
    pub mode: u32,
    /// The content at the start. See [`crate::Runtime::refresh_file`].
    #[serde(serialize_with = "Secret::expose")]
    pub content: Secret,
}

/// The new content of a file of a workload. Whoever reads the file sees the former content or this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRefresh {
    /// The workload.
    pub workload: WorkloadId,
    /// The path, as the workload names it.
    pub path: String,
    /// The content from now on.
    #[serde(serialize_with = "Secret::expose")]
    pub content: Secret,
}

/// Access to files from outside a container. The runtime starts a sandbox whose root is the storage; in it a process
/// without powers speaks the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSession {
    /// The owner of the files.
    pub owner: Owner,
    /// Which of its storage: the home or a volume.
    pub root: MountSource,
    /// Nothing can be written.
    #[serde(default)]
    pub read_only: bool,
    /// The user that new files belong to, inside the sandbox.
    #[serde(default)]
    pub user: User,
    /// The protocol that is spoken.
    pub protocol: FileProtocol,
}

/// A protocol for a file session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileProtocol {
    /// Version 3 of the SSH File Transfer Protocol (draft-ietf-secsh-filexfer-02).
    Sftp,
}
