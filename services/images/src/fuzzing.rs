//! Entries for the fuzz targets of `dev/fuzz`: what is pushed.

use hearth_base::{Digest, Result};

use crate::app::parse::parse;

/// The media type of a pushed manifest, and the blobs and manifests that it needs.
pub fn read_manifest(media_type: Option<&str>, content: &[u8]) -> Result<(String, Vec<Digest>)> {
    let (media_type, parsed) = parse(media_type, content)?;
    let mut needed = parsed.blobs()?;
    needed.extend(parsed.manifests()?);
    Ok((media_type, needed))
}
