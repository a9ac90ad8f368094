//! Entry points for the fuzz targets of `dev/fuzz`: parsers of pushed content.

use hearth_base::{Digest, Result};

use crate::{
    app::{image_config::parse_configuration, manifest_format::parse_manifest, referrers::describe_referrer},
    store::Manifest,
};

/// Parses a pushed manifest. Returns its media type with the blobs and manifests that it refers to, its subject among
/// them.
pub fn read_manifest(media_type: Option<&str>, content: &[u8]) -> Result<(String, Vec<Digest>)> {
    let (media_type, parsed) = parse_manifest(media_type, content)?;
    let mut needed = parsed.list_blob_digests()?;
    needed.extend(parsed.list_manifest_digests()?);
    let manifest = Manifest {
        digest: Digest::new([0; 32]),
        media_type: media_type.clone(),
        content: content.to_owned(),
    };
    needed.extend(describe_referrer(&parsed, &manifest)?.map(|referrer| referrer.subject));
    Ok((media_type, needed))
}

/// Parses a pushed image configuration. Returns the number of its variables and of its labels.
pub fn read_configuration(content: &[u8]) -> Result<(usize, usize)> {
    let image = parse_configuration(content)?;
    let Some(config) = image.config() else { return Ok((0, 0)) };
    let variables = config.env().as_ref().map_or(0, Vec::len);
    Ok((variables, config.labels().as_ref().map_or(0, |labels| labels.len())))
}
