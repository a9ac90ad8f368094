//! What this host offers, and what to install or change.

use std::{fs, path::Path};

use hearth_runtime_api::{Check, Report, Verdict};

use crate::{blanks, cgroup, helper::waiter, network};

/// Looks at everything that containers need.
pub fn look() -> Report {
    Report {
        checks: vec![
            root(),
            kernel(),
            namespaces(),
            overlay(),
            disks(),
            groups(),
            forwarding(),
            programs(),
            helpers(),
        ],
    }
}

fn check(name: &str, verdict: Verdict, found: impl Into<String>, advice: &str) -> Check {
    let advice = (verdict != Verdict::Good).then(|| advice.to_owned());
    Check { name: name.to_owned(), verdict, found: found.into(), advice }
}

fn good_if(good: bool, otherwise: Verdict) -> Verdict {
    if good { Verdict::Good } else { otherwise }
}

fn root() -> Check {
    let root = rustix::process::geteuid().is_root();
    let found = if root { "runs as root" } else { "does not run as root" };
    check("root", good_if(root, Verdict::Missing), found, "start the role runtime as root")
}

fn kernel() -> Check {
    let name = rustix::system::uname();
    let release = name.release().to_string_lossy().into_owned();
    let mut numbers = release.split(|symbol: char| !symbol.is_ascii_digit()).map(|part| part.parse::<u32>());
    let version = (numbers.next().and_then(Result::ok), numbers.next().and_then(Result::ok));
    let new = version >= (Some(6), Some(5));
    check("kernel", good_if(new, Verdict::Missing), format!("Linux {release}"), "install Linux 6.5 or newer")
}

fn namespaces() -> Check {
    let most = fs::read_to_string("/proc/sys/user/max_user_namespaces").unwrap_or_default();
    let most: u64 = most.trim().parse().unwrap_or(0);
    let found = format!("up to {most} user namespaces");
    check(
        "namespaces",
        good_if(most >= 1000, Verdict::Missing),
        found,
        "set user.max_user_namespaces to 10000 or more",
    )
}

fn overlay() -> Check {
    let known = fs::read_to_string("/proc/filesystems")
        .is_ok_and(|text| text.lines().any(|line| line.ends_with("\toverlay")));
    let found = if known { "overlayfs is there" } else { "overlayfs is not loaded" };
    check("overlay", good_if(known, Verdict::Missing), found, "load the module overlay (modprobe overlay)")
}

fn disks() -> Check {
    let usable = blanks::usable();
    let verdict = good_if(usable.is_ok(), Verdict::Limited);
    let found = match usable {
        Ok(()) => "a container gets a disk of its own size".to_owned(),
        Err(error) => format!("a container may fill this host's disk ({error})"),
    };
    let advice = "install the package e2fsprogs, and load the modules loop and ext4 (modprobe loop ext4)";
    check("disks", verdict, found, advice)
}

fn groups() -> Check {
    if cgroup::is_v2() {
        let controllers = fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap_or_default();
        let all = ["cpu", "memory", "pids"]
            .iter()
            .all(|name| controllers.split_whitespace().any(|found| found == *name));
        let found = format!("cgroups v2 with {}", controllers.trim());
        return check(
            "cgroups",
            good_if(all, Verdict::Missing),
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
    check("cgroups", good_if(missing.is_empty(), Verdict::Missing), found, advice)
}

fn forwarding() -> Check {
    let on = fs::read_to_string("/proc/sys/net/ipv4/ip_forward").is_ok_and(|text| text.trim() == "1");
    let found = if on { "packets are forwarded" } else { "packets are not forwarded" };
    check(
        "forwarding",
        good_if(on, Verdict::Limited),
        found,
        "set net.ipv4.ip_forward to 1, or tools reach nothing outside",
    )
}

fn programs() -> Check {
    let found = network::programs();
    let verdict = good_if(found.is_ok(), Verdict::Missing);
    let told = found.map_or_else(|error| error.to_string(), |()| "nft is there".to_owned());
    check("networks", verdict, told, "install the package nftables")
}

fn helpers() -> Check {
    let loaded = waiter::Program::load();
    let verdict = good_if(loaded.is_ok(), Verdict::Limited);
    let found = match loaded {
        Ok(_) => "the helper of a container becomes a small program".to_owned(),
        Err(error) => format!("the helper of each container stays as large as hearthd ({error})"),
    };
    check(
        "helpers",
        verdict,
        found,
        "set vm.memfd_noexec to 0 or 1, so that programs are started from memory",
    )
}
