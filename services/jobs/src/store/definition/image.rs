//! The image that a job was resolved to.

use std::collections::BTreeMap;

use hearth_base::Digest;
use serde::{Deserialize, Serialize};

/// An image, resolved: by digest, for ever the same. Stored with its job and in plans: `tests/golden/image-*.json`
/// have to stay readable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Its short name, as people know it.
    pub image: String,
    /// Its whole name with the digest.
    pub reference: String,
    /// The digest of its manifest.
    pub digest: Digest,
    /// Its state: `stable`, `deprecated`.
    pub state: String,
    /// The operator provides it, for all tools.
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
    /// The program that gets the command, when there is one.
    pub entrypoint: Vec<String>,
    /// The command when none is given.
    pub cmd: Vec<String>,
    /// The folder in which it starts.
    pub working_dir: String,
    /// The user that it runs as.
    pub user: String,
    /// Labels that its builder gave it.
    pub labels: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::golden;
    use hearth_base::Result;

    #[test]
    fn image_of_version_1_is_read() -> Result<()> {
        let expected = Image {
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
        golden::check("image-1.json", &expected)
    }
}
