//! Settings of the image service.

use std::{collections::BTreeMap, fmt, str::FromStr};

use hearth_base::{Error, ImageName, Result, as_text};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::upstream::{UpstreamName, UpstreamSettings};

hearth_kit::settings! {
    /// Images.
    ///
    /// ```toml
    /// [images.provided."python3.11"]
    /// repository = "python3.11"          # hearth/python3.11:latest in the registry; default: the short name
    /// aliases = ["tf-python311", "tf-python39"]
    /// state = "stable"                   # or deprecated, or any word
    ///
    /// [images.provided."python3.13-lxml"] # made by hearthd image bootstrap from packages
    /// release = "trixie"
    /// packages = ["python3", "python3-venv", "python3-pip", "python3-lxml"]
    ///
    /// [images.provided."ruby3.1"]        # pushed by skopeo copy … docker://REGISTRY/hearth/ruby3.1
    ///
    /// [images.sources]                   # copied by hearthd image bootstrap, with skopeo
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
    /// An upstream's images are stored when they are first pulled, and after that served from here:
    ///
    /// ```toml
    /// [images.upstreams.hub]
    /// url = "https://registry.example"
    /// prefixes = ["registry.example"]    # FROM registry.example/team/base:1 is pulled through it
    /// user = "hearth"
    /// password_file = "/etc/hearth/registry-password"
    /// bytes = 50_000_000_000
    /// ```
    ///
    /// The rules of `outbound` apply: a registry with a private address must be in `outbound.allow`. A password is sent
    /// only on an encrypted connection or to this machine.
    ///
    /// The tables of `images.provided` replace the built-in list: plain Debian (`bookworm`, `trixie`), Python
    /// (`python3.11`, `python3.13`, `python3.14`), Node.js (`node18`, `node20`, `node24`), PHP with a web
    /// server (`php8.2`, `php8.4`), Go (`golang1.24`, `golang-current`), Rust (`rust1.85`, `rust-current`), Java with
    /// Maven (`java21`, `java25`), Ruby (`ruby3.3`), and the slim images that detected recipes begin with (`static`,
    /// `python3.11-slim` and others). `hearthd image bootstrap` makes them from Debian packages. They have the
    /// names that scripts written for Toolforge use as aliases.
    pub struct ImagesSettings in "images" {
        /// Largest blob, for example a layer, in bytes.
        blob_limit: u64 = 4 << 30,
        /// Largest manifest, in bytes.
        manifest_limit: u64 = 4 << 20,
        /// Blobs that one tool may store. The quota of bytes is `image_storage` in `accounts.quota`.
        tool_blobs: u32 = 20_000,
        /// Manifests that one tool may store.
        tool_manifests: u32 = 2000,
        /// Tags of one tool.
        tool_tags: u32 = 5000,
        /// Images of one tool, by name.
        tool_images: u32 = 200,
        /// Unfinished uploads of one tool.
        tool_uploads: u32 = 64,
        /// Hours before content is collected after it was pushed, looked up, untagged or unpinned.
        grace_hours: u32 = 24,
        /// The images that this Hearth provides, by their short names.
        provided: BTreeMap<String, ProvidedImage> = build_default_images() => "NAME" ProvidedImage,
        /// Images of other registries, by the `NAME` of `hearth/NAME`, which are copied instead of being
        /// built from packages.
        sources: BTreeMap<ImageName, ImageSource> = BTreeMap::new(),
        /// Registries whose images everyone who is signed in can pull through this one, as
        /// `upstream/NAME/REPOSITORY:TAG`.
        upstreams: BTreeMap<UpstreamName, UpstreamSettings> = BTreeMap::new() => "NAME" UpstreamSettings,
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
    /// Debian packages from which `hearthd image bootstrap` makes the image; absent for an image that is pushed or
    /// copied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<Vec<String>>,
    /// Debian release of these packages; default `bookworm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// True for an image without apt and other programs that only installations need: the packages, all that they need
    /// to run, a shell and basic programs.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub slim: bool,
}

fn default_image_state() -> String {
    "stable".to_owned()
}

/// Built-in images: name, Debian release, packages on top of the base system, aliases.
///
/// Where Toolforge had several releases of one language, all their names are aliases of the nearest release here.
#[rustfmt::skip]
const DEFAULT_IMAGES: [(&str, &str, &[&str], &[&str]); 18] = [
    ("bookworm", "bookworm", &[],
        &["bullseye", "buster", "tf-bookworm", "tf-bullseye-std", "tf-buster-std", "tf-buster"]),
    ("python3.11", "bookworm", &["python3", "python3-venv", "python3-pip"],
        &["python3.9", "python3.7", "tf-python311", "tf-python39", "tf-python37", "toolforge-python311-sssd-base",
          "toolforge-python39-sssd-base", "toolforge-python37-sssd-base"]),
    ("node18", "bookworm", &["nodejs", "npm"],
        &["node16", "node12", "node10", "tf-node18", "tf-node16", "tf-node12", "tf-node10",
          "toolforge-node18-sssd-base", "toolforge-node16-sssd-base", "toolforge-node12-sssd-base"]),
    ("php8.2", "bookworm",
        &["lighttpd", "php8.2-cgi", "php8.2-cli", "php8.2-curl", "php8.2-gd", "php8.2-intl", "php8.2-mbstring",
          "php8.2-mysql", "php8.2-sqlite3", "php8.2-xml", "php8.2-zip"],
        &["php7.4", "php7.3", "tf-php82", "tf-php74", "tf-php73", "toolforge-php82-sssd-web",
          "toolforge-php74-sssd-base", "toolforge-php73-sssd-base"]),
    ("trixie", "trixie", &[], &["tf-trixie"]),
    ("python3.13", "trixie", &["python3", "python3-venv", "python3-pip"],
        &["python3.12", "tf-python313", "toolforge-python313-sssd-base"]),
    ("node20", "trixie", &["nodejs", "npm"], &["tf-node20", "toolforge-node20-sssd-base"]),
    ("php8.4", "trixie",
        &["lighttpd", "php8.4-cgi", "php8.4-cli", "php8.4-curl", "php8.4-gd", "php8.4-intl", "php8.4-mbstring",
          "php8.4-mysql", "php8.4-sqlite3", "php8.4-xml", "php8.4-zip"],
        &["php8.3", "tf-php84", "toolforge-php84-sssd-web"]),
    ("golang1.24", "trixie", &["gcc", "golang-go", "libc6-dev", "pkg-config"],
        &["golang1.11", "tf-golang111", "toolforge-golang111-sssd-base"]),
    ("rust1.85", "trixie", &["cargo", "gcc", "g++", "libc6-dev", "libssl-dev", "make", "pkg-config"], &[]),
    ("java21", "trixie", &["maven", "openjdk-21-jdk-headless"],
        &["jdk21", "jdk17", "jdk11", "jdk8", "tf-jdk21", "tf-jdk17", "tf-jdk11", "tf-jdk8", "toolforge-jdk21-sssd-base",
          "toolforge-jdk17-sssd-base", "toolforge-jdk11-sssd-base"]),
    ("java25", "trixie", &["maven", "openjdk-25-jdk-headless"], &["jdk25", "tf-jdk25"]),
    ("ruby3.3", "trixie",
        &["bundler", "gcc", "g++", "git", "libc6-dev", "libyaml-dev", "make", "pkg-config", "ruby", "ruby-dev",
          "zlib1g-dev"],
        &["ruby3.1", "ruby2.7", "ruby2.5", "tf-ruby33", "tf-ruby31", "tf-ruby27", "tf-ruby25",
          "toolforge-ruby33-sssd-base", "toolforge-ruby31-sssd-base", "toolforge-ruby27-sssd-base"]),
    ("forky", "forky", &[], &["tf-forky"]),
    ("golang-current", "forky", &["gcc", "golang-go", "libc6-dev", "pkg-config"], &[]),
    ("rust-current", "forky", &["cargo", "gcc", "g++", "libc6-dev", "libssl-dev", "make", "pkg-config"], &[]),
    ("python3.14", "forky", &["python3", "python3-venv", "python3-pip"],
        &["tf-python314", "toolforge-python314-sssd-base"]),
    ("node24", "forky", &["nodejs", "npm"], &["node22", "tf-node22", "tf-node24", "toolforge-node22-sssd-base"]),
];

/// Packages of the slim images with Python.
const SLIM_PYTHON_PACKAGES: &[&str] = &["python3", "curl", "libstdc++6", "procps"];

/// Packages of the slim images with Node.js.
const SLIM_NODE_PACKAGES: &[&str] = &["nodejs", "curl", "procps"];

/// Packages of the slim images for compiled programs: also those that checks, and programs with C++ and TLS need.
const SLIM_PROGRAM_PACKAGES: &[&str] = &["curl", "libssl3t64", "libstdc++6", "procps"];

/// Built-in slim images: name, Debian release, packages.
const DEFAULT_SLIM_IMAGES: [(&str, &str, &[&str]); 12] = [
    ("static", "bookworm", &[]),
    ("python3.11-slim", "bookworm", SLIM_PYTHON_PACKAGES),
    ("python3.13-slim", "trixie", SLIM_PYTHON_PACKAGES),
    ("python3.14-slim", "forky", SLIM_PYTHON_PACKAGES),
    ("node18-slim", "bookworm", SLIM_NODE_PACKAGES),
    ("node20-slim", "trixie", SLIM_NODE_PACKAGES),
    ("node24-slim", "forky", SLIM_NODE_PACKAGES),
    ("trixie-slim", "trixie", SLIM_PROGRAM_PACKAGES),
    ("forky-slim", "forky", SLIM_PROGRAM_PACKAGES),
    ("java21-slim", "trixie", &["curl", "openjdk-21-jre-headless", "procps"]),
    ("java25-slim", "trixie", &["curl", "openjdk-25-jre-headless", "procps"]),
    ("ruby3.3-slim", "trixie", &["bundler", "curl", "libyaml-0-2", "procps", "ruby"]),
];

/// Builds the list of images that `hearthd image bootstrap` makes, under the names that scripts written for
/// Toolforge use.
fn build_default_images() -> BTreeMap<String, ProvidedImage> {
    let to_names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let build = |(release, packages, aliases): (&str, &[&str], &[&str]), slim| ProvidedImage {
        repository: None,
        aliases: to_names(aliases),
        state: default_image_state(),
        release: Some(release.to_owned()),
        packages: Some(to_names(packages)),
        slim,
    };
    let full = DEFAULT_IMAGES.into_iter().map(|(name, release, packages, aliases)| {
        (name.to_owned(), build((release, packages, aliases), false))
    });
    let slim = DEFAULT_SLIM_IMAGES
        .into_iter()
        .map(|(name, release, packages)| (name.to_owned(), build((release, packages, &[]), true)));
    full.chain(slim).collect()
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

    #[test]
    fn names_and_aliases_of_default_images_are_unique() {
        let images = build_default_images();
        let mut names: Vec<&String> =
            images.keys().chain(images.values().flat_map(|image| &image.aliases)).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
        assert!(images.values().all(|image| image.packages.is_some() && image.release.is_some()));
    }
}
