//! Processes and workloads of build steps.

use std::{collections::BTreeMap, time::Duration};

use hearth_base::{Memory, Secret};
use hearth_runtime_api::{
    ContainerUser, ImageReference, ImageSource, Isolation, Mount, MountSource, Network, Owner, Probes,
    Process, ResourceLimits, RunId, Workload, WorkloadKind,
};

use super::BuildAttempt;
use crate::runs::RUNNING_VERSION;

/// Mount point of the build cache of the tool or preview, where buildah stores images and layers.
const CACHE_PATH: &str = "/var/lib/containers";
/// Folder of the source, in the volume of the build cache, which each step mounts.
pub const SOURCE_PATH: &str = "/var/lib/containers/hearth-source";
/// Folder of npm's cache, in the same volume. `image.sh` creates and limits it.
pub const NPM_CACHE_PATH: &str = "/var/lib/containers/hearth-state/npm";

/// Formats the path of a folder of the source; of its top folder without one.
pub fn format_source_path(folder: Option<&str>) -> String {
    folder.map_or_else(|| SOURCE_PATH.to_owned(), |folder| format!("{SOURCE_PATH}/{folder}"))
}

/// Address of the gateway and of the outbound proxy inside containers.
pub const DOOR_AUTHORITY: &str = "hearth.internal:80";
const PROXY_URL: &str = "http://hearth.internal:3128";

/// Time limit of each run, in case the builder dies. The build's own limit is shorter, and enforced by
/// `builds`.
const RUN_TIME_LIMIT: Duration = Duration::from_secs(6 * 3600);

/// Builds a process that runs Hearth's scripts with arguments. Values from a tool are arguments, never part
/// of a script.
pub fn build_process(parts: &[&str], arguments: impl IntoIterator<Item = String>) -> Process {
    let shell = ["/bin/sh".to_owned(), "-c".to_owned(), parts.concat(), "hearth".to_owned()];
    Process {
        argv: shell.into_iter().chain(arguments).collect(),
        env: build_env(),
        sealed: BTreeMap::new(),
        cwd: "/".to_owned(),
        user: ContainerUser::default(),
        stop_signal: 15,
    }
}

/// Adds a setting of git to the environment of a process (`git(1)`, GIT_CONFIG_COUNT).
pub fn add_git_setting(process: &mut Process, key: &str, value: &str) {
    let count: usize = process
        .env
        .get("GIT_CONFIG_COUNT")
        .and_then(|count| count.expose_secret().parse().ok())
        .unwrap_or_default();
    for (name, text) in [
        (format!("GIT_CONFIG_KEY_{count}"), key.to_owned()),
        (format!("GIT_CONFIG_VALUE_{count}"), value.to_owned()),
        ("GIT_CONFIG_COUNT".to_owned(), (count + 1).to_string()),
    ] {
        process.env.insert(name, Secret::new(text));
    }
}

fn build_env() -> BTreeMap<String, Secret> {
    let pairs = [
        ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
        ("HOME", "/tmp"),
        ("LANG", "C.UTF-8"),
        ("TMPDIR", "/var/lib/containers/tmp"),
        // Outbound traffic goes through the proxy, which checks each address; the gateway is reached
        // directly.
        ("http_proxy", PROXY_URL),
        ("https_proxy", PROXY_URL),
        ("no_proxy", "hearth.internal"),
        // git must not prompt, must ignore other configuration, and may use HTTP only.
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

/// Builds the workload of a run of the builder's image, for the build's tool or preview. The preview's network and build
/// cache are its own; the runtime deletes the cache after the build.
pub fn build_workload(
    attempt: &BuildAttempt<'_>,
    run: RunId,
    image: ImageReference,
    process: Process,
) -> Workload {
    let settings = &attempt.cx.settings;
    let tool = attempt.lease.tool;
    Workload {
        owner: attempt.lease.preview.map_or(Owner::Tool(tool), |number| Owner::Preview { tool, number }),
        version: RUNNING_VERSION,
        kind: WorkloadKind::Once { run, time_limit: Some(RUN_TIME_LIMIT) },
        isolation: Isolation::Build,
        image,
        image_source: ImageSource::Delivered,
        read_only: true,
        process,
        limits: ResourceLimits {
            memory: settings.memory,
            cpu: settings.cpu,
            processes: 2048,
            disk: Memory::from_mib(64),
        },
        network: Network::default(),
        mounts: vec![Mount { source: MountSource::BuildCache, at: CACHE_PATH.to_owned(), read_only: false }],
        files: Vec::new(),
        grace: Duration::from_secs(5),
        restart: 0,
        probes: Probes::default(),
    }
}
