//! Tests with layers that try to exhaust the host: the limits count what is written, and what was refused
//! leaves nothing.

use std::{fs, path::PathBuf, time::Duration};

use hearth_base::Digest;
use hearth_runtime_api::{
    Compression, ImageReference, LayerDescriptor, ResolvedImage, Runtime, conformance::poll_moments,
    fake::ScriptStep::Exit,
};
use tokio::io::AsyncWriteExt;

use crate::fixture::{LayerArchive, RuntimeFixture, build_image, compress_gzip};

/// Builds a layer with one file of this many bytes, other than those of other numbers.
fn build_file_layer(number: u8, bytes: usize) -> (LayerDescriptor, Vec<u8>) {
    let mut archive = LayerArchive::default();
    archive.add_file(&format!("file{number}"), 0o644, &vec![number; bytes]);
    let bytes = archive.into_bytes();
    (LayerArchive::describe_layer(&bytes), bytes)
}

async fn add_layer(
    fixture: &RuntimeFixture,
    layer: &LayerDescriptor,
    bytes: Vec<u8>,
) -> hearth_base::Result<()> {
    fixture.connect_client().add_layer(layer, Box::new(std::io::Cursor::new(bytes))).await
}

fn count_files(fixture: &RuntimeFixture, folder: &str) -> usize {
    fs::read_dir(fixture.state_folder().join(folder)).expect("a folder").count()
}

