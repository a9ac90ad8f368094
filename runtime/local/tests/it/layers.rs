//! Tests with malicious layers: no file is written outside of the layer's folder, and an invalid layer is not
//! stored.

use std::{fs, os::unix::fs::MetadataExt, time::Duration};

use hearth_runtime_api::{Compression, LayerDescriptor, Runtime, conformance::Bench, fake::ScriptStep::Exit};
use tar::EntryType::{Block, Char, Link, Regular, Symlink};

use crate::fixture::{LayerArchive, RuntimeFixture, build_image, compress_gzip};

async fn expect_refusal(fixture: &RuntimeFixture, archive: LayerArchive) -> String {
    let bytes = archive.into_bytes();
    let layer = LayerArchive::describe_layer(&bytes);
    let error = fixture.add_layer(&layer, bytes).await.expect_err("a bad layer");
    assert_eq!(error.code(), "layer-content", "{error:?}");
    assert!(fixture.is_missing(&layer).await);
    assert_eq!(fs::read_dir(fixture.state_folder().join("partial")).expect("partial").count(), 0);
    error.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn layer_entries_stay_in_the_layers_folder() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let mut up = LayerArchive::default();
    up.add_file("a/../../escaped", 0o644, b"x");
    assert!(expect_refusal(&fixture, up).await.contains("leads out"));
    let mut through = LayerArchive::default();
    through.add_link("out", "/tmp", Symlink).add_file("out/escaped", 0o644, b"x");
    expect_refusal(&fixture, through).await;
    let mut hard = LayerArchive::default();
    hard.add_link("passwd", "../../../../etc/passwd", Link);
    expect_refusal(&fixture, hard).await;
    let mut behind = LayerArchive::default();
    behind.add_link("etc", "/etc", Symlink).add_link("passwd", "etc/passwd", Link);
    expect_refusal(&fixture, behind).await;
    let mut white_out = LayerArchive::default();
    white_out.add_file(".wh...", 0o644, b"");
    expect_refusal(&fixture, white_out).await;
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn absolute_names_stay_inside_and_devices_are_skipped() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let mut archive = LayerArchive::default();
    archive
        .add_file("/etc/hearth-escaped", 0o4755, b"x")
        .add_entry("sda", 0o666, Block, "", b"")
        .add_entry("mem", 0o666, Char, "", b"");
    let bytes = archive.into_bytes();
    let layer = LayerArchive::describe_layer(&bytes);
    fixture.add_layer(&layer, bytes).await.expect("a layer");
    let folder = fixture.state_folder().join("layers").join(layer.digest.to_hex());
    let meta = fs::metadata(folder.join("etc/hearth-escaped")).expect("the file, inside");
    // Setuid, but owned by a user that does not exist on the host.
    assert_eq!((meta.mode() & 0o7777, meta.uid()), (0o4755, 2_147_352_576));
    assert!(!std::path::Path::new("/etc/hearth-escaped").exists());
    assert!(!folder.join("sda").exists() && !folder.join("mem").exists());
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oversized_layers_are_refused() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let mut many = LayerArchive::default();
    for number in 0..2001 {
        many.add_file(&format!("f{number}"), 0o644, b"");
    }
    assert!(expect_refusal(&fixture, many).await.contains("more than 2000 entries"));
    let zeros = vec![0; 65 << 20];
    let mut large = LayerArchive::default();
    large.add_file("zeros", 0o644, &zeros);
    let large = large.into_bytes();
    let packed = compress_gzip(&large);
    let layer = LayerArchive::describe_compressed_layer(&large, Compression::Gzip, &packed);
    let error = fixture.add_layer(&layer, packed).await.expect_err("a bomb");
    assert!(error.to_string().contains("unpacks to more than"), "{error}");
    let mut deep = LayerArchive::default();
    deep.add_file(&"d/".repeat(45), 0o644, b"");
    let bytes = deep.into_bytes();
    fixture.add_layer(&LayerArchive::describe_layer(&bytes), bytes).await.expect("not deep enough to refuse");
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn truncated_and_broken_layers_are_refused() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let mut archive = LayerArchive::default();
    archive.add_file("a", 0o644, &[7; 4000]);
    let bytes = archive.into_bytes();
    let packed = compress_gzip(&bytes);
    let half = packed[..packed.len() / 2].to_vec();
    let plain = LayerArchive::describe_layer(&bytes);
    let gzipped = LayerArchive::describe_compressed_layer(&bytes, Compression::Gzip, &packed);
    for (layer, part, code) in [
        (plain.clone(), bytes[..1000].to_vec(), "layer-digest"),
        (gzipped.clone(), half.clone(), "layer-digest"),
        // Layers that are truncated themselves, or have another compression than their descriptor says.
        (LayerArchive::describe_compressed_layer(&bytes, Compression::Gzip, &half), half, "layer-content"),
        (
            LayerArchive::describe_compressed_layer(&bytes, Compression::Gzip, &bytes),
            bytes.clone(),
            "layer-content",
        ),
        (
            LayerArchive::describe_compressed_layer(&bytes, Compression::Zstd, &packed),
            packed.clone(),
            "layer-content",
        ),
        (
            LayerDescriptor { diff_id: Some(gzipped.digest), ..gzipped.clone() },
            packed.clone(),
            "layer-digest",
        ),
    ] {
        let error = fixture.add_layer(&layer, part).await.expect_err("a broken layer");
        assert_eq!(error.code(), code, "{layer:?}: {error:?}");
        assert!(fixture.is_missing(&layer).await);
    }
    let zstd =
        ruzstd::encoding::compress_to_vec(bytes.as_slice(), ruzstd::encoding::CompressionLevel::Fastest);
    fixture
        .add_layer(&LayerArchive::describe_compressed_layer(&bytes, Compression::Zstd, &zstd), zstd)
        .await
        .expect("zstd");
    fixture.add_layer(&gzipped, packed.clone()).await.expect("gzip");
    fixture.connect_client().remove_images(&Default::default(), Duration::ZERO).await.expect("remove");
    assert_eq!(fs::read_dir(fixture.state_folder().join("layers")).expect("layers").count(), 0);
    assert_eq!(fs::read_dir(fixture.state_folder().join("partial")).expect("partial").count(), 0);
    fixture.add_layer(&gzipped, packed).await.expect("gzip again");
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upper_layer_hides_files_by_whiteouts() {
    let (bench, fixture) = RuntimeFixture::start_bench().await;
    let mut lower = LayerArchive::default();
    lower
        .add_folder("d", 0o755)
        .add_file("d/old", 0o644, b"old\n")
        .add_file("gone", 0o644, b"x")
        .add_file("same", 0o644, b"lower\n");
    lower.add_entry("kept", 0o640, Regular, "", b"kept\n");
    let mut upper = LayerArchive::default();
    upper
        .add_file(".wh.gone", 0o644, b"")
        .add_folder("d", 0o755)
        .add_file("d/.wh..wh..opq", 0o644, b"")
        .add_file("d/new", 0o644, b"new\n");
    upper.add_file("same", 0o644, b"upper\n");
    let mut layers = bench.image().layers;
    for archive in [lower, upper] {
        let bytes = archive.into_bytes();
        layers.push(LayerArchive::describe_layer(&bytes));
        fixture.add_layer(&LayerArchive::describe_layer(&bytes), bytes).await.expect("a layer");
    }
    let image = build_image(&layers);
    assert!(fixture.connect_client().ensure_image(&image).await.expect("ensure").is_empty());
    let mut workload = bench.build_run(&[Exit(0)]);
    workload.image = image.reference;
    let script = "ls /d; ls /gone 2>&1 | grep -c 'No such'; cat /same /kept; stat -c %u:%a /kept; \
                  rm /kept && touch /d/more && chown 7:7 /d/more && stat -c %u:%g /d/more";
    workload.process.argv = ["/bin/sh", "-c", script].map(String::from).into();
    let lines = bench.run_for_lines(&workload).await;
    assert_eq!(lines, ["new", "1", "upper", "kept", "0:640", "7:7"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn layer_is_shared_by_two_tools_and_neither_changes_it() {
    let (bench, _rig) = RuntimeFixture::start_bench().await;
    let script = "chown 9:9 /bin/busybox; stat -c %u /bin/busybox; echo changed > /etc/passwd; cat /etc/passwd; rm /bin/ls";
    for tool in [bench.tool, Bench::new_tool()] {
        let mut workload = bench.build_run(&[Exit(0)]);
        workload.owner = tool.into();
        workload.process.argv =
            ["/bin/sh", "-c", &format!("stat -c %u /bin/busybox /bin/ls; wc -l < /etc/passwd; {script}")]
                .map(String::from)
                .into();
        assert_eq!(bench.run_for_lines(&workload).await, ["0", "0", "2", "9", "changed"]);
    }
    bench.close().await;
}
