//! Checks of this host's prerequisites, with advice on what to install or change.

use std::{fs, path::Path};

use hearth_runtime_api::{CheckVerdict, HostCheck, HostReport};

use crate::{
    cgroup, disk_templates,
    helper::waiter,
    network,
    sys::open_files::{self, WANTED_OPEN_FILES},
};

/// Open files of a process below which many connections at a time make the door refuse others.
const MIN_OPEN_FILES: u64 = 16_384;

/// Checks all prerequisites of containers.
pub fn check_host() -> HostReport {
    HostReport {
        checks: vec![
            check_root(),
            check_kernel(),
            check_namespaces(),
            check_overlay(),
            check_disks(),
            check_cgroups(),
            check_forwarding(),
            check_programs(),
            check_helpers(),
            check_open_files(),
        ],
    }
}

fn build_check(name: &str, verdict: CheckVerdict, found: impl Into<String>, advice: &str) -> HostCheck {
    let advice = (verdict != CheckVerdict::Good).then(|| advice.to_owned());
    HostCheck { name: name.to_owned(), verdict, found: found.into(), advice }
}

fn choose_verdict(good: bool, otherwise: CheckVerdict) -> CheckVerdict {
    if good { CheckVerdict::Good } else { otherwise }
}

fn check_root() -> HostCheck {
    let root = rustix::process::geteuid().is_root();
    let found = if root { "runs as root" } else { "does not run as root" };
    build_check("root", choose_verdict(root, CheckVerdict::Missing), found, "start the role runtime as root")
}

fn check_kernel() -> HostCheck {
    let name = rustix::system::uname();
    let release = name.release().to_string_lossy().into_owned();
    let mut numbers = release.split(|symbol: char| !symbol.is_ascii_digit()).map(|part| part.parse::<u32>());
    let version = (numbers.next().and_then(Result::ok), numbers.next().and_then(Result::ok));
    let new = version >= (Some(6), Some(5));
    build_check(
        "kernel",
        choose_verdict(new, CheckVerdict::Missing),
        format!("Linux {release}"),
        "install Linux 6.5 or newer",
    )
}

fn check_namespaces() -> HostCheck {
    let most = fs::read_to_string("/proc/sys/user/max_user_namespaces").unwrap_or_default();
    let most: u64 = most.trim().parse().unwrap_or(0);
    let found = format!("up to {most} user namespaces");
    build_check(
        "namespaces",
        choose_verdict(most >= 1000, CheckVerdict::Missing),
        found,
        "set user.max_user_namespaces to 10000 or more",
    )
}

fn check_overlay() -> HostCheck {
    let known = fs::read_to_string("/proc/filesystems")
        .is_ok_and(|text| text.lines().any(|line| line.ends_with("\toverlay")));
    let found = if known { "overlayfs is available" } else { "overlayfs is not loaded" };
    build_check(
        "overlay",
        choose_verdict(known, CheckVerdict::Missing),
        found,
        "load the module overlay (modprobe overlay)",
    )
}

fn check_disks() -> HostCheck {
    let usable = disk_templates::check_supported();
    let verdict = choose_verdict(usable.is_ok(), CheckVerdict::Limited);
    let found = match usable {
        Ok(()) => "containers, homes and build caches have limits of size and number of files".to_owned(),
        Err(error) => format!("containers, homes and build caches have no size limit ({error})"),
    };
    let advice = "install the package e2fsprogs, and load the modules loop and ext4 (modprobe loop ext4)";
    build_check("disks", verdict, found, advice)
}

fn check_cgroups() -> HostCheck {
    if cgroup::is_v2() {
        let controllers = fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap_or_default();
        let all = ["cpu", "memory", "pids"]
            .iter()
            .all(|name| controllers.split_whitespace().any(|found| found == *name));
        let found = format!("cgroups v2 with {}", controllers.trim());
        return build_check(
            "cgroups",
            choose_verdict(all, CheckVerdict::Missing),
            found,
            "enable the controllers cpu, memory and pids",
        );
    }
    let missing: Vec<&str> = ["cpu", "cpuacct", "memory", "pids", "devices"]
        .into_iter()
        .filter(|name| !Path::new("/sys/fs/cgroup").join(name).is_dir())
        .collect();
    let found = if missing.is_empty() {
        "cgroups v1".to_owned()
    } else {
        format!("cgroups v1 without {}", missing.join(", "))
    };
    let advice = "boot with systemd.unified_cgroup_hierarchy=1, or mount the missing controllers";
    build_check("cgroups", choose_verdict(missing.is_empty(), CheckVerdict::Missing), found, advice)
}

fn check_forwarding() -> HostCheck {
    let on = fs::read_to_string("/proc/sys/net/ipv4/ip_forward").is_ok_and(|text| text.trim() == "1");
    let found = if on { "IP forwarding is enabled" } else { "IP forwarding is disabled" };
    build_check(
        "forwarding",
        choose_verdict(on, CheckVerdict::Limited),
        found,
        "set net.ipv4.ip_forward to 1; tools cannot reach the internet otherwise",
    )
}

fn check_programs() -> HostCheck {
    let found = network::check_nft_installed();
    let verdict = choose_verdict(found.is_ok(), CheckVerdict::Missing);
    let found = found.map_or_else(|error| error.to_string(), |()| "nft is installed".to_owned());
    build_check("networks", verdict, found, "install the package nftables")
}

fn check_helpers() -> HostCheck {
    let loaded = waiter::WaiterProgram::load_program();
    let verdict = choose_verdict(loaded.is_ok(), CheckVerdict::Limited);
    let found = match loaded {
        Ok(_) => "helpers of running containers use the waiter program".to_owned(),
        Err(error) => format!(
            "helpers of running containers need more memory: the waiter program cannot be started ({error})"
        ),
    };
    build_check(
        "helpers",
        verdict,
        found,
        "set vm.memfd_noexec to 0 or 1, so that programs can be started from memory",
    )
}

/// Checks the limit that a process of Hearth gets when it is started from here. A service manager may set another.
fn check_open_files() -> HostCheck {
    let limit = open_files::raise_open_file_limit();
    let verdict = choose_verdict(limit >= MIN_OPEN_FILES, CheckVerdict::Limited);
    let advice = format!(
        "set LimitNOFILE={WANTED_OPEN_FILES} in the systemd unit, or run ulimit -Hn {WANTED_OPEN_FILES} before hearthd"
    );
    build_check(
        "open-files",
        verdict,
        format!("up to {limit} open files and connections per process"),
        &advice,
    )
}
