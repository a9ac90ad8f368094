//! Validation of workloads, images and file sessions. Every runtime validates its input itself and trusts no
//! caller.

use std::time::Duration;

use hearth_base::{Cpu, Error, Memory, Result};

use crate::{
    ContainerUser, FileSession, Isolation, Mount, MountSource, NamedVolume, Network, NetworkMode, Owner,
    Process, RefreshedFile, ResolvedImage, Rollout, VolumeAccess, Workload, WorkloadKind,
};

/// Maximum size of arguments and environment together, well below the kernel's ARG_MAX.
const MAX_COMMAND_BYTES: usize = 1 << 20;
/// User and group ids inside a container are below this number.
const ID_UPPER_BOUND: u32 = 65_536;
/// Overlayfs supports more layers; real images have fewer.
const MAX_IMAGE_LAYERS: usize = 128;
/// Refreshed files are in memory, so their number and size are small.
const MAX_REFRESHED_FILES: usize = 16;
const MAX_REFRESHED_FILE_BYTES: usize = 64 << 10;
const MAX_GRANTS: usize = 64;
const MIN_VOLUME_QUOTA: Memory = Memory::from_mib(1);
/// The root file system lies in an image file: its metadata needs a minimum, and the file's size has a
/// maximum.
const MIN_DISK: Memory = Memory::from_mib(16);
const MAX_DISK: Memory = Memory::from_mib(4 << 20);
/// System folders, which a mount cannot cover.
const SYSTEM_FOLDERS: [&str; 4] = ["/proc", "/sys", "/dev", "/etc"];

impl Workload {
    /// Validates the workload. Error `workload` with the violated rule.
    pub fn check_workload(&self) -> Result<()> {
        self.process.check()?;
        self.check_owner()?;
        self.network.check()?;
        self.check_rollout()?;
        if self.limits.memory < Memory::from_mib(4) {
            return Err(refuse_workload(format!(
                "memory limit is too low: {}; allowed: 4Mi or more",
                self.limits.memory
            ))
            .help("set a higher memory limit"));
        }
        if self.limits.cpu < Cpu::from_milli(10) || self.limits.processes == 0 {
            return Err(refuse_workload(
                "cpu or process limit is too low; allowed: 10m or more, 1 process or more",
            ));
        }
        if !(MIN_DISK..=MAX_DISK).contains(&self.limits.disk) {
            let disk = self.limits.disk;
            return Err(refuse_workload(format!(
                "invalid disk limit: {disk}; allowed: {MIN_DISK} to {MAX_DISK}"
            )));
        }
        if self.replicas() > 100 {
            return Err(refuse_workload(format!(
                "invalid number of replicas: {}; allowed: 0 to 100",
                self.replicas()
            )));
        }
        if self.grace > Duration::from_secs(3600) {
            return Err(refuse_workload(format!(
                "stop grace is too long: {:?}; allowed: up to an hour",
                self.grace
            )));
        }
        for (name, duration) in
            [("minimum ready time", self.rollout().min_ready()), ("drain time", self.rollout().drain())]
        {
            if duration > Duration::from_secs(3600) {
                return Err(refuse_workload(format!(
                    "{name} is too long: {duration:?}; allowed: up to an hour"
                )));
            }
        }
        self.probes.check_probes()?;
        if !self.probes.is_empty() && matches!(self.kind, WorkloadKind::Once { .. }) {
            return Err(refuse_workload("run has probes; allowed: for sets only"));
        }
        self.mounts.iter().try_for_each(|mount| mount.check(self.isolation))?;
        let folders = self.check_files()?;
        let mut mount_points: Vec<&str> =
            self.mounts.iter().map(|mount| mount.at.as_str()).chain(folders).collect();
        // Sorted by path components, a path directly follows its parent, so that comparing neighbours finds
        // every overlap.
        mount_points.sort_unstable_by(|one, other| one.split('/').cmp(other.split('/')));
        match mount_points.windows(2).find(|pair| is_within(pair[1], pair[0])) {
            Some(pair) => {
                Err(refuse_workload(format!("mounts overlap: {:.200?} and {:.200?}", pair[0], pair[1])))
            }
            None => Ok(()),
        }
    }

    /// Refuses what the owner of the workload may not have.
    fn check_owner(&self) -> Result<()> {
        match self.owner {
            Owner::Tool(_) => Ok(()),
            Owner::Preview { .. } => self.check_preview(),
            Owner::Hearth(_) => self.check_hearth_owner(),
        }
    }

    /// Refuses tool-only features (homes, sealed variables, a tool's name) in workloads of Hearth itself.
    fn check_hearth_owner(&self) -> Result<()> {
        if !self.process.sealed.is_empty() || self.network.tool.is_some() {
            return Err(refuse_workload(
                "workload of Hearth has sealed variables or a tool's name; allowed: for tools only",
            ));
        }
        match self.mounts.iter().find(|mount| !matches!(mount.source, MountSource::Volume(_))) {
            Some(mount) => Err(refuse_workload(format!(
                "workload of Hearth mounts a tool's storage: {:.200?}; allowed: volumes",
                mount.at
            ))),
            None => Ok(()),
        }
    }

