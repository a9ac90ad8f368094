//! The image that a job was resolved to.

use std::collections::BTreeMap;

use hearth_base::Digest;
use serde::{Deserialize, Serialize};

/// An image that is resolved to a digest, and so never changes. Stored with its job and in plans:
/// `tests/golden/image-*.json` must stay readable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedImage {
    /// Its short name.
    pub image: String,
    /// Its full name with the digest.
    pub reference: String,
    /// The digest of its manifest.
    pub digest: Digest,
    /// Its state: `stable`, `deprecated`.
    pub state: String,
    /// True if the operator provides it for all tools.
    pub provided: bool,
    /// The part of its configuration that starting it needs.
    pub config: ImageConfig,
}

/// The part of an image's configuration that starting it needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageConfig {
    /// Environment variables, as `NAME=value`.
    pub env: Vec<String>,
    /// The program that gets the command as arguments; empty: none.
    pub entrypoint: Vec<String>,
    /// The default command.
    pub cmd: Vec<String>,
    /// The working directory of its process.
    pub working_dir: String,
    /// The user of its process.
    pub user: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::golden;
    use hearth_base::Result;

    #[test]
    fn image_of_version_1_is_read() -> Result<()> {
        let expected = ResolvedImage {
            image: "python3.11".to_owned(),
            reference: "registry/hearth/python3.11".to_owned(),
            digest: Digest::new([1; 32]),
            state: "stable".to_owned(),
            provided: true,
            config: ImageConfig {
                env: vec!["LANG=C.UTF-8".to_owned()],
                entrypoint: vec!["/bin/launch".to_owned()],
                cmd: vec!["web".to_owned()],
                working_dir: "/app".to_owned(),
                user: "1000".to_owned(),
                labels: [("org.hearth.processes".to_owned(), "{}".to_owned())].into(),
            },
        };
        golden::check_golden_file("image-1.json", &expected)
    }
}
