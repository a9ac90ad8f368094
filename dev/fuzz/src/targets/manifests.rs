//! Pushed image manifests and configurations.

use hearth_images::fuzzing::{read_configuration, read_manifest};

use super::{decode_text, split_records};

/// Number of variables, and of labels, that a configuration may have.
const MAX_CONFIG_ITEMS: usize = 1000;

/// Input: the request's media type (empty for none) as the first record, and the manifest as the rest, which
/// is also read as a configuration.
pub fn run_target(input: &[u8]) {
    let media_type = decode_text(split_records(input).next());
    let content = input.get(media_type.len() + 1..).unwrap_or_default();
    if let Ok((variables, labels)) = read_configuration(content) {
        assert!(
            variables <= MAX_CONFIG_ITEMS && labels <= MAX_CONFIG_ITEMS,
            "{variables} variables, {labels} labels"
        );
    }
    let declared = Some(media_type.as_str()).filter(|declared| !declared.is_empty());
    if let Ok((stored, needed)) = read_manifest(declared, content) {
        assert!(stored.starts_with("application/vnd."), "{stored:?}");
        for digest in needed {
            let digest = digest.to_string();
            assert!(digest.starts_with("sha256:") && digest.len() == 71, "{digest:?}");
        }
    }
}