    /// Refuses a rollout that would run two containers on a single-access volume at the same time.
    fn check_rollout(&self) -> Result<()> {
        let WorkloadKind::Keep { replicas, rollout, .. } = self.kind else { return Ok(()) };
        if let Rollout::Surge { most: Some(0), .. } = rollout {
            return Err(refuse_workload("rollout starts 0 containers at a time; allowed: 1 or more"));
        }
        let mut volumes = self.mounts.iter().filter_map(|mount| mount.source.as_volume());
        match volumes.find(|volume| volume.access == VolumeAccess::Single) {
            Some(volume) if replicas > 1 || rollout != Rollout::Recreate => Err(refuse_workload(format!(
                "single-access volume has too many users: {}; allowed: 1 replica, rollout recreate",
                volume.name
            ))),
            _ => Ok(()),
        }
    }

    /// Validates the refreshed files. Returns their folders, each once.
    fn check_files(&self) -> Result<Vec<&str>> {
        if self.files.len() > MAX_REFRESHED_FILES {
            return Err(refuse_workload(format!(
                "too many refreshed files: {}; allowed: up to {MAX_REFRESHED_FILES}",
                self.files.len()
            )));
        }
        let mut folders = Vec::new();
        let mut paths = Vec::new();
        for file in &self.files {
            folders.push(file.check()?);
            paths.push(file.path.as_str());
        }
        paths.sort_unstable();
        if let Some(pair) = paths.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(refuse_workload(format!("refreshed file is listed twice: {:.200?}", pair[0])));
        }
        folders.sort_unstable();
        folders.dedup();
        Ok(folders)
    }
}

impl ResolvedImage {
    /// Validates the number of layers. Error `image-layers`.
    pub fn check_volume(&self) -> Result<()> {
        let count = self.layers.len();
        if !(1..=MAX_IMAGE_LAYERS).contains(&count) {
            return Err(Error::invalid(
                "image-layers",
                format!("invalid number of image layers: {count}; allowed: 1 to {MAX_IMAGE_LAYERS}"),
            ));
        }
        Ok(())
    }
}

impl Network {
    fn check(&self) -> Result<()> {
        if self.grants.len() > MAX_GRANTS {
            return Err(refuse_workload(format!(
                "too many network grants: {}; allowed: up to {MAX_GRANTS}",
                self.grants.len()
            )));
        }
        if self.mode == NetworkMode::None && !self.grants.is_empty() {
            return Err(refuse_workload("network mode none has grants")
                .help("use network mode inside, or remove the grants"));
        }
        Ok(())
    }
}

impl RefreshedFile {
    /// Validates the file. Returns its folder.
    fn check(&self) -> Result<&str> {
        let folder = self.path.rsplit_once('/').map(|(folder, _)| folder).filter(|folder| !folder.is_empty());
        let folder = folder.filter(|folder| is_plain_path(&self.path) && !is_system(folder));
        let folder = folder.ok_or_else(|| {
            refuse_workload(format!("invalid path of a refreshed file: {:.200?}", self.path))
                .help("use an absolute path in a separate folder, outside /proc, /sys, /dev and /etc")
        })?;
        if self.mode > 0o777 {
            return Err(refuse_workload(format!(
                "invalid mode of a refreshed file: {:#o}; allowed: up to 0o777",
                self.mode
            )));
        }
        check_file_content(self.content.expose_secret())?;
        Ok(folder)
    }
}

/// Validates the size of a refreshed file's content.
pub(crate) fn check_file_content(content: &str) -> Result<()> {
    let size = content.len();
    if size > MAX_REFRESHED_FILE_BYTES {
        return Err(refuse_workload(format!(
            "refreshed file is too large: {size} bytes; allowed: up to {MAX_REFRESHED_FILE_BYTES}"
        )));
    }
    Ok(())
}

impl NamedVolume {
    fn check(&self) -> Result<()> {
        if self.quota < MIN_VOLUME_QUOTA {
            return Err(refuse_workload(format!(
                "quota of volume {} is too low: {}; allowed: {MIN_VOLUME_QUOTA} or more",
                self.name, self.quota
            )));
        }
        Ok(())
    }
}

impl FileSession {
    /// Validates the session. Error `workload` with the violated rule.
    pub fn check(&self) -> Result<()> {
        match (&self.root, self.owner) {
            (MountSource::BuildCache, _) => {
                Err(refuse_workload("file session opens a build cache; allowed: home or volume"))
            }
            (_, Owner::Preview { .. }) => {
                Err(refuse_workload("file session opens storage of a preview; previews have none"))
            }
            (MountSource::Home, Owner::Hearth(_)) => {
                Err(refuse_workload("file session opens a home of Hearth itself; allowed: homes of tools"))
            }
            (MountSource::Home, Owner::Tool(_)) => self.user.check(),
            (MountSource::Volume(volume), _) => volume.check().and_then(|()| self.user.check()),
        }
    }
}

