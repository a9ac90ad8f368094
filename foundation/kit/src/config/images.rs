//! Settings of `images`.

use std::{collections::BTreeMap, fmt, str::FromStr};

use hearth_base::{Error, ImageName, Result, as_text};
use serde::Deserialize;

/// Settings of `images`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Images {
    /// The most that one blob, a layer for instance, may hold, in bytes.
    pub blob_limit: u64,
    /// The most that one manifest may hold, in bytes.
    pub manifest_limit: u64,
    /// How long nothing is collected that was pushed, untagged or given up a moment ago, in hours.
    pub grace_hours: u32,
    /// The images that this Hearth provides, by their short names.
    pub provided: BTreeMap<String, Provided>,
    /// Where images are copied from by their names in the registry, behind `hearth/`; others are made of packages.
    pub sources: BTreeMap<ImageName, ImageSource>,
}

/// An image of some registry: `[HOST[:PORT]/]NAME[:TAG]` or `[HOST[:PORT]/]NAME@DIGEST` (OCI distribution
/// specification, "Pulling manifests").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSource(String);

as_text!(ImageSource);

impl FromStr for ImageSource {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/:@[]".contains(&byte);
        let first = text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[');
        let last = text.rsplit('/').next().unwrap_or_default();
        let both = last.split_once('@').is_some_and(|(before, _)| before.contains(':'));
        if !first || both || text.len() > 512 || text.contains("://") || !text.bytes().all(fits) {
            return Err(Error::invalid("image-source", format!("{text:.80?} does not name an image"))
                .help("write HOST/NAME:TAG or HOST/NAME@sha256:…"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ImageSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An image that this Hearth provides.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provided {
    /// Its name in the registry, behind `hearth/`; the short name when absent.
    pub repository: Option<String>,
    /// Other names for it.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Whether it should be used: `stable`, `deprecated`, or a word of the operator's.
    #[serde(default = "stable")]
    pub state: String,
}

fn stable() -> String {
    "stable".to_owned()
}

impl Default for Images {
    fn default() -> Self {
        Self {
            blob_limit: 4 << 30,
            manifest_limit: 4 << 20,
            grace_hours: 24,
            provided: provided(),
            sources: BTreeMap::new(),
        }
    }
}

/// What `hearthd image bootstrap` makes, under the names that scripts written for Toolforge use. Where Toolforge
/// had several releases of one language, they all mean the one that is provided here.
fn provided() -> BTreeMap<String, Provided> {
    let python = [
        "python3.9",
        "python3.7",
        "tf-python311",
        "tf-python39",
        "tf-python37",
        "toolforge-python311-sssd-base",
        "toolforge-python39-sssd-base",
        "toolforge-python37-sssd-base",
    ];
    let node = [
        "node16",
        "node12",
        "node10",
        "tf-node18",
        "tf-node16",
        "tf-node12",
        "tf-node10",
        "toolforge-node18-sssd-base",
        "toolforge-node16-sssd-base",
        "toolforge-node12-sssd-base",
    ];
    let bookworm = ["bullseye", "buster", "tf-bookworm", "tf-bullseye-std", "tf-buster-std", "tf-buster"];
    [("bookworm", &bookworm[..]), ("python3.11", &python), ("node18", &node)]
        .map(|(name, aliases)| {
            let aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
            (name.to_owned(), Provided { repository: None, aliases, state: stable() })
        })
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_name_and_nothing_else() {
        for text in ["php:8.2-cli", "registry.example:5000/a/b@sha256:0f", "[::1]:5000/x"] {
            assert!(text.parse::<ImageSource>().is_ok(), "{text}");
        }
        for text in ["", "--authfile=x", "docker://x", "oci:a b", "x;y", "x:y@sha256:0f", "x\ny", "/etc"] {
            assert!(text.parse::<ImageSource>().is_err(), "{text:?}");
        }
    }
}
