//! Taking in an image from a folder (OCI image specification, `image-layout.md`), as `hearthd image bootstrap` makes
//! it.

use std::path::Path;

use bytes::Bytes;
use futures::{StreamExt, stream};
use hearth_base::{Digest, Error, Result};
use hearth_kit::blobs::BoxError;
use serde_json::Value;
use tokio::{fs, io::AsyncReadExt};

use super::{manifests, parse, uploads};
use crate::{
    cx::Cx,
    names::{ImageName, Reference, Space},
};

/// Takes in the first image of the layout in `folder` as a provided one. What is there already is not read again.
pub async fn import(cx: &Cx, folder: &Path, name: &ImageName, tag: &Reference) -> Result<Digest> {
    let index: Value = serde_json::from_slice(&read(&folder.join("index.json")).await?)
        .map_err(|cause| unreadable(folder).because(cause))?;
    let digest =
        index.pointer("/manifests/0/digest").and_then(Value::as_str).ok_or_else(|| unreadable(folder))?;
    let place = |digest: Digest| folder.join("blobs/sha256").join(digest.hex());
    let manifest = read(&place(digest.parse()?)).await?;
    let (media_type, parsed) = parse::parse(None, &manifest)?;
    let space = Space::Provided;
    for blob in parsed.blobs()? {
        if uploads::adopt(cx, &space, name, blob).await? {
            continue;
        }
        let upload = uploads::begin(cx, &space, name).await?;
        let file = fs::File::open(place(blob)).await.map_err(|cause| unreadable(folder).because(cause))?;
        let upload = uploads::append(cx, upload, None, pieces(file)).await?;
        uploads::finish(cx, upload, blob).await?;
    }
    manifests::put(cx, &space, name, tag, Some(&media_type), &manifest).await
}

fn pieces(file: fs::File) -> uploads::Incoming {
    let pieces = stream::try_unfold(file, async |mut file| {
        let mut piece = Vec::with_capacity(1 << 18);
        let read = (&mut file).take(1 << 18).read_to_end(&mut piece).await?;
        Ok::<_, BoxError>((read > 0).then(|| (Bytes::from(piece), file)))
    });
    pieces.boxed()
}

async fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).await.map_err(|cause| unreadable(path).because(cause))
}

fn unreadable(path: &Path) -> Error {
    Error::invalid("image-layout", format!("{} holds no image that can be read", path.display()))
        .help("name a folder that is an OCI image layout")
}
