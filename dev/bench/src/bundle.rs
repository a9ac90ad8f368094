//! OCI bundle (OCI runtime specification 1.x) of a container that runs only `true`. Its configuration equals
//! that of the local runtime's containers, without seccomp filters, layers, log and state files.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, lchown, symlink},
    path::Path,
};

use hearth_base::{Error, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Host user and group id of the container's root, outside of Hearth's id range.
const ROOT_HOST_ID: u32 = 0x0800_0000;

/// OCI bundle in a temporary folder, with its root file system also as a tar archive.
pub struct OciBundle {
    folder: TempDir,
}

impl OciBundle {
    /// Builds the bundle from the host's busybox.
    pub fn create() -> Result<Self> {
        let folder = tempfile::tempdir().map_err(Error::internal)?;
        let bundle = Self { folder };
        bundle.fill_folder().map_err(|cause| {
            Error::unavailable("busybox", "/bin/busybox is missing: install busybox-static").with_cause(cause)
        })?;
        Ok(bundle)
    }

    /// Folder with `config.json`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Path of the tar archive with the files of the bundle's root file system.
    pub fn archive_path(&self) -> std::path::PathBuf {
        self.folder().join("layer.tar")
    }

    fn fill_folder(&self) -> std::io::Result<()> {
        let folder = self.folder();
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
        let root = folder.join("rootfs");
        for name in ["bin", "dev", "etc", "proc", "sys", "tmp"] {
            fs::create_dir_all(root.join(name))?;
        }
        fs::copy("/bin/busybox", root.join("bin/busybox"))?;
        symlink("busybox", root.join("bin/true"))?;
        let mut tar = tar::Builder::new(fs::File::create(self.archive_path())?);
        tar.follow_symlinks(false);
        tar.append_dir_all("", &root)?;
        tar.finish()?;
        chown_recursively(&root)?;
        let cgroup = format!("/hearth-bench-{}", std::process::id());
        fs::write(folder.join("config.json"), build_config(&cgroup).to_string())
    }
}

/// Changes the owner of `path` and everything below it to the container's root.
fn chown_recursively(path: &Path) -> std::io::Result<()> {
    lchown(path, Some(ROOT_HOST_ID), Some(ROOT_HOST_ID))?;
    if fs::symlink_metadata(path)?.is_dir() {
        for entry in fs::read_dir(path)? {
            chown_recursively(&entry?.path())?;
        }
    }
    Ok(())
}

fn build_config(cgroup: &str) -> Value {
    let mount = |at: &str, kind: &str, options: &[&str]| json!({"destination": at, "type": kind, "source": kind, "options": options});
    let ids = json!([{"containerID": 0, "hostID": ROOT_HOST_ID, "size": 65_536}]);
    let none: [&str; 0] = [];
    json!({
        "ociVersion": "1.0.2",
        "hostname": "bench",
        "root": {"path": "rootfs", "readonly": false},
        "process": {
            "args": ["/bin/true"],
            "env": ["PATH=/bin"],
            "cwd": "/",
            "user": {"uid": 0, "gid": 0},
            "noNewPrivileges": true,
            "capabilities": {"bounding": none, "effective": none, "permitted": none},
        },
        "mounts": [
            mount("/proc", "proc", &["nosuid", "noexec", "nodev"]),
            mount("/dev", "tmpfs", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
            mount("/dev/pts", "devpts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
            mount("/dev/shm", "tmpfs", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
            mount("/dev/mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
            mount("/sys", "sysfs", &["nosuid", "noexec", "nodev", "ro"]),
        ],
        "linux": {
            "cgroupsPath": cgroup,
            "maskedPaths": ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
            "rootfsPropagation": "private",
            "resources": {
                "memory": {"limit": 64 << 20},
                "cpu": {"quota": 100_000, "period": 100_000},
                "pids": {"limit": 16},
                "devices": [{"allow": false, "access": "rwm"}],
            },
            "uidMappings": ids,
            "gidMappings": ids,
            "namespaces": [
                {"type": "user"},
                {"type": "network"},
                {"type": "mount"},
                {"type": "pid"},
                {"type": "ipc"},
                {"type": "uts"},
                {"type": "cgroup"},
            ],
        },
    })
}
