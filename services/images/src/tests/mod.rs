//! The rules over a real database, with a clock that stands until it is told to move.

mod collecting;
mod races;
mod resolving;

use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use hearth_base::{Clock, Digest, Entropy, Error, ManualClock, Result, SystemClock, ToolId};
use hearth_kit::{
    config::Config,
    db::{Db, migrate, queue::Queue},
    state::StateFolder,
    tasks::Tasks,
};
use jiff::SignedDuration;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    app::{blobs, manifests, parse::OCI_MANIFEST, uploads},
    cx::Cx,
    names::{Reference, Space},
    store::{self, Store},
};

/// The service without its endpoints.
#[derive(Clone)]
pub struct Stage {
    pub cx: Cx,
    pub clock: Arc<ManualClock>,
    pub space: Space,
}

impl Stage {
    pub async fn set(db: Db, config: Config) -> Result<Self> {
        migrate(&db, store::migrations).await?;
        let clock = Arc::new(ManualClock::at(SystemClock.now()));
        let store = Store::new(db.clone(), Queue::new(db, clock.clone(), None), Tasks::new().stop_sign());
        let cx = Cx::new(&config, &StateFolder::nowhere(), store, clock.clone(), Arc::new(Entropy::System))?;
        let space = Space::Tool(cx.id(), "hello".parse()?);
        Ok(Self { cx, clock, space })
    }

    pub fn tool(&self) -> ToolId {
        match &self.space {
            Space::Tool(id, _) => *id,
            Space::Provided => unreachable!("a stage is a tool's"),
        }
    }

    pub fn pass(&self, hours: i64) {
        self.clock.advance(SignedDuration::from_hours(hours));
    }

    /// Brings a blob into the repository `name`.
    pub async fn blob(&self, name: &str, content: &[u8]) -> Result<Digest> {
        let (name, content) = (name.parse()?, Bytes::copy_from_slice(content));
        let digest = digest(&content);
        let upload = uploads::begin(&self.cx, &self.space, &name).await?;
        let upload = uploads::append(&self.cx, upload, None, stream::iter([Ok(content)]).boxed()).await?;
        uploads::finish(&self.cx, upload, digest).await?;
        Ok(digest)
    }

    /// Pushes an image of one layer with this content.
    pub async fn push(&self, name: &str, reference: &str, layer: &[u8]) -> Result<Digest> {
        let config = config(layer);
        let blobs = [self.blob(name, &config).await?, self.blob(name, layer).await?];
        self.manifest(name, reference, blobs).await
    }

    /// Pushes a manifest alone.
    pub async fn manifest(&self, name: &str, reference: &str, blobs: [Digest; 2]) -> Result<Digest> {
        let descriptor =
            |media_type: &str, digest: Digest| json!({"mediaType": media_type, "size": 1, "digest": digest});
        let manifest = json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST,
            "config": descriptor("application/vnd.oci.image.config.v1+json", blobs[0]),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", blobs[1])],
        });
        self.put(name, reference, OCI_MANIFEST, &manifest).await
    }

    pub async fn put(
        &self,
        name: &str,
        reference: &str,
        media_type: &str,
        manifest: &Value,
    ) -> Result<Digest> {
        let reference: Reference = reference.parse()?;
        let content = manifest.to_string();
        let media_type = Some(media_type);
        manifests::put(&self.cx, &self.space, &name.parse()?, &reference, media_type, content.as_bytes())
            .await
    }

    pub async fn has_manifest(&self, name: &str, reference: impl ToString) -> Result<bool> {
        let reference = reference.to_string().parse()?;
        there(manifests::find(&self.cx, &self.space, &name.parse()?, &reference).await)
    }

    /// Whether a blob is there, content and all.
    pub async fn has_blob(&self, name: &str, digest: Digest) -> Result<bool> {
        let found = blobs::find(&self.cx, &self.space, &name.parse()?, digest).await;
        let content = match found {
            Ok(content) => content,
            Err(error) => return there::<()>(Err(error)),
        };
        let stream = self.cx.blobs.read(content.blob, None).await?;
        let stream = stream.ok_or_else(|| Error::internal("a row leads to no content"))?;
        Ok(stream.map_ok(|bytes| bytes.len() as u64).try_fold(0, async |sum, size| Ok(sum + size)).await?
            == content.size)
    }

    /// How many pieces of content there are.
    pub async fn pieces(&self) -> Result<usize> {
        self.cx.blobs.list().try_fold(0, async |sum, _| Ok(sum + 1)).await
    }
}

fn there<T>(found: Result<T>) -> Result<bool> {
    match found {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == hearth_base::Kind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// A configuration for an image of this one layer.
pub fn config(layer: &[u8]) -> Vec<u8> {
    let config = json!({
        "architecture": "amd64", "os": "linux",
        "config": {"Env": ["A=b"], "Cmd": ["serve"], "Labels": {"org.hearth.processes": "{}"}},
        "rootfs": {"type": "layers", "diff_ids": [digest(layer)]},
    });
    config.to_string().into_bytes()
}

pub fn digest(content: &[u8]) -> Digest {
    Digest::new(Sha256::digest(content).into())
}
