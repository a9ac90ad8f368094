//! An image as a folder (OCI image specification, `image-layout.md`, `manifest.md`, `config.md`).

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use hearth_base::{Digest, Result};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{open_folder, pack::Layer, unusable};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Writes an image of these layers, lowest first.
pub fn write(folder: &Path, layers: &[&Layer], epoch: Timestamp) -> Result<()> {
    let blobs = folder.join("blobs/sha256");
    for folder in [folder, &folder.join("blobs"), &blobs] {
        open_folder(folder)?;
    }
    for layer in layers {
        // The first one is in all images: a second name costs nothing.
        let place = blobs.join(layer.digest.hex());
        fs::hard_link(&layer.file, &place)
            .and_then(|()| fs::set_permissions(&place, fs::Permissions::from_mode(0o644)))
            .map_err(|cause| unusable(&place, cause))?;
    }
    let diff_ids: Vec<Digest> = layers.iter().map(|layer| layer.diff_id).collect();
    // Optional in the format, but buildah builds only on images that tell of each of their layers.
    let told = json!({"created": epoch.to_string(), "created_by": "hearthd image bootstrap"});
    let config = json!({
        "created": epoch.to_string(), "architecture": architecture(), "os": "linux",
        "config": {
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"],
            "Cmd": ["/bin/bash"],
        },
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": vec![told; layers.len()],
    });
    let config = put(&blobs, &config, "application/vnd.oci.image.config.v1+json")?;
    let layers = layers.iter().map(|layer| {
        json!({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": layer.digest, "size": layer.size})
    });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers.collect::<Vec<_>>(),
    });
    let index = json!({"schemaVersion": 2, "manifests": [put(&blobs, &manifest, MANIFEST)?]});
    file(&folder.join("index.json"), &index.to_string())?;
    file(&folder.join("oci-layout"), r#"{"imageLayoutVersion": "1.0.0"}"#)
}

/// Writes a document as a blob; its descriptor.
fn put(blobs: &Path, document: &Value, media_type: &str) -> Result<Value> {
    let text = document.to_string();
    let digest = Digest::new(Sha256::digest(&text).into());
    file(&blobs.join(digest.hex()), &text)?;
    Ok(json!({"mediaType": media_type, "digest": digest, "size": text.len()}))
}

fn file(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o644)))
        .map_err(|cause| unusable(path, cause))
}

/// This machine's kind, as images call it.
fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
