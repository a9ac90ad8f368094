//! Golden files: workloads of callers of every release and the runtime's own files stay readable. One file
//! per format version, never changed.

use std::time::Duration;

use hearth_base::{Memory, PreviewNumber, Result, Role, Secret};
use hearth_runtime_api::{
    Compression, ContainerUser, FileProtocol, FileRefresh, FileSession, ImageReference, ImageSource,
    Isolation, LayerDescriptor, Mount, MountSource, NamedVolume, Network, NetworkMode, Owner, Probes,
    Process, RefreshedFile, RegistryCredential, ResolvedImage, ResourceLimits, Rollout, SurgeUntil, Version,
    VolumeAccess, Workload, WorkloadKind,
};
use serde::{Serialize, de::DeserializeOwned};

const EXAMPLE_DIGEST: &str = "sha256:0707070707070707070707070707070707070707070707070707070707070707";

/// Asserts that a value serializes to its golden file, and that the file is read back as the same value.
#[expect(clippy::expect_used, reason = "a golden file is there")]
fn assert_golden<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(name: &str, value: &T) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let written = serde_json::to_string_pretty(value).expect("JSON") + "\n";
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(golden, written, "{}", path.display());
    assert_eq!(&serde_json::from_str::<T>(&golden).expect("the golden file is read"), value);
}

fn build_reference() -> Result<ImageReference> {
    ImageReference::new("hearth.example:8443/tool-dup-finder/app", EXAMPLE_DIGEST.parse()?)
}

/// A set of a tool with every field of a workload.
fn build_full_workload() -> Result<Workload> {
    let volume = |name: &str, access| -> Result<MountSource> {
        Ok(MountSource::Volume(NamedVolume { name: name.parse()?, quota: Memory::from_mib(1024), access }))
    };
    let mount = |source, at: &str, read_only| Mount { source, at: at.to_owned(), read_only };
    Ok(Workload {
        owner: Owner::Tool("tool_01m7y17883gp14c8thc31b43dg".parse()?),
        version: Version { epoch: 1, generation: 2 },
        kind: WorkloadKind::Keep {
            set: "set_01m7y17883gp14c8thc31b43dh".parse()?,
            replicas: 2,
            rollout: Rollout::Surge {
                until: SurgeUntil::Ready,
                most: Some(1),
                min_ready: Duration::from_secs(10),
                drain: Duration::from_secs(5),
            },
            first: 3,
        },
        isolation: Isolation::Tool,
        image: build_reference()?,
        image_source: ImageSource::Registry {
            credential: Some(RegistryCredential {
                username: "hearth".to_owned(),
                password: Secret::new("open sesame"),
            }),
        },
        read_only: true,
        process: Process {
            argv: vec!["/bin/web".to_owned()],
            env: [("HOME".to_owned(), Secret::new("/home"))].into(),
            sealed: Default::default(),
            cwd: "/".to_owned(),
            user: ContainerUser { uid: 1000, gid: 1000, groups: vec![7] },
            stop_signal: 15,
        },
        limits: ResourceLimits {
            memory: Memory::from_mib(64),
            cpu: hearth_base::Cpu::from_milli(500),
            processes: 32,
            disk: Memory::from_mib(1024),
        },
        network: Network {
            name: Some("web".parse()?),
            tool: Some("dup-finder".parse()?),
            mode: NetworkMode::Index,
            without_services: false,
            grants: ["postgres".parse()?, "valkey".parse()?].into(),
        },
        mounts: vec![
            mount(MountSource::Home, "/home", false),
            mount(volume("cache", VolumeAccess::Shared)?, "/cache", true),
        ],
        files: vec![RefreshedFile {
            path: "/run/hearth/credential".to_owned(),
            mode: 0o400,
            content: Secret::new("token"),
        }],
        grace: Duration::from_secs(20),
        restart: 4,
        probes: Probes::default(),
    })
}

#[test]
fn workload_with_every_field_matches_its_golden_file() -> Result<()> {
    let full = build_full_workload()?;
    full.check_workload()?;
    assert_golden("workload-1-full.json", &full);
    Ok(())
}

