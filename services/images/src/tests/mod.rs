//! Tests of the rules over a real database, with a manual clock.

mod garbage_collection;
mod quota;
mod races;
mod referrers;
mod resolution;
mod upstream_registry;
mod upstreams;

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use hearth_base::{Clock, Digest, Entropy, Error, ManualClock, Result, SystemClock, ToolId};
use hearth_kit::{
    config::HearthConfig,
    db::{Db, migrate, queue::Queue},
    state::StateFolder,
    tasks::BackgroundTasks,
};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    app::{blobs, manifest_format::OCI_MANIFEST, manifests, uploads},
    context::ImagesContext,
    names::{ManifestReference, RepositoryOwner},
    quota_source::QuotaSource,
    store::{self, RegistryStore},
};

/// The service without its endpoints.
#[derive(Clone)]
pub struct ImagesFixture {
    pub cx: ImagesContext,
    pub clock: Arc<ManualClock>,
    pub owner: RepositoryOwner,
}

impl ImagesFixture {
    pub async fn build(db: Db, config: HearthConfig) -> Result<Self> {
        Self::build_with_quota(db, config, u64::MAX).await
    }

    /// Builds a registry in which each tool may store this many bytes.
    pub async fn build_with_quota(db: Db, config: HearthConfig, bytes: u64) -> Result<Self> {
        migrate(&db, store::list_migrations).await?;
        let clock = Arc::new(ManualClock::starting_at(SystemClock.now()));
        let tasks = BackgroundTasks::new();
        let store =
            RegistryStore::new(db.clone(), Queue::new(db, clock.clone(), None), tasks.shutdown_signal());
        let cx = ImagesContext::new(
            &config,
            &StateFolder::without_folder(),
            store,
            QuotaSource::Fixed(bytes),
            (clock.clone(), Arc::new(Entropy::System)),
            tasks,
        )?;
        let owner = RepositoryOwner::Tool(cx.generate_id(), "hello".parse()?);
        Ok(Self { cx, clock, owner })
    }

    pub fn tool_id(&self) -> ToolId {
        match &self.owner {
            RepositoryOwner::Tool(id, _) => *id,
            RepositoryOwner::Provided => unreachable!("the fixture's owner is a tool"),
        }
    }

    pub fn advance_hours(&self, hours: i64) {
        self.clock.advance_by(SignedDuration::from_hours(hours));
    }

    /// Uploads a blob into the repository `name`.
    pub async fn push_blob(&self, name: &str, content: &[u8]) -> Result<Digest> {
        let (name, content) = (name.parse()?, Bytes::copy_from_slice(content));
        let digest = compute_digest(&content);
        let upload = uploads::begin_upload(&self.cx, &self.owner, &name).await?;
        let upload =
            uploads::append_content(&self.cx, &self.owner, upload, None, stream::iter([Ok(content)]).boxed())
                .await?;
        uploads::finish_upload(&self.cx, &self.owner, upload, digest).await?;
        Ok(digest)
    }

    /// Pushes an image of one layer with this content.
    pub async fn push_image(&self, name: &str, reference: &str, layer: &[u8]) -> Result<Digest> {
        let config = build_image_config(layer);
        self.push_blob(name, &config).await?;
        self.push_blob(name, layer).await?;
        self.push_manifest_of(name, reference, [&config, layer]).await
    }

    /// Pushes the manifest of an image with this configuration and layer, whose blobs may be missing.
    pub async fn push_manifest_of(
        &self,
        name: &str,
        reference: &str,
        contents: [&[u8]; 2],
    ) -> Result<Digest> {
        let blobs = contents.map(|content| (compute_digest(content), content.len() as u64));
        self.push_sized_manifest(name, reference, blobs).await
    }

    /// Pushes a manifest of a configuration and a layer whose sizes are looked up.
    pub async fn push_manifest(&self, name: &str, reference: &str, blobs: [Digest; 2]) -> Result<Digest> {
        let mut sized = blobs.map(|blob| (blob, 1));
        for (blob, size) in &mut sized {
            // A manifest with a blob that is missing is refused anyway.
            *size = self.cx.store.find_content(*blob).await?.map_or(1, |content| content.size);
        }
        self.push_sized_manifest(name, reference, sized).await
    }

    async fn push_sized_manifest(
        &self,
        name: &str,
        reference: &str,
        [config, layer]: [(Digest, u64); 2],
    ) -> Result<Digest> {
        let descriptor = |media_type: &str, (digest, size): (Digest, u64)| json!({"mediaType": media_type, "size": size, "digest": digest});
        let manifest = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": descriptor("application/vnd.oci.image.config.v1+json", config),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
        });
        self.put_manifest(name, reference, OCI_MANIFEST, &manifest).await
    }

    pub async fn put_manifest(
        &self,
        name: &str,
        reference: &str,
        media_type: &str,
        manifest: &Value,
    ) -> Result<Digest> {
        let reference: ManifestReference = reference.parse()?;
        let content = manifest.to_string();
        let media_type = Some(media_type);
        let pushed = manifests::push_manifest(
            &self.cx,
            &self.owner,
            &name.parse()?,
            &reference,
            media_type,
            content.as_bytes(),
        )
        .await?;
        Ok(pushed.digest)
    }

    pub async fn has_manifest(&self, name: &str, reference: impl ToString) -> Result<bool> {
        let reference = reference.to_string().parse()?;
        is_found(manifests::find_manifest(&self.cx, &self.owner, &name.parse()?, &reference).await)
    }

    /// Returns true if a blob exists with its whole content.
    pub async fn has_blob(&self, name: &str, digest: Digest) -> Result<bool> {
        let found = blobs::find_blob(&self.cx, &self.owner, &name.parse()?, digest).await;
        let content = match found {
            Ok(content) => content,
            Err(error) => return is_found::<()>(Err(error)),
        };
        let stream = self.cx.blobs.read(content.blob, None).await?;
        let stream = stream.ok_or_else(|| Error::internal("a row refers to missing content"))?;
        Ok(stream.map_ok(|bytes| bytes.len() as u64).try_fold(0, async |sum, size| Ok(sum + size)).await?
            == content.size)
    }

    /// Counts the stored blobs.
    pub async fn count_blobs(&self) -> Result<usize> {
        self.cx.blobs.list().try_fold(0, async |sum, _| Ok(sum + 1)).await
    }
}

fn is_found<T>(found: Result<T>) -> Result<bool> {
    match found {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == hearth_base::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Builds the configuration of an image with this single layer.
pub fn build_image_config(layer: &[u8]) -> Vec<u8> {
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "config": {"Env": ["A=b"], "Cmd": ["serve"], "Labels": {"org.hearth.processes": "{}"}},
        "rootfs": {"type": "layers", "diff_ids": [compute_digest(layer)]},
    });
    config.to_string().into_bytes()
}

pub fn compute_digest(content: &[u8]) -> Digest {
    Digest::new(Sha256::digest(content).into())
}
