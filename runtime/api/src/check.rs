//! The rules that every runtime checks again, whoever sent the workload.

use std::time::Duration;

use hearth_base::{Cpu, Error, Memory, Result};

use crate::{
    FileSession, Image, Isolation, Mount, MountSource, NamedVolume, Network, NetworkMode, Owner, Process,
    RefreshedFile, Rollout, User, VolumeAccess, Workload, WorkloadKind,
};

/// Arguments and environment together, as the kernel takes them with room to spare.
const MOST_TEXT: usize = 1 << 20;
/// Users and groups inside a container are below this.
const MOST_IDS: u32 = 65_536;
/// Overlay takes more; images with more are not real.
const MAX_IMAGE_LAYERS: usize = 128;
/// A run's credentials and the like: files in memory.
const MAX_REFRESHED_FILES: usize = 16;
const MAX_REFRESHED_FILE_BYTES: usize = 64 << 10;
const MAX_GRANTS: usize = 64;
const MIN_VOLUME_QUOTA: Memory = Memory::mib(1);
/// A file system of its own needs some of it, and has to fit into a file.
const LEAST_DISK: Memory = Memory::mib(16);
const MOST_DISK: Memory = Memory::mib(4 << 20);
/// Folders that belong to the system and can't be covered by a mount.
const SYSTEM: [&str; 4] = ["/proc", "/sys", "/dev", "/etc"];

impl Workload {
    /// Refuses a workload that breaks a rule, with the rule.
    pub fn check(&self) -> Result<()> {
        self.process.check()?;
        self.check_owner()?;
        self.network.check()?;
        self.check_rollout()?;
        if self.limits.memory < Memory::mib(4) {
            return Err(refused(format!("{} of memory is too little to start anything", self.limits.memory))
                .help("ask for 4Mi or more"));
        }
        if self.limits.cpu < Cpu::milli(10) || self.limits.processes == 0 {
            return Err(refused("a container needs 10m of processor time and one process at least"));
        }
        if !(LEAST_DISK..=MOST_DISK).contains(&self.limits.disk) {
            let asked = self.limits.disk;
            return Err(refused(format!("a container has {LEAST_DISK} to {MOST_DISK} of disk, not {asked}")));
        }
        if self.replicas() > 100 {
            return Err(refused(format!("a set has 0 to 100 replicas, not {}", self.replicas())));
        }
        if self.grace > Duration::from_secs(3600) {
            return Err(refused("the time to stop is an hour at most"));
        }
        for (name, given) in
            [("of being ready", self.rollout().min_ready()), ("to drain", self.rollout().drain())]
        {
            if given > Duration::from_secs(3600) {
                return Err(refused(format!(
                    "the time {name} is too long: {given:?}; allowed: up to an hour"
                )));
            }
        }
        self.probes.check()?;
        if !self.probes.is_empty() && matches!(self.kind, WorkloadKind::Once { .. }) {
            return Err(refused("a run has probes; only a set can have them"));
        }
        self.mounts.iter().try_for_each(|mount| mount.check(self.isolation))?;
        let folders = self.check_files()?;
        let mut places: Vec<&str> =
            self.mounts.iter().map(|mount| mount.at.as_str()).chain(folders).collect();
        // By their parts: what lies in a folder follows it at once.
        places.sort_unstable_by(|one, other| one.split('/').cmp(other.split('/')));
        match places.windows(2).find(|pair| within(pair[1], pair[0])) {
            Some(pair) => Err(refused(format!("two mounts meet at {:.200?}", pair[1]))),
            None => Ok(()),
        }
    }

    /// Hearth itself has volumes, and nothing that only a tool has.
    fn check_owner(&self) -> Result<()> {
        let Owner::Hearth(_) = self.owner else { return Ok(()) };
        if !self.process.sealed.is_empty() || self.network.tool.is_some() {
            return Err(refused("only a tool has sealed variables and a tool's name"));
        }
        match self.mounts.iter().find(|mount| !matches!(mount.source, MountSource::Volume(_))) {
            Some(mount) => Err(refused(format!("only a tool has what is mounted at {:.200?}", mount.at))),
            None => Ok(()),
        }
    }

