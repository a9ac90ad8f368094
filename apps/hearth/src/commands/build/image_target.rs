//! Images that commands about builds name: by a build, or by a name with a tag or digest.

use hearth_base::{BuildId, Digest, Error, Result, ToolName};
use hearth_wire::{builds::Build, reply::Paging};

use super::image_layers::find_image_digest;
use crate::tool_session::ToolSession;

/// An image, with the build that must have made it.
pub struct ImageTarget {
    pub image: String,
    pub digest: Digest,
    pub build: Option<Build>,
}

/// Finds the image that a build made, or that a name and a tag or digest say.
pub async fn find_image_target(session: &ToolSession<'_>, text: Option<&str>) -> Result<ImageTarget> {
    let Some(text) = text.filter(|text| text.parse::<BuildId>().is_err()) else {
        let id = text.map(str::parse::<BuildId>).transpose()?;
        let build = super::find_build(session, id).await?;
        let digest = find_image_digest(&build).ok_or_else(|| {
            let message = format!("the build {} has made no image", build.build_id);
            Error::conflict("no-image", message).help(format!("hearth build show {}", build.build_id))
        })?;
        let image = build.parameters.image_name.clone();
        return Ok(ImageTarget { image, digest, build: Some(build) });
    };
    let (image, reference) = split_image_name(text, session.tool_name())?;
    let digest = match reference {
        ImageVersion::Digest(digest) => digest,
        ImageVersion::Tag(tag) => {
            let images = session.client().images();
            let tags =
                session.send(images.list_tags(session.tool_name(), &image, &Paging::default())).await?;
            let found = tags.items.into_iter().find(|known| known.tag == tag);
            found.ok_or_else(|| Error::not_found("image", text).help("hearth build list"))?.digest
        }
    };
    Ok(ImageTarget { image, digest, build: None })
}

#[derive(Debug, PartialEq, Eq)]
enum ImageVersion {
    Tag(String),
    Digest(Digest),
}

/// Splits `[[HOST/]tool-TOOL/]NAME[:TAG][@DIGEST]`.
fn split_image_name(text: &str, tool: &ToolName) -> Result<(String, ImageVersion)> {
    let (path, digest) = match text.split_once('@') {
        Some((path, digest)) => (path, Some(digest.parse()?)),
        None => (text, None),
    };
    let mut parts = path.rsplit('/');
    let last = parts.next().unwrap_or_default();
    if let Some(space) = parts.next()
        && space.strip_prefix("tool-") != Some(tool.as_str())
    {
        let message = format!("the image {text:?} is not one of the tool {tool}");
        return Err(Error::invalid("image-name", message).help("name its tool: --tool TOOL"));
    }
    let (name, tag) = last.split_once(':').unwrap_or((last, "latest"));
    let version = digest.map_or_else(|| ImageVersion::Tag(tag.to_owned()), ImageVersion::Digest);
    Ok((name.to_owned(), version))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_names_with_tag_or_digest_are_split() -> Result<()> {
        let tool: ToolName = "hello".parse()?;
        let tag = |tag: &str| ImageVersion::Tag(tag.to_owned());
        assert_eq!(split_image_name("web", &tool)?, ("web".to_owned(), tag("latest")));
        assert_eq!(split_image_name("h.example:80/tool-hello/web:v1", &tool)?, ("web".to_owned(), tag("v1")));
        let digest = Digest::new([5; 32]);
        let named = split_image_name(&format!("tool-hello/web:v1@{digest}"), &tool)?;
        assert_eq!(named, ("web".to_owned(), ImageVersion::Digest(digest)));
        assert!(split_image_name("tool-other/web", &tool).is_err());
        assert!(split_image_name("web@sha256:00", &tool).is_err());
        Ok(())
    }
}
