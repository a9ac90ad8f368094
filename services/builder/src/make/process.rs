//! Programs of the builder's image, and the runs around them.

use std::{collections::BTreeMap, time::Duration};

use hearth_base::{Memory, Secret};
use hearth_runtime_api::{
    ImageReference, ImageSource, Isolation, Limits, Mount, MountSource, Network, Probes, Process, RunId,
    User, Workload, WorkloadKind,
};

use super::Make;
use crate::runs::WANTED;

/// Where the tool's build cache is seen: where buildah keeps images and layers.
const CACHE: &str = "/var/lib/containers";
/// Where the source lies while it is built: in the cache's volume, which every step sees.
pub const SOURCE: &str = "/var/lib/containers/hearth-source";
/// Where containers find Hearth's door, and its way out.
pub const DOOR: &str = "hearth.internal:80";
const WAY_OUT: &str = "http://hearth.internal:3128";

/// No run is longer, whatever becomes of the builder. The build's own limit is shorter, and held by `builds`.
const LONGEST: Duration = Duration::from_secs(6 * 3600);

/// A script of ours with arguments. What comes from a tool is an argument and never part of the script.
pub fn script(parts: &[&str], arguments: impl IntoIterator<Item = String>) -> Process {
    let shell = ["/bin/sh".to_owned(), "-c".to_owned(), parts.concat(), "hearth".to_owned()];
    Process {
        argv: shell.into_iter().chain(arguments).collect(),
        env: env(),
        sealed: BTreeMap::new(),
        cwd: "/".to_owned(),
        user: User::default(),
        stop_signal: 15,
    }
}

fn env() -> BTreeMap<String, Secret> {
    let pairs = [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("HOME", "/tmp"),
        ("LANG", "C.UTF-8"),
        ("TMPDIR", "/var/lib/containers/tmp"),
        // The way out looks at every address; the door is reached directly.
        ("http_proxy", WAY_OUT),
        ("https_proxy", WAY_OUT),
        ("no_proxy", "hearth.internal"),
        // git asks nobody, reads no settings but these, and speaks nothing but HTTP.
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_ASKPASS", "/bin/false"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_ALLOW_PROTOCOL", "http:https"),
        ("GIT_PROTOCOL_FROM_USER", "0"),
        ("GIT_LFS_SKIP_SMUDGE", "1"),
        ("GIT_HTTP_LOW_SPEED_LIMIT", "1000"),
        ("GIT_HTTP_LOW_SPEED_TIME", "60"),
        ("GIT_SSL_CAINFO", "/tmp/in/ca.crt"),
        ("GIT_CONFIG_COUNT", "4"),
        ("GIT_CONFIG_KEY_0", "core.hooksPath"),
        ("GIT_CONFIG_VALUE_0", "/dev/null"),
        ("GIT_CONFIG_KEY_1", "http.followRedirects"),
        ("GIT_CONFIG_VALUE_1", "initial"),
        ("GIT_CONFIG_KEY_2", "submodule.recurse"),
        ("GIT_CONFIG_VALUE_2", "false"),
        ("GIT_CONFIG_KEY_3", "credential.helper"),
        ("GIT_CONFIG_VALUE_3", ""),
        ("BUILDAH_ISOLATION", "chroot"),
        ("STORAGE_DRIVER", "overlay"),
        ("REGISTRIES_CONFIG_PATH", "/tmp/in/registries.conf"),
        ("CONTAINERS_REGISTRIES_CONF", "/tmp/in/registries.conf"),
        ("SSL_CERT_FILE", "/tmp/in/ca.crt"),
    ];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), Secret::new(value))).collect()
}

/// A run of the builder's image for the build's tool.
pub fn workload(make: &Make<'_>, run: RunId, image: ImageReference, process: Process) -> Workload {
    let settings = &make.cx.settings;
    Workload {
        owner: make.lease.tool.into(),
        version: WANTED,
        kind: WorkloadKind::Once { run, time_limit: Some(LONGEST) },
        isolation: Isolation::Build,
        image,
        image_source: ImageSource::Delivered,
        read_only: true,
        process,
        limits: Limits { memory: settings.memory, cpu: settings.cpu, processes: 2048, disk: Memory::mib(64) },
        network: Network::default(),
        mounts: vec![Mount { source: MountSource::BuildCache, at: CACHE.to_owned(), read_only: false }],
        files: Vec::new(),
        grace: Duration::from_secs(5),
        restart: 0,
        probes: Probes::default(),
    }
}
