//! Unsupported features are refused with their error codes. Workloads are validated before that.

use std::time::Duration;

use hearth_base::{Memory, PreviewNumber, Result, Role, Secret};

use crate::{
    ContainerUser, Feature, FileProtocol, FileRefresh, FileSession, ImageSource, Isolation, Mount,
    MountSource, NamedVolume, NetworkMode, Owner, RefreshedFile, Rollout, SurgeUntil, VolumeAccess, Workload,
    WorkloadKind, conformance::Bench, fake::ScriptStep::Exit,
};

fn build_volume_mount(access: VolumeAccess) -> Mount {
    let name = "data".parse().expect("a name");
    let source = MountSource::Volume(NamedVolume { name, quota: Memory::from_mib(64), access });
    Mount { source, at: "/data".to_owned(), read_only: false }
}

fn build_refreshed_file(path: &str) -> RefreshedFile {
    RefreshedFile { path: path.to_owned(), mode: 0o400, content: Secret::new("token") }
}

fn with_rollout(mut workload: Workload, policy: Rollout) -> Workload {
    if let WorkloadKind::Keep { rollout, .. } = &mut workload.kind {
        *rollout = policy;
    }
    workload
}

fn surge_of_at_most(most: u16) -> Rollout {
    let (until, min_ready, drain) = (SurgeUntil::Ready, Duration::ZERO, Duration::ZERO);
    Rollout::Surge { until, most: Some(most), min_ready, drain }
}

fn error_code<T>(result: Result<T>) -> Option<String> {
    result.err().map(|error| error.code().to_owned())
}

/// Builds a set of preview 7 of the bench's tool, with everything that previews may have.
pub fn build_preview_set(bench: &Bench) -> Workload {
    let mut preview = bench.build_set(1, &[Exit(0)]);
    preview.owner = Owner::Preview { tool: bench.tool, number: PreviewNumber::new(7).expect("a number") };
    preview.network.without_services = true;
    preview.mounts.clear();
    preview
}

/// Builds workloads that would connect a preview to its tool or to Hearth.
fn build_connected_previews(bench: &Bench) -> Vec<Workload> {
    let preview = || build_preview_set(bench);
    let with_mount = |source| {
        let mut workload = preview();
        workload.mounts.push(Mount { source, at: "/data".to_owned(), read_only: true });
        workload
    };
    let mut build_with_home = with_mount(MountSource::Home);
    build_with_home.isolation = Isolation::Build;
    let mut with_services = preview();
    with_services.network.without_services = false;
    let mut with_endpoint = preview();
    with_endpoint.network.grants.insert("postgres".parse().expect("a name"));
    let mut with_credential = preview();
    with_credential.files.push(build_refreshed_file("/run/hearth/credential"));
    vec![
        with_mount(MountSource::Home),
        with_mount(build_volume_mount(VolumeAccess::Shared).source),
        with_mount(MountSource::BuildCache),
        build_with_home,
        with_services,
        with_endpoint,
        with_credential,
    ]
}

/// Builds a workload for each optional feature.
fn build_workloads_by_feature(bench: &Bench) -> Vec<(Feature, Workload)> {
    let plain = || bench.build_set(1, &[Exit(0)]);
    let mut hearth = plain();
    hearth.owner = Owner::Hearth(Role::Images);
    hearth.mounts.clear();
    let preview = build_preview_set(bench);
    let mut pulled = plain();
    pulled.image_source = ImageSource::Registry { credential: None };
    let mut stored = plain();
    stored.mounts.push(build_volume_mount(VolumeAccess::Shared));
    let (mut alone, mut index) = (plain(), plain());
    (alone.network.mode, index.network.mode) = (NetworkMode::None, NetworkMode::Index);
    let mut granted = plain();
    granted.network.grants.insert("postgres".parse().expect("a name"));
    let mut refreshed = plain();
    refreshed.files.push(build_refreshed_file("/run/hearth/credential"));
    let few = surge_of_at_most(1);
    vec![
        (Feature::HearthOwner, hearth),
        (Feature::PreviewOwner, preview),
        (Feature::ImagePull, pulled),
        (Feature::Volume, stored),
        (Feature::NetworkMode, alone),
        (Feature::NetworkMode, index),
        (Feature::NetworkGrant, granted),
        (Feature::RefreshedFile, refreshed),
        (Feature::Rollout, with_rollout(plain(), Rollout::Recreate)),
        (Feature::Rollout, with_rollout(plain(), few)),
    ]
}

