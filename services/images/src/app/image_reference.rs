//! Parser of the text by which users name an image.

use hearth_base::{Error, Result, ToolName};

use crate::names::{ImageName, ManifestReference, quote_untrusted};

/// Image reference as a user wrote it.
#[derive(Debug, PartialEq, Eq)]
pub enum ImageReference {
    /// A provided image by a short name or alias.
    Short(String),
    /// A repository, with a tag or digest where the text has one.
    Full {
        /// The tool in the first part of the name; `None` for `hearth/`.
        tool: Option<ToolName>,
        name: ImageName,
        tag: Option<String>,
        digest: Option<String>,
    },
}

/// Parses `SHORT`, `[HOST/]tool-TOOL/NAME[:TAG][@DIGEST]` or `[HOST/]hearth/NAME…`. `hosts` are the names of
/// this Hearth.
pub fn parse_image_reference(text: &str, hosts: &[String]) -> Result<ImageReference> {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest.to_owned())),
        None => (text, None),
    };
    let segments: Vec<&str> = rest.split('/').collect();
    let (space, last) = match segments[..] {
        [short] if digest.is_none() => return Ok(ImageReference::Short(short.to_owned())),
        [space, last] => (space, last),
        [host, space, last] if hosts.iter().any(|own| is_own_host(host, own)) => (space, last),
        [_, _, _] => return Err(build_foreign_error(text)),
        _ => return Err(build_name_error(text)),
    };
    let (name, tag) = match last.split_once(':') {
        Some((name, tag)) => (name, Some(tag.to_owned())),
        None => (last, None),
    };
    let tool = match space.strip_prefix("tool-") {
        Some(tool) => Some(tool.parse().map_err(|_| build_name_error(text))?),
        None if space == crate::names::PROVIDED_OWNER => None,
        None => return Err(build_foreign_error(text)),
    };
    let name = name.parse().map_err(|_| build_name_error(text))?;
    Ok(ImageReference::Full { tool, name, tag, digest })
}

/// Returns the digest where there is one, otherwise the tag, otherwise `latest`.
pub fn choose_reference(tag: Option<&str>, digest: Option<&str>) -> Result<ManifestReference> {
    digest.or(tag).unwrap_or("latest").parse()
}

/// Compares two host names without their ports and without regard to case.
fn is_own_host(written: &str, own: &str) -> bool {
    let name = |host: &str| host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
    name(written) == name(own)
}

fn build_foreign_error(text: &str) -> Error {
    Error::invalid("image-elsewhere", format!("{} is not an image of this Hearth", quote_untrusted(text)))
        .help("push it first: skopeo copy docker://… docker://REGISTRY/tool-TOOL/NAME")
}

fn build_name_error(text: &str) -> Error {
    Error::invalid("image-name", format!("{} is not the name of an image", quote_untrusted(text)))
        .help("use a provided image, for example python3.11, or your own as tool-TOOL/NAME:TAG")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_text(text: &str) -> Result<ImageReference> {
        parse_image_reference(text, &["tools.example.org:8080".to_owned(), "hearth.internal".to_owned()])
    }

    #[test]
    fn short_and_full_names_are_understood() -> Result<()> {
        assert_eq!(parse_text("python3.11")?, ImageReference::Short("python3.11".to_owned()));
        let full = |tag: Option<&str>, digest: Option<&str>| ImageReference::Full {
            tool: "hello".parse().ok(),
            name: "web".parse().unwrap(),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        };
        assert_eq!(parse_text("tool-hello/web")?, full(None, None));
        assert_eq!(parse_text("tools.example.org/tool-hello/web:v1")?, full(Some("v1"), None));
        assert_eq!(
            parse_text("HEARTH.internal:80/tool-hello/web:v1@sha256:00")?,
            full(Some("v1"), Some("sha256:00"))
        );
        Ok(())
    }

    #[test]
    fn foreign_and_invalid_names_have_different_errors() {
        let code = |text: &str| parse_text(text).err().map(|error| error.code().to_owned());
        assert_eq!(code("elsewhere.example/library/debian").as_deref(), Some("image-elsewhere"));
        assert_eq!(code("library/debian").as_deref(), Some("image-elsewhere"));
        for text in
            ["", "x@sha256:00", "tool-hello/", "tool-/web", "tool-hello/..", "a/b/c/d", "tool-hello/a b"]
        {
            assert!(text.is_empty() || code(text).as_deref() == Some("image-name"), "{text}");
        }
    }
}
