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

/// Sizes of an image as it is stored, which is compressed.
pub struct ImageSize {
    total: u64,
    /// Size and step of each layer, the largest first.
    layers: Vec<(u64, String)>,
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
    let config = match &manifest.config {
        Some(config) => session.send(registry.fetch_blob(config.digest)).await?,
        None => return Ok(None),
    };
    // A pushed image may have any history.
    let config = serde_json::from_slice(&config).unwrap_or_default();
    Ok(Some(ImageSize::new(&manifest, &config)))
}

impl ImageSize {
    fn new(manifest: &RegistryManifest, config: &RegistryImageConfig) -> Self {
        let mut steps = config.history.iter().filter(|entry| !entry.empty_layer);
        let mut layers: Vec<(u64, String)> = manifest
            .layers
            .iter()
            .map(|layer| (layer.size, steps.next().map(|entry| shorten_step(&entry.created_by))))
            .map(|(size, step)| (size, step.unwrap_or_else(|| "-".to_owned())))
            .collect();
        layers.sort_by_key(|(size, _)| std::cmp::Reverse(*size));
        Self { total: layers.iter().map(|(size, _)| size).sum(), layers }
    }

    /// Lists the rows of a table.
    pub fn list_rows(&self) -> Vec<(&'static str, Cell)> {
        let total = format!("{} compressed, {} layers", format_size(self.total), self.layers.len());
        let shown = self.layers.iter().take(MAX_SHOWN_LAYERS);
        let layers =
            shown.map(|(size, step)| ("layer", Cell::from(format!("{}: {step}", format_size(*size)))));
        std::iter::once(("size", Cell::from(total))).chain(layers).collect()
    }
}

/// Shortens the step that made a layer to a line.
fn shorten_step(step: &str) -> String {
    let mut step = step.trim();
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
        let manifest = serde_json::from_str(
            r#"{"layers": [{"mediaType": "x", "digest": "sha256:0000000000000000000000000000000000000000000000000000000000000001", "size": 9000000},
                {"mediaType": "x", "digest": "sha256:0000000000000000000000000000000000000000000000000000000000000002", "size": 12000000},
                {"mediaType": "x", "digest": "sha256:0000000000000000000000000000000000000000000000000000000000000003", "size": 10}]}"#,
        );
        let config = serde_json::from_str(
            r##"{"history": [{"created_by": "hearthd image bootstrap: core"},
                {"created_by": "/bin/sh -c #(nop) ENV A=b", "empty_layer": true},
                {"created_by": "/bin/sh -c pip install \\\n  flask"}]}"##,
        );
        let size = ImageSize::new(&manifest.unwrap(), &config.unwrap());
        assert_eq!(size.total, 21_000_010);
        assert_eq!(
            size.layers,
            [
                (12_000_000, "pip install \\ flask".to_owned()),
                (9_000_000, "hearthd image bootstrap: core".to_owned()),
                (10, "-".to_owned())
            ]
        );
        assert_eq!(size.list_rows().len(), 4);
    }

    #[test]
    fn long_step_is_shortened() {
        assert_eq!(shorten_step(&"é".repeat(100)).chars().count(), MAX_STEP_CHARS + 2);
        assert_eq!(shorten_step("/bin/sh -c #(nop) COPY dir:x in ."), "COPY dir:x in .");
    }
}
