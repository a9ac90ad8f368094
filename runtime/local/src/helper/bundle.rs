//! OCI bundle of a container (OCI runtime specification 1.x, `config.md`).

use std::{fs, io, os::unix::fs::OpenOptionsExt};

use serde_json::{Value, json};

use crate::{capabilities, dns::table::HEARTH_HOSTNAME, state_files, sys::open_files};

use super::{
    config::HelperConfig,
    root::{ROOT_FOLDER, VOLUMES_FOLDER},
};

/// Paths with kernel settings and information that containers must not see.
const MASKED_PATHS: [&str; 11] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/firmware",
];
const READ_ONLY_PATHS: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
/// Period of the CPU quota, in microseconds.
const CPU_PERIOD_MICROS: u64 = 100_000;

/// Writes `config.json` and the files that are bind-mounted into the container.
pub fn write_bundle(config: &HelperConfig, holder: i32) -> io::Result<()> {
    let etc = config.mounts.join("etc");
    state_files::make_folder(&etc, 0o711)?;
    for (name, content) in build_name_files(config) {
        fs::OpenOptions::new().write(true).create_new(true).mode(0o644).open(etc.join(name))?;
        fs::write(etc.join(name), content)?;
    }
    let spec = serde_json::to_vec(&build_config(config, holder))?;
    let path = config.mounts.join("config.json");
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    fs::write(path, spec)
}

fn build_name_files(config: &HelperConfig) -> [(&'static str, String); 3] {
    // Resolvers read this file first (hosts(5)): package clients open a connection to the outbound proxy for each
    // package, and would ask for its address each time.
    let own = config.link.as_ref().map_or_else(String::new, |link| {
        let services = match config.workload.network.without_services {
            true => String::new(),
            false => format!("{} {HEARTH_HOSTNAME}\n", link.dns),
        };
        format!("{services}{} {}\n", link.address, config.hostname)
    });
    let resolver = config
        .link
        .as_ref()
        .map_or_else(String::new, |link| format!("nameserver {}\noptions ndots:0 timeout:2\n", link.dns));
    [
        ("hosts", format!("127.0.0.1 localhost\n::1 localhost\n{own}")),
        ("hostname", format!("{}\n", config.hostname)),
        ("resolv.conf", resolver),
    ]
}

fn build_config(config: &HelperConfig, holder: i32) -> Value {
    let workload = &config.workload;
    let process = &workload.process;
    let capabilities = capabilities::build_oci_capabilities(workload.isolation);
    let max_files = open_files::max_open_files();
    json!({
        "ociVersion": "1.0.2",
        "hostname": config.hostname,
        "root": { "path": config.mounts.join(ROOT_FOLDER), "readonly": workload.read_only },
        "process": {
            "args": process.argv,
            // The executor sets the variables, so that secrets are in no file.
            "env": [],
            "cwd": process.cwd,
            "user": {
                "uid": process.user.uid,
                "gid": process.user.gid,
                "additionalGids": process.user.groups,
            },
            "noNewPrivileges": true,
            "rlimits": [{ "type": "RLIMIT_NOFILE", "soft": max_files, "hard": max_files }],
            "capabilities": {
                "bounding": capabilities,
                "effective": capabilities,
                "permitted": capabilities,
            },
        },
        "mounts": build_mounts(config),
        "linux": {
            "cgroupsPath": config.cgroup,
            "maskedPaths": MASKED_PATHS,
            "readonlyPaths": READ_ONLY_PATHS,
            "rootfsPropagation": "private",
            "resources": build_resources(config),
            "namespaces": [
                { "type": "user", "path": format!("/proc/{holder}/ns/user") },
                { "type": "network", "path": format!("/proc/{holder}/ns/net") },
                { "type": "mount" },
                { "type": "pid" },
                { "type": "ipc" },
                { "type": "uts" },
                { "type": "cgroup" },
            ],
        },
    })
}

fn build_resources(config: &HelperConfig) -> Value {
    let limits = &config.workload.limits;
    let quota = u64::from(limits.cpu.get()) * CPU_PERIOD_MICROS / 1000;
    json!({
        "memory": { "limit": limits.memory.get() },
        "cpu": { "quota": quota.max(1000), "period": CPU_PERIOD_MICROS },
        "pids": { "limit": limits.processes },
        "devices": [{ "allow": false, "access": "rwm" }],
    })
}

fn build_mounts(config: &HelperConfig) -> Vec<Value> {
    let plain = |at: &str, kind: &str, options: &[&str]| json!({ "destination": at, "type": kind, "source": kind, "options": options });
    let bound = |source: &std::path::Path, at: &str, options: &[&str]| json!({ "destination": at, "type": "bind", "source": source, "options": options });
    let mut mounts = vec![
        plain("/proc", "proc", &["nosuid", "noexec", "nodev"]),
        plain("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
        plain(
            "/dev/pts",
            "devpts",
            &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        ),
        plain("/dev/shm", "tmpfs", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
        plain("/dev/mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        plain("/sys", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
    ];
    if config.workload.read_only {
        mounts.push(plain("/tmp", "tmpfs", &["nosuid", "nodev", "mode=1777"]));
        mounts.push(plain("/run", "tmpfs", &["nosuid", "nodev", "mode=755"]));
    }
    for name in ["hosts", "hostname", "resolv.conf"] {
        let source = config.mounts.join("etc").join(name);
        mounts.push(bound(&source, &format!("/etc/{name}"), &["rbind", "ro", "nosuid", "nodev", "noexec"]));
    }
    for folder in &config.refreshed {
        mounts.push(bound(&folder.source, &folder.at, &["rbind", "ro", "nosuid", "nodev", "noexec"]));
    }
    for (number, volume) in config.volumes.iter().enumerate() {
        let source = config.mounts.join(VOLUMES_FOLDER).join(number.to_string());
        let mode = if volume.read_only { "ro" } else { "rw" };
        mounts.push(bound(&source, &volume.at, &["rbind", "nosuid", "nodev", mode]));
    }
    mounts
}
