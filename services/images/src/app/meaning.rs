//! What people mean by the text with which they name an image.

use hearth_base::{Error, Result, ToolName};

use crate::names::{ImageName, Reference, shown};

/// What a text means.
#[derive(Debug, PartialEq, Eq)]
pub enum Meaning {
    /// A provided image by a short name or alias.
    Short(String),
    /// A repository, with a tag or digest when one was told.
    Full {
        /// The tool in its first part; none for `hearth/`.
        tool: Option<ToolName>,
        name: ImageName,
        tag: Option<String>,
        digest: Option<String>,
    },
}

/// Understands `text`: `SHORT`, `[HOST/]tool-TOOL/NAME[:TAG][@DIGEST]`, `[HOST/]hearth/NAME…`. `hosts` are the names
/// of this Hearth.
pub fn meaning(text: &str, hosts: &[String]) -> Result<Meaning> {
    let (rest, digest) = match text.split_once('@') {
        Some((rest, digest)) => (rest, Some(digest.to_owned())),
        None => (text, None),
    };
    let segments: Vec<&str> = rest.split('/').collect();
    let (space, last) = match segments[..] {
        [short] if digest.is_none() => return Ok(Meaning::Short(short.to_owned())),
        [space, last] => (space, last),
        [host, space, last] if hosts.iter().any(|own| is_host(host, own)) => (space, last),
        [_, _, _] => return Err(foreign(text)),
        _ => return Err(unreadable(text)),
    };
    let (name, tag) = match last.split_once(':') {
        Some((name, tag)) => (name, Some(tag.to_owned())),
        None => (last, None),
    };
    let tool = match space.strip_prefix("tool-") {
        Some(tool) => Some(tool.parse().map_err(|_| unreadable(text))?),
        None if space == crate::names::PROVIDED => None,
        None => return Err(foreign(text)),
    };
    let name = name.parse().map_err(|_| unreadable(text))?;
    Ok(Meaning::Full { tool, name, tag, digest })
}

/// The reference within the repository: the digest where there is one.
pub fn reference(tag: Option<&str>, digest: Option<&str>) -> Result<Reference> {
    digest.or(tag).unwrap_or("latest").parse()
}

/// Whether a host as it was written is one of this Hearth's; on which port does not matter.
fn is_host(written: &str, own: &str) -> bool {
    let name = |host: &str| host.rsplit_once(':').map_or(host, |(name, _)| name).to_ascii_lowercase();
    name(written) == name(own)
}

fn foreign(text: &str) -> Error {
    Error::invalid("image-elsewhere", format!("{} is not an image of this Hearth", shown(text)))
        .help("push it first: skopeo copy docker://… docker://REGISTRY/tool-TOOL/NAME")
}

fn unreadable(text: &str) -> Error {
    Error::invalid("image-name", format!("{} does not name an image", shown(text)))
        .help("name a provided one as in python3.11, or your own as tool-TOOL/NAME:TAG")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Meaning> {
        meaning(text, &["tools.example.org:8080".to_owned(), "hearth.internal".to_owned()])
    }

    #[test]
    fn short_and_full_names_are_understood() -> Result<()> {
        assert_eq!(of("python3.11")?, Meaning::Short("python3.11".to_owned()));
        let full = |tag: Option<&str>, digest: Option<&str>| Meaning::Full {
            tool: "hello".parse().ok(),
            name: "web".parse().unwrap(),
            tag: tag.map(str::to_owned),
            digest: digest.map(str::to_owned),
        };
        assert_eq!(of("tool-hello/web")?, full(None, None));
        assert_eq!(of("tools.example.org/tool-hello/web:v1")?, full(Some("v1"), None));
        assert_eq!(
            of("HEARTH.internal:80/tool-hello/web:v1@sha256:00")?,
            full(Some("v1"), Some("sha256:00"))
        );
        Ok(())
    }

    #[test]
    fn what_is_elsewhere_or_nothing_is_told_apart() {
        let code = |text: &str| of(text).err().map(|error| error.code().to_owned());
        assert_eq!(code("elsewhere.example/library/debian").as_deref(), Some("image-elsewhere"));
        assert_eq!(code("library/debian").as_deref(), Some("image-elsewhere"));
        for text in
            ["", "x@sha256:00", "tool-hello/", "tool-/web", "tool-hello/..", "a/b/c/d", "tool-hello/a b"]
        {
            assert!(text.is_empty() || code(text).as_deref() == Some("image-name"), "{text}");
        }
    }
}