/// A refused workload leaves no state.
pub async fn unsupported_features_are_refused_by_their_codes(bench: &Bench) {
    let runtime = bench.runtime();
    for (feature, workload) in build_workloads_by_feature(bench) {
        assert!(workload.required_features().contains(&feature), "{feature:?}");
        if bench.supports_feature(feature) {
            continue;
        }
        let refused = runtime.apply(workload).await;
        assert_eq!(error_code(refused).as_deref(), Some(feature.to_error_code()));
    }
    let seen = runtime.observe_workloads(None, Duration::ZERO).await.expect("observe");
    assert!(seen.workloads.is_empty());
}

/// The same holds for calls that are not part of a workload.
pub async fn file_sessions_and_refreshes_are_refused_by_their_codes(bench: &Bench) {
    let session = FileSession {
        owner: bench.tool.into(),
        root: MountSource::Home,
        read_only: true,
        user: ContainerUser::default(),
        protocol: FileProtocol::Sftp,
    };
    let runtime = bench.runtime();
    if !bench.supports_feature(Feature::FileSession) {
        assert_eq!(
            error_code(runtime.open_files(session).await).as_deref(),
            Some(Feature::FileSession.to_error_code())
        );
    }
    if !bench.supports_feature(Feature::RefreshedFile) {
        let workload = bench.build_run(&[Exit(0)]).id();
        let refresh =
            FileRefresh { workload, path: "/run/hearth/credential".to_owned(), content: Secret::new("t") };
        assert_eq!(
            error_code(runtime.refresh_file(refresh).await).as_deref(),
            Some(Feature::RefreshedFile.to_error_code())
        );
    }
}

/// Validation comes first: the code is `workload`, not that of an unsupported feature.
pub async fn impossible_workloads_break_a_rule(bench: &Bench) {
    let plain = || bench.build_set(1, &[Exit(0)]);
    let mut hearth_with_a_home = plain();
    hearth_with_a_home.owner = Owner::Hearth(Role::Images);
    let mut twice_at_one_place = plain();
    twice_at_one_place
        .mounts
        .extend([build_volume_mount(VolumeAccess::Shared), build_volume_mount(VolumeAccess::Shared)]);
    let mut single_surged = plain();
    single_surged.mounts.push(build_volume_mount(VolumeAccess::Single));
    let mut single_of_two = with_rollout(bench.build_set(2, &[Exit(0)]), Rollout::Recreate);
    single_of_two.mounts.push(build_volume_mount(VolumeAccess::Single));
    let mut granted_without_a_network = plain();
    granted_without_a_network.network.mode = NetworkMode::None;
    granted_without_a_network.network.grants.insert("postgres".parse().expect("a name"));
    let mut file_in_a_mount = plain();
    file_in_a_mount.files.push(build_refreshed_file(&format!("{}/token", file_in_a_mount.mounts[0].at)));
    let mut file_of_the_system = plain();
    file_of_the_system.files.push(build_refreshed_file("/etc/passwd"));
    let mut file_at_the_top = plain();
    file_at_the_top.files.push(build_refreshed_file("/token"));
    let mut file_twice = plain();
    file_twice
        .files
        .extend([build_refreshed_file("/run/hearth/token"), build_refreshed_file("/run/hearth/token")]);
    let mut setuid = plain();
    setuid.files.push(RefreshedFile { mode: 0o4755, ..build_refreshed_file("/run/hearth/token") });
    let none_at_a_time = with_rollout(plain(), surge_of_at_most(0));
    let (until, min_ready, drain) = (SurgeUntil::Ready, Duration::ZERO, Duration::from_secs(3601));
    let draining_too_long = with_rollout(plain(), Rollout::Surge { until, most: None, min_ready, drain });
    let broken = [
        hearth_with_a_home,
        twice_at_one_place,
        single_surged,
        single_of_two,
        granted_without_a_network,
        file_in_a_mount,
        file_of_the_system,
        file_at_the_top,
        file_twice,
        setuid,
        none_at_a_time,
        draining_too_long,
    ];
    for (number, workload) in broken.into_iter().chain(build_connected_previews(bench)).enumerate() {
        let refused = bench.runtime().apply(workload).await;
        assert_eq!(error_code(refused).as_deref(), Some("workload"), "{number}");
    }
}