    /// A volume that one container sees at a time has room for no second one, not even for a moment.
    fn check_rollout(&self) -> Result<()> {
        let WorkloadKind::Keep { replicas, rollout, .. } = self.kind else { return Ok(()) };
        if let Rollout::Surge { most: Some(0), .. } = rollout {
            return Err(refused("a roll-out starts one new container at a time at least"));
        }
        let mut volumes = self.mounts.iter().filter_map(|mount| mount.source.volume());
        match volumes.find(|volume| volume.access == VolumeAccess::Single) {
            Some(volume) if replicas > 1 || rollout != Rollout::Recreate => Err(refused(format!(
                "one container at a time sees the volume {}: it needs one replica and a roll-out that recreates it",
                volume.name
            ))),
            _ => Ok(()),
        }
    }

    /// Checks the refreshed files; their folders, each once.
    fn check_files(&self) -> Result<Vec<&str>> {
        if self.files.len() > MAX_REFRESHED_FILES {
            return Err(refused(format!("a container has {MAX_REFRESHED_FILES} refreshed files at most")));
        }
        let mut folders = Vec::new();
        let mut paths = Vec::new();
        for file in &self.files {
            folders.push(file.check()?);
            paths.push(file.path.as_str());
        }
        paths.sort_unstable();
        if let Some(pair) = paths.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(refused(format!("the refreshed file {:.200?} is there twice", pair[0])));
        }
        folders.sort_unstable();
        folders.dedup();
        Ok(folders)
    }
}

impl Image {
    /// Refuses an image that no container can be made of.
    pub fn check(&self) -> Result<()> {
        let count = self.layers.len();
        if !(1..=MAX_IMAGE_LAYERS).contains(&count) {
            return Err(Error::invalid(
                "image-layers",
                format!("an image has 1 to {MAX_IMAGE_LAYERS} layers, not {count}"),
            ));
        }
        Ok(())
    }
}

impl Network {
    fn check(&self) -> Result<()> {
        if self.grants.len() > MAX_GRANTS {
            return Err(refused(format!("a container has {MAX_GRANTS} grants at most")));
        }
        if self.mode == NetworkMode::None && !self.grants.is_empty() {
            return Err(refused("a container without a network reaches no endpoint")
                .help("choose the network mode inside, or leave the grants out"));
        }
        Ok(())
    }
}

impl RefreshedFile {
    /// Refuses a file that cannot be there; its folder.
    fn check(&self) -> Result<&str> {
        let folder = self.path.rsplit_once('/').map(|(folder, _)| folder).filter(|folder| !folder.is_empty());
        let folder = folder.filter(|folder| plain_path(&self.path) && !is_system(folder));
        let folder = folder.ok_or_else(|| {
            refused(format!("no refreshed file can be at {:.200?}", self.path))
                .help("choose an absolute path in a folder of its own, outside /proc, /sys, /dev and /etc")
        })?;
        if self.mode > 0o777 {
            return Err(refused(format!("a file's mode is at most 0o777, not {:#o}", self.mode)));
        }
        check_file_content(self.content.reveal())?;
        Ok(folder)
    }
}

/// Refuses what a refreshed file cannot hold.
pub(crate) fn check_file_content(content: &str) -> Result<()> {
    let size = content.len();
    if size > MAX_REFRESHED_FILE_BYTES {
        return Err(refused(format!(
            "a refreshed file holds {MAX_REFRESHED_FILE_BYTES} bytes at most, not {size}"
        )));
    }
    Ok(())
}

impl NamedVolume {
    fn check(&self) -> Result<()> {
        if self.quota < MIN_VOLUME_QUOTA {
            return Err(refused(format!(
                "the volume {} has {MIN_VOLUME_QUOTA} at least, not {}",
                self.name, self.quota
            )));
        }
        Ok(())
    }
}

