//! Instances of the runtime, each named after the test process that started it, and the removal of those whose process
//! was killed: it could not remove its containers, networks and control groups.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Once,
        atomic::{AtomicU32, Ordering},
    },
};

use super::{SERVICES_USER, program_path};

/// Folder with a folder for each instance on this host.
const RUN_FOLDER: &str = "/run";
/// Beginning of the names of these folders: `hearth-`, and the `w` of instances of tests.
const FOLDER_PREFIX: &str = "hearth-w";
/// Bits of an instance's number that count the instances of one process.
const COUNT_BITS: u32 = 4;
/// Largest number of an instance, so that its name fits into that of a network interface.
const MAX_INSTANCE_NUMBER: u32 = 0x0fff_ffff;

/// Returns settings of the runtime that no other Hearth on this host uses at the same time.
pub fn build_runtime_settings() -> String {
    static USED_INSTANCES: AtomicU32 = AtomicU32::new(0);
    let count = USED_INSTANCES.fetch_add(1, Ordering::Relaxed) & ((1 << COUNT_BITS) - 1);
    render_settings((std::process::id() << COUNT_BITS | count) & MAX_INSTANCE_NUMBER)
}

fn render_settings(number: u32) -> String {
    let first = 0x1000_0000 + (number % 1024) * 16 * 65_536;
    format!("[runtime]\ninstance = \"w{number:x}\"\nuser = \"{SERVICES_USER}\"\nfirst_id = {first}\n")
}

/// Removes what killed test processes left on this host, once for each process.
pub fn remove_abandoned_instances() {
    static REMOVAL_OF_INSTANCES: Once = Once::new();
    REMOVAL_OF_INSTANCES.call_once(|| {
        let Ok(hearthd) = program_path("hearthd") else { return };
        for number in list_abandoned_instances(Path::new(RUN_FOLDER)) {
            // Another test process may remove it at the same time, and the next one tries again.
            let _removed = tempfile::tempdir().and_then(|state| {
                let config = state.path().join("hearth.toml");
                fs::write(&config, render_settings(number))?;
                clear_instance(&hearthd, &config, &state.path().join("state"));
                Ok(())
            });
        }
    });
}

/// Runs `hearthd clear`. A failure would hide that of the test, so it is ignored.
pub fn clear_instance(hearthd: &Path, config: &Path, state: &Path) {
    let mut clear = Command::new(hearthd);
    clear.arg("clear").arg("--config").arg(config).arg("--state").arg(state);
    let _cleared = clear.stdout(Stdio::null()).stderr(Stdio::null()).status();
}

/// Lists the numbers of instances whose process has ended.
fn list_abandoned_instances(folder: &Path) -> Vec<u32> {
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let numbers =
        names.filter_map(|name| u32::from_str_radix(name.to_str()?.strip_prefix(FOLDER_PREFIX)?, 16).ok());
    numbers.filter(|number| !PathBuf::from(format!("/proc/{}", number >> COUNT_BITS)).exists()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_instances_of_ended_processes_are_abandoned() {
        let folder = tempfile::tempdir().unwrap();
        let own = std::process::id() << COUNT_BITS;
        // No process has such a number: the kernel's limit is 2^22.
        let ended = 0x0f00_0000 | 3;
        for name in [format!("hearth-w{own:x}"), format!("hearth-w{ended:x}"), "hearth-warm".to_owned()] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        assert_eq!(list_abandoned_instances(folder.path()), [ended]);
        assert!(list_abandoned_instances(&folder.path().join("missing")).is_empty());
    }
}