#[test]
fn workload_of_hearth_matches_its_golden_file() -> Result<()> {
    let full = build_full_workload()?;
    let mount = |source| Mount { source, at: "/data".to_owned(), read_only: false };
    let volume =
        NamedVolume { name: "data".parse()?, quota: Memory::from_mib(1024), access: VolumeAccess::Single };
    let hearth = Workload {
        owner: Owner::Hearth(Role::Images),
        kind: WorkloadKind::Keep {
            set: "set_01m7y17883gp14c8thc31b43dh".parse()?,
            replicas: 1,
            rollout: Rollout::Recreate,
            first: 1,
        },
        image_source: ImageSource::Delivered,
        network: Network { mode: NetworkMode::None, ..Network::default() },
        mounts: vec![mount(MountSource::Volume(volume))],
        files: Vec::new(),
        ..full
    };
    hearth.check_workload()?;
    assert_golden("workload-1-hearth.json", &hearth);
    Ok(())
}

#[test]
fn workload_of_a_preview_matches_its_golden_file() -> Result<()> {
    let full = build_full_workload()?;
    let tool = full.owner.require_tool()?;
    let preview = Workload {
        owner: Owner::Preview { tool, number: PreviewNumber::new(7)? },
        kind: WorkloadKind::Once { run: "run_01m7y17883gp14c8thc31b43dh".parse()?, time_limit: None },
        image_source: ImageSource::Delivered,
        network: Network { without_services: true, name: Some("web--pr-7".parse()?), ..Network::default() },
        mounts: Vec::new(),
        files: Vec::new(),
        ..full
    };
    preview.check_workload()?;
    assert_golden("workload-1-preview.json", &preview);
    Ok(())
}

#[test]
fn workload_with_required_fields_only_is_read() -> Result<()> {
    let text = format!(
        r#"{{"owner":{{"tool":"tool_01m7y17883gp14c8thc31b43dg"}},"version":{{"epoch":1,"generation":1}},
        "kind":{{"kind":"once","run":"run_01m7y17883gp14c8thc31b43dh"}},"image":"app@{EXAMPLE_DIGEST}",
        "process":{{"argv":["/bin/true"],"cwd":"/"}},
        "limits":{{"memory":"64Mi","cpu":"1","processes":32}},"grace":{{"secs":20,"nanos":0}}}}"#
    );
    let workload: Workload = serde_json::from_str(&text).map_err(hearth_base::Error::internal)?;
    workload.check_workload()?;
    assert_eq!((workload.network.mode, workload.rollout()), (NetworkMode::Outbound, Rollout::UNTIL_RUNNING));
    assert_eq!(workload.image_source, ImageSource::Delivered);
    Ok(())
}

#[test]
fn image_matches_its_golden_file() -> Result<()> {
    let layer = |compression, diff_id| -> Result<LayerDescriptor> {
        Ok(LayerDescriptor { digest: EXAMPLE_DIGEST.parse()?, size: 4096, compression, diff_id })
    };
    let layers =
        vec![layer(Compression::Gzip, Some(EXAMPLE_DIGEST.parse()?))?, layer(Compression::Zstd, None)?];
    assert_golden("image-1.json", &ResolvedImage { reference: build_reference()?, layers });
    Ok(())
}

#[test]
fn file_sessions_and_refreshes_match_their_golden_files() -> Result<()> {
    let session = FileSession {
        owner: Owner::Tool("tool_01m7y17883gp14c8thc31b43dg".parse()?),
        root: MountSource::Home,
        read_only: true,
        user: ContainerUser { uid: 1000, gid: 1000, groups: Vec::new() },
        protocol: FileProtocol::Sftp,
    };
    session.check()?;
    assert_golden("file-session-1.json", &session);
    let volume =
        NamedVolume { name: "data".parse()?, quota: Memory::from_mib(1024), access: VolumeAccess::Shared };
    let volume_session = FileSession {
        owner: Owner::Hearth(Role::Images),
        root: MountSource::Volume(volume),
        read_only: false,
        ..session
    };
    volume_session.check()?;
    assert_golden("file-session-1-volume.json", &volume_session);
    let refresh = FileRefresh {
        workload: "run_01m7y17883gp14c8thc31b43dh".parse()?,
        path: "/run/hearth/credential".to_owned(),
        content: Secret::new("the next token"),
    };
    assert_golden("file-refresh-1.json", &refresh);
    Ok(())
}

#[test]
fn debug_output_of_a_workload_hides_secrets() -> Result<()> {
    let shown = format!("{:?}", build_full_workload()?);
    for secret in ["open sesame", "token", "/home\""] {
        assert!(!shown.contains(&format!("\"{secret}\"")), "{secret}");
    }
    assert!(shown.contains("***"));
    Ok(())
}
