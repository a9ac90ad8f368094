//! Layers of a built image: their sizes, and the steps that made them.

use hearth_base::{Digest, ErrorKind, Result};
use hearth_wire::{
    builds::Build,
    images::registry::{RegistryImageConfig, RegistryManifest},
};

use crate::{pack::format_size, printer::Cell, tool_session::ToolSession};

/// Maximum number of layers that are shown, the largest first.
const MAX_SHOWN_LAYERS: usize = 5;
/// Maximum length of a step that is shown, in characters.
const MAX_STEP_CHARS: usize = 80;
/// Beginnings of steps in the history that say nothing: the shell, and buildah's mark of other instructions.
const STEP_PREFIXES: [&str; 2] = ["/bin/sh -c ", "#(nop) "];

/// Length of the field with the uncompressed size at the end of a file of gzip, modulo 2^32 (RFC 1952, section 2.3.1).
const GZIP_SIZE_BYTES: u64 = 4;
/// The modulus of that field.
const GZIP_SIZE_MODULUS: u64 = 1 << 32;

/// Sizes of an image as it is stored, which is compressed, and as it is on the disk of a host.
pub struct ImageSize {
    /// The largest layer first.
    layers: Vec<ImageLayer>,
}

/// A layer of an image.
#[derive(Debug, PartialEq, Eq)]
struct ImageLayer {
    compressed: u64,
    /// `None` when the compression does not tell it.
    unpacked: Option<u64>,
    /// Step that made it.
    step: String,
}

/// Reads the digest of the image that a build made.
pub fn find_image_digest(build: &Build) -> Option<Digest> {
    build.destination_image.rsplit_once('@').and_then(|(_, digest)| digest.parse().ok())
}

/// Fetches the sizes of the image that a build made; `None` without an image, or when it has been deleted.
pub async fn fetch_image_size(session: &ToolSession<'_>, build: &Build) -> Result<Option<ImageSize>> {
    let Some(digest) = find_image_digest(build) else { return Ok(None) };
    let registry = session.client().image_registry(session.tool_name(), &build.parameters.image_name);
    let manifest = match session.send(registry.fetch_manifest(digest)).await {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        fetched => fetched?,
    };
    if manifest.config.is_none() {
        return Ok(None);
    }
    let steps = fetch_layer_steps(session, &build.parameters.image_name, &manifest).await?;
    let unpacked = manifest.layers.iter().map(|layer| async move {
        let is_gzip = layer.media_type.ends_with("gzip") && layer.size > GZIP_SIZE_BYTES;
        let end = match is_gzip {
            true => session.send(registry.fetch_blob_end(layer.digest, GZIP_SIZE_BYTES)).await.ok(),
            false => None,
        };
        read_unpacked_size(layer.size, end.as_deref()?)
    });
    let unpacked = futures::future::join_all(unpacked).await;
    Ok(Some(ImageSize::new(&manifest, &unpacked, steps)))
}

/// Fetches the steps that made the layers of an image, one for each layer; `None` for layers without a history.
pub async fn fetch_layer_steps(
    session: &ToolSession<'_>,
    image: &str,
    manifest: &RegistryManifest,
) -> Result<Vec<Option<String>>> {
    let Some(config) = &manifest.config else { return Ok(vec![None; manifest.layers.len()]) };
    let registry = session.client().image_registry(session.tool_name(), image);
    let config = session.send(registry.fetch_blob(config.digest)).await?;
    // A pushed image may have any history.
    Ok(list_layer_steps(manifest, &serde_json::from_slice(&config).unwrap_or_default()))
}

fn list_layer_steps(manifest: &RegistryManifest, config: &RegistryImageConfig) -> Vec<Option<String>> {
    let steps = config.history.iter().filter(|entry| !entry.empty_layer);
    let steps = steps.map(|entry| Some(shorten_step(&entry.created_by)));
    steps.chain(std::iter::repeat(None)).take(manifest.layers.len()).collect()
}

/// Reads the uncompressed size from the end of a layer. Layers of 4 GiB and more are larger than the field says.
fn read_unpacked_size(compressed: u64, end: &[u8]) -> Option<u64> {
    let size = u64::from(u32::from_le_bytes(end.try_into().ok()?));
    let missing = compressed.saturating_sub(size).div_ceil(GZIP_SIZE_MODULUS);
    // An archive in pieces that do not compress is a little larger compressed.
    let is_larger = compressed.saturating_sub(size) > compressed / 100;
    Some(if is_larger { size + missing * GZIP_SIZE_MODULUS } else { size })
}

