//! Sizes of the images that recipes begin with, and the layers that they share. `docs/building.md` has the limits.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use hearth_base::{Error, Result};
use serde_json::Value;

use super::layouts_folder;

/// Maximum size of the image of static pages, unpacked.
const MAX_STATIC_IMAGE_BYTES: u64 = 40_000_000;

/// Maximum size of the image of small programs in Python, unpacked: another 20 MB are for their packages.
const MAX_PYTHON_IMAGE_BYTES: u64 = 90_000_000;

/// Maximum size of the image of small programs in Node.js, unpacked: Node.js alone takes 100 MB with its tables of
/// languages.
const MAX_NODE_IMAGE_BYTES: u64 = 150_000_000;

/// Layers of an image in an OCI image layout, the lowest first: their digests and files.
fn list_layers(layout: &Path) -> Result<Vec<(String, PathBuf)>> {
    let read = |path: &Path| -> Result<Value> {
        serde_json::from_slice(&fs::read(path).map_err(Error::internal)?).map_err(Error::internal)
    };
    let locate = |digest: &Value| {
        let digest = digest.as_str().unwrap_or_default().to_owned();
        let file = layout.join("blobs").join(digest.replace(':', "/"));
        (digest, file)
    };
    let index = read(&layout.join("index.json"))?;
    let manifest = read(&locate(&index["manifests"][0]["digest"]).1)?;
    let layers = manifest["layers"].as_array().cloned().unwrap_or_default();
    Ok(layers.iter().map(|layer| locate(&layer["digest"])).collect())
}

/// Size of the uncompressed archive of a layer.
fn measure_layer(file: &Path) -> Result<u64> {
    let mut gzip = Command::new("gzip")
        .args(["--decompress", "--stdout"])
        .stdin(fs::File::open(file).map_err(Error::internal)?)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(Error::internal)?;
    let mut output = gzip.stdout.take().unwrap();
    let size = std::io::copy(&mut output, &mut std::io::sink()).map_err(Error::internal)?;
    assert!(gzip.wait().map_err(Error::internal)?.success());
    Ok(size)
}

#[test]
fn images_of_pages_and_small_programs_are_small_and_share_their_lower_layers() -> Result<()> {
    let names = ["static", "python3.11-slim", "python3.11", "bookworm", "node18", "node18-slim"];
    let folder = layouts_folder(&names)?;
    let layers = |name: &str| list_layers(&folder.join(name));
    for (name, limit) in [
        ("static", MAX_STATIC_IMAGE_BYTES),
        ("python3.11-slim", MAX_PYTHON_IMAGE_BYTES),
        ("node18-slim", MAX_NODE_IMAGE_BYTES),
    ] {
        let sizes =
            layers(name)?.iter().map(|(_, file)| measure_layer(file)).collect::<Result<Vec<u64>>>()?;
        let size: u64 = sizes.iter().sum();
        assert!((1..=limit).contains(&size), "{name} has {size} bytes in layers of {sizes:?}");
    }
    let core = layers("static")?[0].0.clone();
    let base = layers("bookworm")?;
    for name in names {
        let layers = layers(name)?;
        assert_eq!(layers[0].0, core, "{name}");
        let is_slim = name == "static" || name.ends_with("-slim");
        assert_eq!(layers.get(1).map(|(digest, _)| digest) == Some(&base[1].0), !is_slim, "{name}");
    }
    Ok(())
}