impl Process {
    /// Validates the process. Error `workload` with the violated rule.
    pub fn check(&self) -> Result<()> {
        if self.argv.first().is_none_or(String::is_empty) {
            return Err(refuse_workload("process has no program").help("add a command"));
        }
        let texts = self.argv.iter().chain(self.env.keys()).map(String::as_str);
        let texts = texts.chain(self.env.values().map(|value| value.expose_secret()));
        let texts = texts.chain(self.sealed.values().map(|sealed| sealed.text.as_str()));
        let (mut size, mut nul) = (0, false);
        for text in texts {
            size += text.len() + 1;
            nul |= text.contains('\0');
        }
        if nul {
            return Err(refuse_workload("command or environment variable contains a NUL byte"));
        }
        if size > MAX_COMMAND_BYTES {
            return Err(refuse_workload(format!(
                "command line is too large: {size} bytes with environment; allowed: up to {MAX_COMMAND_BYTES}"
            )));
        }
        if let Some(name) = self.env.keys().find(|name| name.is_empty() || name.contains('=')) {
            return Err(refuse_workload(format!("invalid name of an environment variable: {name:.80?}")));
        }
        if let Some(name) = self.sealed.keys().find(|name| self.env.contains_key(name.as_str())) {
            return Err(refuse_workload(format!(
                "environment variable is both sealed and not sealed: {name}"
            )));
        }
        if !is_plain_path(&self.cwd) {
            return Err(refuse_workload(format!(
                "invalid working directory: {:.200?}; expected an absolute path",
                self.cwd
            )));
        }
        if self.stop_signal == 0 || self.stop_signal > 64 {
            return Err(refuse_workload(format!(
                "invalid stop signal: {}; allowed: 1 to 64",
                self.stop_signal
            )));
        }
        self.user.check()
    }
}

impl ContainerUser {
    fn check(&self) -> Result<()> {
        let mut ids = self.groups.iter().chain([&self.uid, &self.gid]);
        match ids.find(|id| **id >= ID_UPPER_BOUND) {
            Some(id) => Err(refuse_workload(format!(
                "user or group id is too large: {id}; allowed: below {ID_UPPER_BOUND}"
            ))),
            None if self.groups.len() > 64 => {
                Err(refuse_workload("process has too many supplementary groups; allowed: up to 64"))
            }
            None => Ok(()),
        }
    }
}

impl Mount {
    fn check(&self, isolation: Isolation) -> Result<()> {
        if !is_plain_path(&self.at) || self.at == "/" || is_system(&self.at) {
            return Err(refuse_workload(format!("invalid mount point: {:.200?}", self.at))
                .help("use an absolute path outside /proc, /sys, /dev and /etc"));
        }
        if self.source == MountSource::BuildCache && isolation != Isolation::Build {
            return Err(refuse_workload("container mounts the build cache; allowed: for builds only"));
        }
        self.source.as_volume().map_or(Ok(()), NamedVolume::check)
    }
}

/// True if the path is a system folder or lies in one.
fn is_system(path: &str) -> bool {
    SYSTEM_FOLDERS.iter().any(|system| is_within(path, system))
}

/// True for an absolute path without `.`, `..`, empty components and zero bytes.
fn is_plain_path(path: &str) -> bool {
    path == "/"
        || path.len() < 4096
            && !path.contains('\0')
            && path.strip_prefix('/').is_some_and(|rest| {
                rest.split('/').all(|part| !matches!(part, "" | "." | "..") && part.len() < 256)
            })
}

/// True if `path` is `folder` or lies in it.
fn is_within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub(crate) fn refuse_workload(public: impl Into<String>) -> Error {
    Error::invalid("workload", public)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_a_way_out_is_not_plain() {
        for path in ["", "data", "/a/../b", "/a//b", "/./a", "/a/", "/a\0b"] {
            assert!(!is_plain_path(path), "{path:?}");
        }
        assert!(is_plain_path("/data/project/dup-finder"));
    }

    #[test]
    fn system_folders_cannot_be_covered() {
        for at in ["/", "/proc", "/proc/sys", "/dev/shm", "/etc/passwd"] {
            let mount = Mount { source: MountSource::Home, at: at.to_owned(), read_only: false };
            assert!(mount.check(Isolation::Tool).is_err(), "{at}");
        }
        let mount = Mount { source: MountSource::Home, at: "/processes".to_owned(), read_only: false };
        assert!(mount.check(Isolation::Tool).is_ok());
    }

    #[test]
    fn only_a_build_sees_the_cache() {
        let mount = |at: &str| Mount { source: MountSource::BuildCache, at: at.to_owned(), read_only: false };
        assert!(mount("/var/lib/containers").check(Isolation::Tool).is_err());
        assert!(mount("/var/lib/containers").check(Isolation::Build).is_ok());
    }
}
