//! Manifests of images as they are pushed.

use hearth_images::fuzzing::read_manifest;

use super::{records, text};

/// First record: the media type of the request, empty for none. The rest: the manifest.
pub fn manifests(input: &[u8]) {
    let media_type = text(records(input).next());
    let content = input.get(media_type.len() + 1..).unwrap_or_default();
    let told = Some(media_type.as_str()).filter(|told| !told.is_empty());
    if let Ok((kept, needed)) = read_manifest(told, content) {
        assert!(kept.starts_with("application/vnd."), "{kept:?}");
        for digest in needed {
            let digest = digest.to_string();
            assert!(digest.starts_with("sha256:") && digest.len() == 71, "{digest:?}");
        }
    }
}