impl ImageSize {
    fn new(manifest: &RegistryManifest, unpacked: &[Option<u64>], steps: Vec<Option<String>>) -> Self {
        let mut layers: Vec<ImageLayer> = manifest
            .layers
            .iter()
            .zip(unpacked)
            .zip(steps)
            .map(|((layer, unpacked), step)| {
                let step = step.unwrap_or_else(|| "-".to_owned());
                ImageLayer { compressed: layer.size, unpacked: *unpacked, step }
            })
            .collect();
        layers.sort_by_key(|layer| std::cmp::Reverse(layer.unpacked.unwrap_or(layer.compressed)));
        Self { layers }
    }

    /// Lists the rows of a table.
    pub fn list_rows(&self) -> Vec<(&'static str, Cell)> {
        let compressed: u64 = self.layers.iter().map(|layer| layer.compressed).sum();
        let unpacked = self.layers.iter().map(|layer| layer.unpacked).sum::<Option<u64>>();
        let total = format!("{}, {} layers", format_sizes(compressed, unpacked), self.layers.len());
        let shown = self.layers.iter().take(MAX_SHOWN_LAYERS);
        let layers = shown.map(|ImageLayer { compressed, unpacked, step }| {
            ("layer", Cell::from(format!("{}: {step}", format_sizes(*compressed, *unpacked))))
        });
        std::iter::once(("size", Cell::from(total))).chain(layers).collect()
    }
}

fn format_sizes(compressed: u64, unpacked: Option<u64>) -> String {
    let compressed = format!("{} compressed", format_size(compressed));
    match unpacked {
        Some(unpacked) => format!("{} unpacked, {compressed}", format_size(unpacked)),
        None => compressed,
    }
}

/// Shortens the step that made a layer to a line.
pub fn shorten_step(step: &str) -> String {
    let mut step = step.trim();
    // With arguments of the build: `|COUNT NAME=VALUE… /bin/sh -c STEP`.
    if step.starts_with('|') {
        step = step.split_once(" /bin/sh -c ").map_or(step, |(_, step)| step);
    }
    for prefix in STEP_PREFIXES {
        step = step.strip_prefix(prefix).unwrap_or(step).trim_start();
    }
    let line = step.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_STEP_CHARS) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_layer_has_the_step_that_made_it() {
        let manifest: RegistryManifest = serde_json::from_str(
            r#"{"layers": [{"mediaType": "x", "digest": "sha256:0000000000000000000000000000000000000000000000000000000000000001", "size": 9000000},
                {"mediaType": "x", "digest": "sha256:0000000000000000000000000000000000000000000000000000000000000002", "size": 12000000},
                {"mediaType": "x", "digest": "sha256:0000000000000000000000000000000000000000000000000000000000000003", "size": 10}]}"#,
        )
        .unwrap();
        let config = serde_json::from_str(
            r##"{"history": [{"created_by": "hearthd image bootstrap: core"},
                {"created_by": "/bin/sh -c #(nop) ENV A=b", "empty_layer": true},
                {"created_by": "/bin/sh -c pip install \\\n  flask"}]}"##,
        );
        let unpacked = [Some(30_000_000), Some(20_000_000), None];
        let size = ImageSize::new(&manifest, &unpacked, list_layer_steps(&manifest, &config.unwrap()));
        let steps: Vec<&str> = size.layers.iter().map(|layer| layer.step.as_str()).collect();
        assert_eq!(steps, ["hearthd image bootstrap: core", "pip install \\ flask", "-"]);
        assert_eq!(size.layers[0].compressed, 9_000_000);
        assert_eq!(size.list_rows().len(), 4);
    }

    #[test]
    fn unpacked_size_is_the_end_of_a_layer() {
        assert_eq!(read_unpacked_size(1000, &[0x10, 0x27, 0, 0]), Some(10_000));
        assert_eq!(read_unpacked_size(1005, &[0xe8, 3, 0, 0]), Some(1000));
        assert_eq!(read_unpacked_size(1 << 31, &[0, 0, 0, 1]), Some((1 << 24) + (1 << 32)));
        assert_eq!(read_unpacked_size(9 << 32, &[0, 0, 0, 0]), Some(9 << 32));
        assert_eq!(read_unpacked_size(1000, b"a whole layer"), None);
    }

    #[test]
    fn long_step_is_shortened() {
        assert_eq!(shorten_step(&"é".repeat(100)).chars().count(), MAX_STEP_CHARS + 2);
        assert_eq!(shorten_step("/bin/sh -c #(nop) COPY dir:x in ."), "COPY dir:x in .");
        assert_eq!(shorten_step("|1 SOURCE_DATE_EPOCH=1 /bin/sh -c pip install x"), "pip install x");
    }
}
