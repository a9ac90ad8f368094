//! Settings of the image service.

use std::{collections::BTreeMap, fmt, str::FromStr};

use hearth_base::{Error, ImageName, Result, as_text};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

hearth_kit::settings! {
    /// Images.
    ///
    /// ```toml
    /// [images.provided."python3.11"]
    /// repository = "python3.11"                # in the registry: hearth/python3.11:latest; the short name when absent
    /// aliases = ["tf-python311", "tf-python39"]
    /// state = "stable"                         # or deprecated, or any word
    ///
    /// [images.provided."php8.2"]               # pushed by an operator: skopeo copy … docker://REGISTRY/hearth/php8.2
    ///
    /// [images.sources]                         # copied by hearthd image bootstrap, with skopeo
    /// "node22" = "registry.example/library/node:22-slim"
    /// "builder" = "registry.example/hearth/builder@sha256:…"
    ///
    /// [images.provided.node22]
    /// ```
    ///
    /// An image with a source becomes `hearth/NAME` in Hearth's registry; skopeo uses the machine's
    /// configuration of registries (`/etc/containers`: sign-ins, mirrors, certificates).
    /// `hearthd image bootstrap --again NAME` copies it again.
    ///
    /// The tables of `images.provided` replace the built-in list: `bookworm`, `python3.11` and `node18`, which
    /// `hearthd image bootstrap` builds from Debian packages, with the names that scripts written for Toolforge
    /// use. Without `aliases` an image has none.
    pub struct ImagesSettings in "images" {
        /// Largest blob, for example a layer, in bytes.
        blob_limit: u64 = 4 << 30,
        /// Largest manifest, in bytes.
        manifest_limit: u64 = 4 << 20,
        /// Hours before content is collected after it was pushed, looked up, untagged or unpinned.
        grace_hours: u32 = 24,
        /// The images that this Hearth provides, by their short names.
        provided: BTreeMap<String, ProvidedImage> = build_default_images() => "NAME" ProvidedImage,
        /// Images of other registries, by the `NAME` of `hearth/NAME`, which are copied instead of being built
        /// from packages.
        sources: BTreeMap<ImageName, ImageSource> = BTreeMap::new(),
    }
}

/// Image of another registry: `[HOST[:PORT]/]NAME[:TAG]` or `[HOST[:PORT]/]NAME@DIGEST` (OCI distribution
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
            return Err(Error::invalid("image-source", format!("the image source is invalid: {text:.80?}"))
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
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProvidedImage {
    /// Name in the registry, after `hearth/`; the short name when absent.
    pub repository: Option<String>,
    /// Other names.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// State shown to users: `stable`, `deprecated`, or a word of the operator.
    #[serde(default = "default_image_state")]
    #[schema(default = "stable", required = false)]
    pub state: String,
}

fn default_image_state() -> String {
    "stable".to_owned()
}

/// Builds the list of images that `hearthd image bootstrap` makes, under the names that scripts written for
/// Toolforge use. Where Toolforge had several releases of one language, all their names are aliases of the
/// one release here.
fn build_default_images() -> BTreeMap<String, ProvidedImage> {
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
            (name.to_owned(), ProvidedImage { repository: None, aliases, state: default_image_state() })
        })
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_accepts_only_an_image_name() {
        for text in ["php:8.2-cli", "registry.example:5000/a/b@sha256:0f", "[::1]:5000/x"] {
            assert!(text.parse::<ImageSource>().is_ok(), "{text}");
        }
        for text in ["", "--authfile=x", "docker://x", "oci:a b", "x;y", "x:y@sha256:0f", "x\ny", "/etc"] {
            assert!(text.parse::<ImageSource>().is_err(), "{text:?}");
        }
    }
}
