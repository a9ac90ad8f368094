//! Storage of an owner: mounts of a container, refreshed files, and file sessions from outside a container.

use hearth_base::{Memory, Secret, VolumeName};
use serde::{Deserialize, Serialize};

use crate::{ContainerUser, FileRequest, Owner, WorkloadId};

/// A mount of the owner's storage at a path of the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// The storage to mount.
    pub source: MountSource,
    /// Absolute mount point; created when the image lacks it.
    pub at: String,
    /// Mounts it read-only.
    #[serde(default)]
    pub read_only: bool,
}

/// A part of the owner's storage.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MountSource {
    /// The tool's home, created at first use.
    Home,
    /// The owner's build cache; only for [`crate::Isolation::Build`]. That of a preview is deleted when the runtime has
    /// no workload of the preview any more.
    BuildCache,
    /// A volume of the owner, created at first use.
    Volume(NamedVolume),
}

impl MountSource {
    /// The named volume, if the source is one.
    pub fn as_volume(&self) -> Option<&NamedVolume> {
        match self {
            Self::Volume(volume) => Some(volume),
            Self::Home | Self::BuildCache => None,
        }
    }
}

/// A volume whose data outlives its containers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NamedVolume {
    /// Name, unique among the owner's volumes.
    pub name: VolumeName,
    /// Maximum size. A larger quota than before takes effect; a smaller one is refused.
    pub quota: Memory,
    /// The number of containers that may mount it at a time.
    #[serde(default)]
    pub access: VolumeAccess,
}

/// The number of containers that may mount a volume at a time. In Kubernetes: its access mode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeAccess {
    /// Any number, on any machine (`ReadWriteMany`).
    #[default]
    Shared,
    /// One (`ReadWriteOncePod`).
    Single,
}

/// A file whose content the caller replaces while the container runs, such as a run's credential. The runtime
/// mounts a tmpfs at the file's folder, which holds refreshed files only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshedFile {
    /// Absolute path of the file. Its folder must not overlap a mount.
    pub path: String,
    /// Permission bits, at most `0o777`; the workload's user owns the file.
    pub mode: u32,
    /// Initial content. See [`crate::Runtime::refresh_file`].
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub content: Secret,
}

/// New content of a refreshed file. The replacement is atomic: a reader sees the former content or the new
/// one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRefresh {
    /// The workload.
    pub workload: WorkloadId,
    /// The path, as in the workload.
    pub path: String,
    /// The new content.
    #[serde(serialize_with = "Secret::serialize_exposed")]
    pub content: Secret,
}

/// Access to files from outside a container. The runtime starts a sandbox whose root is the storage; an
/// unprivileged process in it speaks the protocol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSession {
    /// The owner of the files.
    pub owner: Owner,
    /// The storage to open: the home or a volume.
    pub root: MountSource,
    /// Refuses writes.
    #[serde(default)]
    pub read_only: bool,
    /// The owner of a storage that the session creates, inside the sandbox. New files and folders have the
    /// owner of their folder.
    #[serde(default)]
    pub user: ContainerUser,
    /// The protocol of the session.
    pub protocol: FileProtocol,
}

/// A protocol for a file session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileProtocol {
    /// One request, whose reply begins with a [`crate::FileReply`].
    Request(FileRequest),
    /// Version 3 of the SSH File Transfer Protocol (draft-ietf-secsh-filexfer-02).
    Sftp,
}
