//! The container as the OCI runtime specification (1.x, `config.md`) writes it.

use std::{fs, io, os::unix::fs::OpenOptionsExt};

use serde_json::{Value, json};

use crate::{caps, disk, sys::files};

use super::{
    brief::Brief,
    root::{ROOT, VOLUMES},
};

/// Kernel settings and facts that are nobody's business inside.
const MASKED: [&str; 11] = [
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
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
/// How long a period of processor time is, in microseconds.
const PERIOD: u64 = 100_000;

/// Writes `config.json` and the files that are bound into the container.
pub fn write(brief: &Brief, holder: i32) -> io::Result<()> {
    let etc = brief.mounts.join("etc");
    disk::folder(&etc, 0o711)?;
    for (name, content) in names(brief) {
        fs::OpenOptions::new().write(true).create_new(true).mode(0o644).open(etc.join(name))?;
        fs::write(etc.join(name), content)?;
    }
    let config = serde_json::to_vec(&config(brief, holder))?;
    let path = brief.mounts.join("config.json");
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    fs::write(path, config)
}

fn names(brief: &Brief) -> [(&'static str, String); 3] {
    let own =
        brief.link.as_ref().map_or_else(String::new, |link| format!("{} {}\n", link.address, brief.hostname));
    let resolver = brief
        .link
        .as_ref()
        .map_or_else(String::new, |link| format!("nameserver {}\noptions ndots:0 timeout:2\n", link.dns));
    [
        ("hosts", format!("127.0.0.1 localhost\n::1 localhost\n{own}")),
        ("hostname", format!("{}\n", brief.hostname)),
        ("resolv.conf", resolver),
    ]
}

fn config(brief: &Brief, holder: i32) -> Value {
    let workload = &brief.workload;
    let process = &workload.process;
    let capabilities = caps::named(workload.isolation);
    json!({
        "ociVersion": "1.0.2",
        "hostname": brief.hostname,
        "root": { "path": brief.mounts.join(ROOT), "readonly": workload.read_only },
        "process": {
            "args": process.argv,
            // The program gets its variables from the executor: they are in no file.
            "env": [],
            "cwd": process.cwd,
            "user": {
                "uid": process.user.uid,
                "gid": process.user.gid,
                "additionalGids": process.user.groups,
            },
            "noNewPrivileges": true,
            "rlimits": [{ "type": "RLIMIT_NOFILE", "soft": files::most(), "hard": files::most() }],
            "capabilities": {
                "bounding": capabilities,
                "effective": capabilities,
                "permitted": capabilities,
            },
        },
        "mounts": mounts(brief),
        "linux": {
            "cgroupsPath": brief.cgroup,
            "maskedPaths": MASKED,
            "readonlyPaths": READ_ONLY,
            "rootfsPropagation": "private",
            "resources": resources(brief),
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

fn resources(brief: &Brief) -> Value {
    let limits = &brief.workload.limits;
    let quota = u64::from(limits.cpu.get()) * PERIOD / 1000;
    json!({
        "memory": { "limit": limits.memory.get() },
        "cpu": { "quota": quota.max(1000), "period": PERIOD },
        "pids": { "limit": limits.processes },
        "devices": [{ "allow": false, "access": "rwm" }],
    })
}

fn mounts(brief: &Brief) -> Vec<Value> {
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
    if brief.workload.read_only {
        mounts.push(plain("/tmp", "tmpfs", &["nosuid", "nodev", "mode=1777"]));
        mounts.push(plain("/run", "tmpfs", &["nosuid", "nodev", "mode=755"]));
    }
    for name in ["hosts", "hostname", "resolv.conf"] {
        let source = brief.mounts.join("etc").join(name);
        mounts.push(bound(&source, &format!("/etc/{name}"), &["rbind", "ro", "nosuid", "nodev", "noexec"]));
    }
    for (number, volume) in brief.volumes.iter().enumerate() {
        let source = brief.mounts.join(VOLUMES).join(number.to_string());
        let mode = if volume.read_only { "ro" } else { "rw" };
        mounts.push(bound(&source, &volume.at, &["rbind", "nosuid", "nodev", mode]));
    }
    mounts
}
