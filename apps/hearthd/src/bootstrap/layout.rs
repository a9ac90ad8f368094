//! Writes OCI image layouts (OCI image specification, `image-layout.md`, `manifest.md`, `config.md`).

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use hearth_base::{Digest, Result};
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{create_public_folder, pack::PackedLayer, unusable_error};

const MANIFEST_MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

/// Writes an image with these layers, lowest first.
pub fn write_layout(folder: &Path, layers: &[&PackedLayer], epoch: Timestamp) -> Result<()> {
    let blobs = folder.join("blobs/sha256");
    for folder in [folder, &folder.join("blobs"), &blobs] {
        create_public_folder(folder)?;
    }
    for layer in layers {
        // Images share their first layers; a hard link needs no disk space.
        let blob = blobs.join(layer.digest.to_hex());
        fs::hard_link(&layer.file, &blob)
            .and_then(|()| fs::set_permissions(&blob, fs::Permissions::from_mode(0o644)))
            .map_err(|cause| unusable_error(&blob, cause))?;
    }
    let diff_ids: Vec<Digest> = layers.iter().map(|layer| layer.diff_id).collect();
    // Optional in the specification, but buildah requires a history entry for each layer.
    let history = layers.iter().map(|layer| {
        let step = format!("hearthd image bootstrap: {}", layer.description);
        json!({"created": epoch.to_string(), "created_by": step})
    });
    let history: Vec<Value> = history.collect();
    let config = json!({
        "created": epoch.to_string(), "architecture": oci_architecture(), "os": "linux",
        "config": {
            "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"],
            "Cmd": ["/bin/bash"],
        },
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": history,
    });
    let config = write_blob(&blobs, &config, "application/vnd.oci.image.config.v1+json")?;
    let layers = layers.iter().map(|layer| {
        json!({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": layer.digest, "size": layer.size})
    });
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST_MEDIA_TYPE, "config": config, "layers": layers.collect::<Vec<_>>(),
    });
    let index =
        json!({"schemaVersion": 2, "manifests": [write_blob(&blobs, &manifest, MANIFEST_MEDIA_TYPE)?]});
    write_file(&folder.join("index.json"), &index.to_string())?;
    write_file(&folder.join("oci-layout"), r#"{"imageLayoutVersion": "1.0.0"}"#)
}

/// Writes a document as a blob. Returns its descriptor.
fn write_blob(blobs: &Path, document: &Value, media_type: &str) -> Result<Value> {
    let text = document.to_string();
    let digest = Digest::new(Sha256::digest(&text).into());
    write_file(&blobs.join(digest.to_hex()), &text)?;
    Ok(json!({"mediaType": media_type, "digest": digest, "size": text.len()}))
}

fn write_file(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o644)))
        .map_err(|cause| unusable_error(path, cause))
}

/// The architecture of this machine, by its OCI name.
fn oci_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}
