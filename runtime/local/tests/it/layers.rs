//! Layers from people who mean harm: nothing leaves the layer's folder, and a bad layer is not there at all.

use std::{fs, os::unix::fs::MetadataExt, time::Duration};

use hearth_runtime_api::{Compression, LayerDescriptor, Runtime, conformance::Bench, fake::Step::Exit};
use tar::EntryType::{Block, Char, Link, Regular, Symlink};

use crate::rig::{Archive, Rig, gzip, image_of};

async fn refused(rig: &Rig, archive: Archive) -> String {
    let bytes = archive.finish();
    let layer = Archive::layer(&bytes);
    let error = rig.add(&layer, bytes).await.expect_err("a bad layer");
    assert_eq!(error.code(), "layer-content", "{error:?}");
    assert!(rig.is_missing(&layer).await);
    assert_eq!(fs::read_dir(rig.state().join("partial")).expect("partial").count(), 0);
    error.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaves_the_layers_folder() {
    let (bench, rig) = Rig::bench().await;
    let mut up = Archive::default();
    up.file("a/../../escaped", 0o644, b"x");
    assert!(refused(&rig, up).await.contains("leads out"));
    let mut through = Archive::default();
    through.link("out", "/tmp", Symlink).file("out/escaped", 0o644, b"x");
    refused(&rig, through).await;
    let mut hard = Archive::default();
    hard.link("passwd", "../../../../etc/passwd", Link);
    refused(&rig, hard).await;
    let mut behind = Archive::default();
    behind.link("etc", "/etc", Symlink).link("passwd", "etc/passwd", Link);
    refused(&rig, behind).await;
    let mut white_out = Archive::default();
    white_out.file(".wh...", 0o644, b"");
    refused(&rig, white_out).await;
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn absolute_names_and_devices_are_tamed() {
    let (bench, rig) = Rig::bench().await;
    let mut archive = Archive::default();
    archive
        .file("/etc/hearth-escaped", 0o4755, b"x")
        .entry("sda", 0o666, Block, "", b"")
        .entry("mem", 0o666, Char, "", b"");
    let bytes = archive.finish();
    let layer = Archive::layer(&bytes);
    rig.add(&layer, bytes).await.expect("a layer");
    let folder = rig.state().join("layers").join(layer.digest.hex());
    let meta = fs::metadata(folder.join("etc/hearth-escaped")).expect("the file, inside");
    // Setuid, but to a user that nobody on the host is.
    assert_eq!((meta.mode() & 0o7777, meta.uid()), (0o4755, 2_147_352_576));
    assert!(!std::path::Path::new("/etc/hearth-escaped").exists());
    assert!(!folder.join("sda").exists() && !folder.join("mem").exists());
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bombs_are_defused() {
    let (bench, rig) = Rig::bench().await;
    let mut many = Archive::default();
    for number in 0..2001 {
        many.file(&format!("f{number}"), 0o644, b"");
    }
    assert!(refused(&rig, many).await.contains("more than 2000 entries"));
    let zeros = vec![0; 65 << 20];
    let mut large = Archive::default();
    large.file("zeros", 0o644, &zeros);
    let large = large.finish();
    let packed = gzip(&large);
    let layer = Archive::packed_layer(&large, Compression::Gzip, &packed);
    let error = rig.add(&layer, packed).await.expect_err("a bomb");
    assert!(error.to_string().contains("unpacks to more than"), "{error}");
    let mut deep = Archive::default();
    deep.file(&"d/".repeat(45), 0o644, b"");
    let bytes = deep.finish();
    rig.add(&Archive::layer(&bytes), bytes).await.expect("not deep enough to refuse");
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn truncated_and_broken_layers_are_refused() {
    let (bench, rig) = Rig::bench().await;
    let mut archive = Archive::default();
    archive.file("a", 0o644, &[7; 4000]);
    let bytes = archive.finish();
    let packed = gzip(&bytes);
    let half = packed[..packed.len() / 2].to_vec();
    let plain = Archive::layer(&bytes);
    let gzipped = Archive::packed_layer(&bytes, Compression::Gzip, &packed);
    for (layer, part, code) in [
        (plain.clone(), bytes[..1000].to_vec(), "layer-digest"),
        (gzipped.clone(), half.clone(), "layer-digest"),
        // What a manifest lists may be broken itself, or be called what it is not.
        (Archive::packed_layer(&bytes, Compression::Gzip, &half), half, "layer-content"),
        (Archive::packed_layer(&bytes, Compression::Gzip, &bytes), bytes.clone(), "layer-content"),
        (Archive::packed_layer(&bytes, Compression::Zstd, &packed), packed.clone(), "layer-content"),
        (
            LayerDescriptor { diff_id: Some(gzipped.digest), ..gzipped.clone() },
            packed.clone(),
            "layer-digest",
        ),
    ] {
        let error = rig.add(&layer, part).await.expect_err("a broken layer");
        assert_eq!(error.code(), code, "{layer:?}: {error:?}");
        assert!(rig.is_missing(&layer).await);
    }
    let zstd =
        ruzstd::encoding::compress_to_vec(bytes.as_slice(), ruzstd::encoding::CompressionLevel::Fastest);
    rig.add(&Archive::packed_layer(&bytes, Compression::Zstd, &zstd), zstd).await.expect("zstd");
    rig.add(&gzipped, packed.clone()).await.expect("gzip");
    rig.socket().remove_images(&Default::default(), Duration::ZERO).await.expect("remove");
    assert_eq!(fs::read_dir(rig.state().join("layers")).expect("layers").count(), 0);
    assert_eq!(fs::read_dir(rig.state().join("partial")).expect("partial").count(), 0);
    rig.add(&gzipped, packed).await.expect("gzip again");
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upper_layer_hides_what_it_says() {
    let (bench, rig) = Rig::bench().await;
    let mut lower = Archive::default();
    lower
        .folder("d", 0o755)
        .file("d/old", 0o644, b"old\n")
        .file("gone", 0o644, b"x")
        .file("same", 0o644, b"lower\n");
    lower.entry("kept", 0o640, Regular, "", b"kept\n");
    let mut upper = Archive::default();
    upper
        .file(".wh.gone", 0o644, b"")
        .folder("d", 0o755)
        .file("d/.wh..wh..opq", 0o644, b"")
        .file("d/new", 0o644, b"new\n");
    upper.file("same", 0o644, b"upper\n");
    let mut layers = bench.image().layers;
    for archive in [lower, upper] {
        let bytes = archive.finish();
        layers.push(Archive::layer(&bytes));
        rig.add(&Archive::layer(&bytes), bytes).await.expect("a layer");
    }
    let image = image_of(&layers);
    assert!(rig.socket().ensure_image(&image).await.expect("ensure").is_empty());
    let mut workload = bench.once(&[Exit(0)]);
    workload.image = image.reference;
    let script = "ls /d; ls /gone 2>&1 | grep -c 'No such'; cat /same /kept; stat -c %u:%a /kept; \
                  rm /kept && touch /d/more && chown 7:7 /d/more && stat -c %u:%g /d/more";
    workload.process.argv = ["/bin/sh", "-c", script].map(String::from).into();
    let lines = bench.lines(&workload).await;
    assert_eq!(lines, ["new", "1", "upper", "kept", "0:640", "7:7"]);
    bench.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_layer_serves_two_tools_and_neither_changes_it() {
    let (bench, _rig) = Rig::bench().await;
    let script = "chown 9:9 /bin/busybox; stat -c %u /bin/busybox; echo changed > /etc/passwd; cat /etc/passwd; rm /bin/ls";
    for tool in [bench.tool, Bench::new_tool()] {
        let mut workload = bench.once(&[Exit(0)]);
        workload.owner = tool.into();
        workload.process.argv =
            ["/bin/sh", "-c", &format!("stat -c %u /bin/busybox /bin/ls; wc -l < /etc/passwd; {script}")]
                .map(String::from)
                .into();
        assert_eq!(bench.lines(&workload).await, ["0", "0", "2", "9", "changed"]);
    }
    bench.close().await;
}