/// Waits until the runtime has deleted what it does not need any more.
async fn wait_for_count(fixture: &RuntimeFixture, folder: &str, count: usize) {
    for () in poll_moments() {
        if count_files(fixture, folder) == count {
            return;
        }
    }
    panic!("{folder} has {} entries", count_files(fixture, folder));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sparse_file_counts_its_full_length() {
    let fixture = RuntimeFixture::start_empty(Vec::new()).await;
    for (length, is_refused) in [(32 << 20, false), (65 << 20, true), (1 << 32, true)] {
        let mut archive = LayerArchive::default();
        archive.add_sparse_file("hole", length);
        let bytes = archive.into_bytes();
        assert!(bytes.len() < 4096);
        let added = fixture.add_layer(&LayerArchive::describe_layer(&bytes), bytes).await;
        assert_eq!(added.is_err(), is_refused, "{length}: {added:?}");
        if let Err(error) = added {
            assert_eq!(error.code(), "layer-content");
            assert!(error.to_string().contains("unpacks to more than"), "{error}");
        }
    }
    assert_eq!((count_files(&fixture, "layers"), count_files(&fixture, "partial")), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn layers_of_an_image_share_its_limits_and_a_refused_image_leaves_nothing() {
    let fixture = RuntimeFixture::start_empty(Vec::new()).await;
    let (one, two) = (build_file_layer(1, 40 << 20), build_file_layer(2, 40 << 20));
    let image = build_image(&[one.0.clone(), two.0.clone()]);
    let client = fixture.connect_client();
    assert_eq!(client.ensure_image(&image).await.expect("ensure").len(), 2);
    add_layer(&fixture, &one.0, one.1.clone()).await.expect("the first layer");
    let error = add_layer(&fixture, &two.0, two.1.clone()).await.expect_err("the second layer");
    assert!(error.to_string().contains("beside its other layers"), "{error}");
    for folder in ["images", "layers", "layer-sizes", "partial"] {
        wait_for_count(&fixture, folder, 0).await;
    }

    // Each fits into an image of its own; an image of both is refused at its start, also after a restart.
    fixture.add_layer(&one.0, one.1).await.expect("an image of the first layer");
    fixture.add_layer(&two.0, two.1).await.expect("an image of the second layer");
    fixture.restart().await;
    assert!(client.ensure_image(&image).await.expect("ensure").is_empty());
    let bench = hearth_runtime_api::conformance::Bench::new(fixture.clone());
    let mut workload = bench.build_run(&[Exit(0)]);
    workload.image = image.reference;
    let error = client.apply(workload).await.expect_err("an image of both layers");
    assert_eq!(error.code(), "image-too-large");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_of_all_layers_and_unlisted_folders_count() {
    let fixture = RuntimeFixture::start_empty(Vec::new()).await;
    let build = |first: usize, count: usize| {
        let mut archive = LayerArchive::default();
        for number in first..first + count {
            archive.add_file(&format!("f{number}"), 0o644, b"");
        }
        let bytes = archive.into_bytes();
        (LayerArchive::describe_layer(&bytes), bytes)
    };
    let (one, two) = (build(0, 1200), build(1200, 1200));
    let client = fixture.connect_client();
    client.ensure_image(&build_image(&[one.0.clone(), two.0.clone()])).await.expect("ensure");
    add_layer(&fixture, &one.0, one.1).await.expect("the first layer");
    let error = add_layer(&fixture, &two.0, two.1).await.expect_err("the second layer");
    assert!(error.to_string().contains("entries"), "{error}");

    // 60 entries make 60 × 40 folders that the archive does not list.
    let mut archive = LayerArchive::default();
    for number in 0..60 {
        archive.add_file(&format!("{number}{}/end", "/a".repeat(40)), 0o644, b"");
    }
    let bytes = archive.into_bytes();
    let error = fixture.add_layer(&LayerArchive::describe_layer(&bytes), bytes).await.expect_err("folders");
    assert!(error.to_string().contains("more than 2000 entries"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_about_a_layer_prove_nothing() {
    let fixture = RuntimeFixture::start_empty(Vec::new()).await;
    let (layer, bytes) = build_file_layer(1, 1000);
    let packed = compress_gzip(&bytes);
    // A larger size than that of the bytes would allow more unpacked bytes.
    let larger = LayerDescriptor { size: layer.size + 1, ..layer.clone() };
    let error = fixture.add_layer(&larger, bytes.clone()).await.expect_err("a wrong size");
    assert_eq!(error.code(), "layer-digest");
    // A tar archive whose first name begins like gzip would unpack to two different contents under one
    // digest.
    let mut both = LayerArchive::default();
    both.add_file("x", 0o644, b"1");
    let mut both = both.into_bytes();
    let (old, new) = ([both[0], both[1]], [0x1f, 0x8b]);
    both[..2].copy_from_slice(&new);
    let difference = new.iter().map(|byte| i64::from(*byte)).sum::<i64>()
        - old.iter().map(|byte| i64::from(*byte)).sum::<i64>();
    let sum =
        i64::from_str_radix(std::str::from_utf8(&both[148..155]).expect("digits"), 8).expect("a checksum");
    both[148..155].copy_from_slice(format!("{:07o}", sum + difference).as_bytes());
    let error =
        fixture.add_layer(&LayerArchive::describe_layer(&both), both).await.expect_err("two meanings");
    assert!(error.to_string().contains("Gzip"), "{error}");
    // The layer of another tool is not found by its diff id, only by the digest of its bytes.
    fixture
        .add_layer(&LayerArchive::describe_compressed_layer(&bytes, Compression::Gzip, &packed), packed)
        .await
        .expect("gzip");
    assert!(fixture.is_missing(&layer).await, "the same content under another digest has to be delivered");
    let claimed = LayerDescriptor { digest: Digest::new([9; 32]), ..layer };
    // Bytes do not become another layer by its name, whatever their own diff id is.
    let error = fixture.add_layer(&claimed, bytes).await.expect_err("bytes under a claimed digest");
    assert_eq!(error.code(), "layer-digest");
    let reference = ImageReference::new("example/claimed", Digest::new([8; 32])).expect("a reference");
    let image = ResolvedImage { reference, layers: vec![claimed] };
    assert_eq!(fixture.connect_client().ensure_image(&image).await.expect("ensure").len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn layers_are_refused_below_the_floor_of_free_disk() {
    let fixture = RuntimeFixture::start_empty(vec![format!("min-free-disk={}", u64::MAX)]).await;
    let (layer, bytes) = build_file_layer(1, 1000);
    let error = fixture.add_layer(&layer, bytes).await.expect_err("a full disk");
    assert_eq!(error.code(), "disk-low");
    assert_eq!((count_files(&fixture, "layers"), count_files(&fixture, "partial")), (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unpacked_images_of_one_namespace_are_limited() {
    let fixture = RuntimeFixture::start_empty(vec![format!("namespace={}", 4 << 20)]).await;
    let client = fixture.connect_client();
    let register = async |number: u8, repository: &str, layer: &LayerDescriptor| {
        let reference = ImageReference::new(repository, Digest::new([number; 32])).expect("a reference");
        let image = ResolvedImage { reference, layers: vec![layer.clone()] };
        client.ensure_image(&image).await.expect("ensure");
    };
    let layers = [1, 2, 3].map(|number| build_file_layer(number, 5 << 20));
    register(1, "host/tool-a/one", &layers[0].0).await;
    register(2, "host/tool-a/two", &layers[1].0).await;
    register(3, "host/tool-b/one", &layers[2].0).await;
    let [one, two, three] = layers;
    add_layer(&fixture, &one.0, one.1).await.expect("the first layer of the namespace");
    let error = add_layer(&fixture, &two.0, two.1.clone()).await.expect_err("the second layer");
    assert_eq!(error.code(), "layers-full");
    add_layer(&fixture, &three.0, three.1).await.expect("a layer of another namespace");
    client.remove_images(&[Digest::new([2; 32])].into(), Duration::ZERO).await.expect("remove");
    add_layer(&fixture, &two.0, two.1).await.expect("there is room again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unpacker_runs_in_a_limited_control_group_that_is_removed() {
    let fixture = RuntimeFixture::start_empty(Vec::new()).await;
    let (layer, bytes) = build_file_layer(1, 1 << 20);
    let image = build_image(std::slice::from_ref(&layer));
    fixture.connect_client().ensure_image(&image).await.expect("ensure");
    let (mut sender, receiver) = tokio::io::duplex(64 << 10);
    let client = fixture.connect_client();
    let mut adding = tokio::task::JoinSet::new();
    adding.spawn(async move { client.add_layer(&layer, Box::new(receiver)).await });
    sender.write_all(&bytes[..100_000]).await.expect("the first half");
    let group = wait_for_unpacker_group(&fixture).await.expect("a control group of the unpacker");
    let read = |names: [&str; 2]| {
        let text = names.iter().find_map(|name| fs::read_to_string(group.join(name)).ok());
        text.expect("a file of the group").trim().to_owned()
    };
    assert_eq!(read(["memory.limit_in_bytes", "memory.max"]), (512 << 20).to_string());
    // Two while the unpacker is being executed.
    assert!((1..=2).contains(&read(["cgroup.procs", "cgroup.procs"]).lines().count()));
    sender.write_all(&bytes[100_000..]).await.expect("the second half");
    drop(sender);
    adding.join_next().await.expect("a task").expect("no panic").expect("the layer");
    assert!(!group.exists());
}

/// Waits until a process is in the control group of an unpacker, in the memory hierarchy or in the only one.
async fn wait_for_unpacker_group(fixture: &RuntimeFixture) -> Option<PathBuf> {
    for () in poll_moments() {
        for mount in ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"] {
            let parent = PathBuf::from(mount).join("hearth").join(fixture.instance_name());
            let groups = fs::read_dir(parent).into_iter().flatten().filter_map(Result::ok);
            let unpackers = groups.filter(|group| group.file_name().to_string_lossy().starts_with("unpack."));
            let has_process = |group: &fs::DirEntry| {
                fs::read_to_string(group.path().join("cgroup.procs"))
                    .is_ok_and(|pids| !pids.trim().is_empty())
            };
            if let Some(group) = unpackers.into_iter().find(has_process) {
                return Some(group.path());
            }
        }
    }
    None
}