impl FileSession {
    /// Refuses a session that cannot be.
    pub fn check(&self) -> Result<()> {
        match (&self.root, self.owner) {
            (MountSource::BuildCache, _) => Err(refused("nobody but a build sees the build cache")),
            (MountSource::Home, Owner::Hearth(_)) => Err(refused("only a tool has a home")),
            (MountSource::Home, Owner::Tool(_)) => self.user.check(),
            (MountSource::Volume(volume), _) => volume.check().and_then(|()| self.user.check()),
        }
    }
}

impl Process {
    /// Refuses a process that can't be started as written.
    pub fn check(&self) -> Result<()> {
        if self.argv.first().is_none_or(String::is_empty) {
            return Err(refused("there is no program to start").help("give a command"));
        }
        let texts = self.argv.iter().chain(self.env.keys()).map(String::as_str);
        let texts = texts.chain(self.env.values().map(|value| value.reveal()));
        let texts = texts.chain(self.sealed.values().map(|sealed| sealed.text.as_str()));
        let (mut size, mut nul) = (0, false);
        for text in texts {
            size += text.len() + 1;
            nul |= text.contains('\0');
        }
        if nul {
            return Err(refused("a command or an environment variable contains a zero byte"));
        }
        if size > MOST_TEXT {
            return Err(refused(format!("command and environment are {size} bytes, more than {MOST_TEXT}")));
        }
        if let Some(name) = self.env.keys().find(|name| name.is_empty() || name.contains('=')) {
            return Err(refused(format!("{name:.80?} cannot name an environment variable")));
        }
        if let Some(name) = self.sealed.keys().find(|name| self.env.contains_key(name.as_str())) {
            return Err(refused(format!("{name} is there twice, once sealed and once not")));
        }
        if !plain_path(&self.cwd) {
            return Err(refused(format!("{:.200?} is not an absolute path to start in", self.cwd)));
        }
        if self.stop_signal == 0 || self.stop_signal > 64 {
            return Err(refused(format!("there is no signal {}", self.stop_signal)));
        }
        self.user.check()
    }
}

impl User {
    fn check(&self) -> Result<()> {
        let mut ids = self.groups.iter().chain([&self.uid, &self.gid]);
        match ids.find(|id| **id >= MOST_IDS) {
            Some(id) => Err(refused(format!("user and group numbers are below {MOST_IDS}, {id} is not"))),
            None if self.groups.len() > 64 => Err(refused("a process has 64 further groups at most")),
            None => Ok(()),
        }
    }
}

impl Mount {
    fn check(&self, isolation: Isolation) -> Result<()> {
        if !plain_path(&self.at) || self.at == "/" || is_system(&self.at) {
            return Err(refused(format!("nothing can be mounted at {:.200?}", self.at))
                .help("choose an absolute path outside /proc, /sys, /dev and /etc"));
        }
        if self.source == MountSource::BuildCache && isolation != Isolation::Build {
            return Err(refused("only a build sees the build cache"));
        }
        self.source.volume().map_or(Ok(()), NamedVolume::check)
    }
}

/// Whether a path lies in a folder of the system.
fn is_system(path: &str) -> bool {
    SYSTEM.iter().any(|system| within(path, system))
}

/// Absolute, without `.`, `..`, empty parts and zero bytes.
fn plain_path(path: &str) -> bool {
    path == "/"
        || path.len() < 4096
            && !path.contains('\0')
            && path.strip_prefix('/').is_some_and(|rest| {
                rest.split('/').all(|part| !matches!(part, "" | "." | "..") && part.len() < 256)
            })
}

/// Whether `path` is `folder` or lies in it.
fn within(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn refused(public: impl Into<String>) -> Error {
    Error::invalid("workload", public)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_a_way_out_is_not_plain() {
        for path in ["", "data", "/a/../b", "/a//b", "/./a", "/a/", "/a\0b"] {
            assert!(!plain_path(path), "{path:?}");
        }
        assert!(plain_path("/data/project/dup-finder"));
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
