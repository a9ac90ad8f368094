//! Brings an image's layers to the runtime.

use futures::TryStreamExt;
use hearth_base::{Error, Result, Role};
use hearth_runtime_api::{Compression, LayerId, LayerSource};
use hearth_wire::images::internal::{Layer, Resolved};
use http_body_util::BodyExt;
use tokio_util::io::StreamReader;

use crate::cx::Cx;

/// Adds the layers of an image that the runtime lacks. All of them, lowest first.
pub async fn add_missing(cx: &Cx, image: &Resolved) -> Result<Vec<LayerId>> {
    let ids: Vec<LayerId> =
        image.layers.iter().map(|layer| layer.diff_id.to_string().parse()).collect::<Result<_>>()?;
    let missing = cx.runtime.missing_layers(&ids).await?;
    for (layer, id) in image.layers.iter().zip(&ids).filter(|(_, id)| missing.contains(id)) {
        let blob = cx.of(Role::Images)?.images_internal().blob(layer.digest).await?;
        let bytes =
            StreamReader::new(Box::pin(blob.into_body().into_data_stream().map_err(std::io::Error::other)));
        let source = LayerSource { id: *id, compression: compression(layer)? };
        cx.runtime.add_layer(source, Box::new(bytes)).await?;
    }
    Ok(ids)
}

/// How a layer is compressed (OCI image specification, `layer.md`, "Distributable Format").
fn compression(layer: &Layer) -> Result<Compression> {
    match layer.media_type.rsplit(['.', '+']).next() {
        Some("tar") => Ok(Compression::None),
        Some("gzip") => Ok(Compression::Gzip),
        Some("zstd") => Ok(Compression::Zstd),
        _ => Err(Error::unavailable(
            "layer-type",
            format!("layers of the type {:.80?} cannot be unpacked", layer.media_type),
        )),
    }
}
