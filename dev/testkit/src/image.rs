//! A small image with the host's busybox, pushed through the registry.

use std::fs;

use bytes::Bytes;
use hearth_base::{Digest, Error, Result};
use hearth_client::{Call, Client};
use http::{Method, Response, header};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

/// The programs in the image.
const BUSYBOX_PROGRAMS: &[&str] = &[
    "sh", "cat", "date", "echo", "env", "false", "head", "httpd", "id", "kill", "ls", "mkdir", "nc",
    "printf", "ps", "pwd", "rm", "sed", "seq", "sleep", "tail", "test", "touch", "tr", "true", "wc", "wget",
    "yes",
];

/// Command of a page of one line, `open`, at port 8000, in an image with busybox.
pub const PAGE_COMMAND: &str =
    "mkdir /tmp/www; echo open > /tmp/www/index.html; exec httpd -f -p 8000 -h /tmp/www";
/// The program of [`TestImage::from_tiny_shell`]; its source is beside it.
const TINY_SHELL: &[u8] = include_bytes!("programs/tiny-shell");

/// An image of one layer.
#[derive(Debug, Clone)]
pub struct TestImage {
    layer: Bytes,
    config: Value,
}

impl TestImage {
    /// Creates an image with busybox under its usual names, `/tmp`, `/etc/passwd` and these files (paths
    /// without the first slash).
    pub fn from_busybox(files: &[(&str, &str)]) -> Result<Self> {
        let busybox = fs::read("/bin/busybox").map_err(|cause| {
            Error::unavailable("busybox", "/bin/busybox is missing: install busybox-static").with_cause(cause)
        })?;
        let mut tar = Builder::new(Vec::new());
        for (folder, mode) in [("bin/", 0o755), ("etc/", 0o755), ("tmp/", 0o1777)] {
            append_tar_entry(&mut tar, EntryType::Directory, folder, mode, b"")?;
        }
        append_tar_entry(&mut tar, EntryType::Regular, "bin/busybox", 0o755, &busybox)?;
        for program in BUSYBOX_PROGRAMS {
            let mut link = build_header(EntryType::Symlink, 0o777, 0);
            tar.append_link(&mut link, format!("bin/{program}"), "busybox").map_err(Error::internal)?;
        }
        append_tar_entry(&mut tar, EntryType::Regular, "etc/passwd", 0o644, b"root:x:0:0:root:/:/bin/sh\n")?;
        for (path, text) in files {
            append_tar_entry(&mut tar, EntryType::Regular, path, 0o755, text.as_bytes())?;
        }
        let layer = Bytes::from(tar.into_inner().map_err(Error::internal)?);
        Ok(Self { layer, config: json!({"Env": ["PATH=/bin"], "Cmd": ["sh"]}) })
    }

    /// Creates an image of less than a kilobyte whose only program is `/bin/sh`. It prints its environment,
    /// and serves a page on port 8000 if its command is `serve`.
    pub fn from_tiny_shell() -> Result<Self> {
        let mut tar = Builder::new(Vec::new());
        for (folder, mode) in [("bin/", 0o755), ("etc/", 0o755), ("tmp/", 0o1777)] {
            append_tar_entry(&mut tar, EntryType::Directory, folder, mode, b"")?;
        }
        append_tar_entry(&mut tar, EntryType::Regular, "bin/sh", 0o755, TINY_SHELL)?;
        let layer = Bytes::from(tar.into_inner().map_err(Error::internal)?);
        Ok(Self { layer, config: json!({"Env": ["PATH=/bin"], "Cmd": ["sh"]}) })
    }

    /// Replaces the run configuration: `Env`, `Entrypoint`, `Cmd`, `WorkingDir`, `User`, `Labels` (OCI image
    /// specification, `config.md`).
    #[must_use]
    pub fn config(mut self, config: Value) -> Self {
        self.config = config;
        self
    }

    /// Pushes the image as `repository:tag` (`tool-hello/web`, `hearth/bookworm`). Returns the digest of its
    /// manifest.
    pub async fn push(&self, client: &Client, repository: &str, tag: &str) -> Result<Digest> {
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": self.config,
            "rootfs": {"type": "layers", "diff_ids": [compute_digest(&self.layer).to_string()]},
        });
        let config = Bytes::from(config.to_string());
        for blob in [&self.layer, &config] {
            push_blob(client, repository, blob.clone()).await?;
        }
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST_MEDIA_TYPE,
            "config": build_descriptor("application/vnd.oci.image.config.v1+json", &config),
            "layers": [build_descriptor("application/vnd.oci.image.layer.v1.tar", &self.layer)],
        });
        let manifest = Bytes::from(manifest.to_string());
        let call = client.build_call(Method::PUT, &format!("/v2/{repository}/manifests/{tag}"));
        call.content_bytes(MANIFEST_MEDIA_TYPE, manifest.clone()).fetch_bytes().await?;
        Ok(compute_digest(&manifest))
    }
}

const MANIFEST_MEDIA_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

async fn push_blob(client: &Client, repository: &str, blob: Bytes) -> Result<()> {
    let response =
        send_expecting_success(client.build_call(Method::POST, &format!("/v2/{repository}/blobs/uploads")))
            .await?;
    let location = response.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
    let location =
        location.ok_or_else(|| Error::internal("the reply to an upload has no Location header"))?;
    let call = client.build_call(Method::PUT, &format!("{location}?digest={}", compute_digest(&blob)));
    call.content_bytes("application/octet-stream", blob).fetch_bytes().await.map(|_| ())
}

async fn send_expecting_success(call: Call<'_>) -> Result<Response<hearth_client::Body>> {
    let response = call.send_raw().await?;
    match response.status().is_success() {
        true => Ok(response),
        false => Err(Error::internal(format!("the registry answered {}", response.status()))),
    }
}

fn build_descriptor(media_type: &str, content: &Bytes) -> Value {
    json!({"mediaType": media_type, "size": content.len(), "digest": compute_digest(content).to_string()})
}

fn compute_digest(content: &[u8]) -> Digest {
    Digest::new(Sha256::digest(content).into())
}

fn append_tar_entry(
    tar: &mut Builder<Vec<u8>>,
    kind: EntryType,
    path: &str,
    mode: u32,
    content: &[u8],
) -> Result<()> {
    let mut header = build_header(kind, mode, content.len() as u64);
    tar.append_data(&mut header, path, content).map_err(Error::internal)
}

/// Builds a header without times, so that equal contents have equal digests.
fn build_header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}
