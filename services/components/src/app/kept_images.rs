//! Images that components keep without a build.

use std::collections::BTreeMap;

use hearth_base::{Error, JobName, Result, join_first_names};
use hearth_wire::components::{DeploySource, RevisionComponent};

use super::revision_spec;
use crate::spec::{BuildSpec, ComponentImage, ComponentSpec, ToolSpec};

/// The maximum number of components that an error names.
const MAX_NAMED_COMPONENTS: usize = 10;

/// Gives each component that would be built the image that it has in the newest revision. Error `build-needed` (conflict)
/// with the components that have none, or whose build is another one.
pub fn keep_all_images(spec: &mut ToolSpec, images: &BTreeMap<JobName, RevisionComponent>) -> Result<()> {
    let mut problems = Vec::new();
    for (name, component) in &mut spec.components {
        let ComponentImage::Build(build) = &component.image else { continue };
        match find_kept_image(name, build, images) {
            Ok(kept) => keep_image(component, &kept),
            Err(reason) => problems.push((name.as_str(), reason)),
        }
    }
    let Some((_, reason)) = problems.first() else { return Ok(()) };
    let names: Vec<&str> = problems.iter().map(|(name, _)| *name).collect();
    let what = match names.as_slice() {
        [name] => format!("component {name} needs a build: {reason}"),
        names => format!(
            "components {} need a build; of the first, {reason}",
            join_first_names(names, MAX_NAMED_COMPONENTS)
        ),
    };
    Err(Error::conflict("build-needed", what).help("hearth deploy"))
}

/// Lets components whose source has not changed since the newest revision keep their images. One whose digest is not known
/// is built.
pub fn keep_unchanged_images(spec: &mut ToolSpec, images: &BTreeMap<JobName, RevisionComponent>) {
    for (name, component) in &mut spec.components {
        let ComponentImage::Build(build) = &component.image else { continue };
        let former = images.get(name).and_then(|former| former.source_digest.as_deref());
        if former.is_some()
            && former == component.source_digest.as_deref()
            && let Ok(kept) = find_kept_image(name, build, images)
        {
            keep_image(component, &kept);
        }
    }
}

fn keep_image(component: &mut ComponentSpec, kept: &RevisionComponent) {
    (component.image, component.kept_build) = revision_spec::keep_image(kept);
    if component.source_digest.is_none() {
        component.source_digest.clone_from(&kept.source_digest);
    }
}

/// Finds the component of the newest revision whose image is that of the same build, apart from branch and commit. An error
/// is the reason why there is none.
fn find_kept_image(
    name: &JobName,
    build: &BuildSpec,
    images: &BTreeMap<JobName, RevisionComponent>,
) -> Result<RevisionComponent, &'static str> {
    let former = images.get(name).ok_or("the newest revision does not have it")?;
    // A component that shares a build has no source of its own.
    let shares_image =
        |other: &&RevisionComponent| other.job.imagename == former.job.imagename && other.source.is_some();
    let built = match former.source {
        Some(_) => former,
        None => images.values().find(shares_image).ok_or("the source of its image is not known")?,
    };
    let has_same_source = match (&build.source, &built.source) {
        (_, None | Some(DeploySource::Image(_))) => return Err("it had an existing image so far"),
        (DeploySource::Git(git), Some(DeploySource::Git(former))) => git.url == former.url,
        (DeploySource::Upload(_), Some(DeploySource::Upload(_))) => true,
        // Without a source of its own, it keeps what was built last.
        (DeploySource::Image(_), Some(_)) => true,
        _ => false,
    };
    if !has_same_source {
        return Err("its source is another one than that of its image");
    }
    if build.folder != built.folder || build.recipe != built.recipe {
        return Err("its folder or recipe is another one than that of its image");
    }
    let RevisionComponent { source, resolved_ref, folder, recipe, .. } = built.clone();
    Ok(RevisionComponent { source, resolved_ref, folder, recipe, ..former.clone() })
}

#[cfg(test)]
mod tests {
    use hearth_wire::{
        components::{ComponentPhase, GitSource},
        jobs::JobCreate,
    };

    use super::*;

    fn git_source(url: &str, reference: &str) -> DeploySource {
        DeploySource::Git(GitSource { url: url.to_owned(), reference: Some(reference.to_owned()) })
    }

    fn build_spec(names: &[&str], source: &DeploySource, digest: Option<&str>) -> Result<ToolSpec> {
        let components = names.iter().map(|name| {
            let build = BuildSpec { source: source.clone(), folder: None, recipe: None, builder: None };
            let job = JobCreate::new(name.parse()?, "", "./run");
            let spec = ComponentSpec {
                source_digest: digest.map(str::to_owned),
                ..ComponentSpec::new(ComponentImage::Build(build), job, ComponentPhase::Main)
            };
            Ok((name.parse()?, spec))
        });
        Ok(ToolSpec { components: components.collect::<Result<_>>()?, is_complete: true })
    }

    fn build_images(names: &[(&str, Option<DeploySource>)]) -> Result<BTreeMap<JobName, RevisionComponent>> {
        let images = names.iter().map(|(name, source)| {
            let component = RevisionComponent {
                source: source.clone(),
                resolved_ref: "9f3c2ab".to_owned(),
                source_digest: Some("digest".to_owned()),
                ..RevisionComponent::new(JobCreate::new(name.parse()?, "hearth/hello@sha256:00", "./run"))
            };
            Ok((name.parse()?, component))
        });
        images.collect()
    }

    #[test]
    fn every_build_is_replaced_by_the_image_of_the_newest_revision() -> Result<()> {
        let mut spec = build_spec(&["web", "worker"], &git_source("https://a", "develop"), None)?;
        let images = build_images(&[("web", Some(git_source("https://a", "main"))), ("worker", None)])?;
        keep_all_images(&mut spec, &images)?;
        for component in spec.components.values() {
            assert_eq!(component.image, ComponentImage::Image("hearth/hello@sha256:00".to_owned()));
            let kept = component.kept_build.as_ref().map(|kept| (&*kept.resolved_ref, &kept.build.source));
            assert_eq!(kept, Some(("9f3c2ab", &git_source("https://a", "main"))));
        }
        Ok(())
    }

    #[test]
    fn component_without_an_image_of_its_build_is_named() -> Result<()> {
        let images = build_images(&[
            ("web", Some(git_source("https://a", "main"))),
            ("image", Some(DeploySource::Image("python3.13".to_owned()))),
        ])?;
        for (names, url, message) in [
            (
                &["web", "new"][..],
                "https://a",
                "component new needs a build: the newest revision does not have it",
            ),
            (
                &["web"],
                "https://b",
                "component web needs a build: its source is another one than that of its image",
            ),
            (&["image"], "https://a", "component image needs a build: it had an existing image so far"),
        ] {
            let refused = keep_all_images(&mut build_spec(names, &git_source(url, "main"), None)?, &images);
            let error =
                refused.err().map(|error| (error.code().to_owned(), error.public_message().to_owned()));
            assert_eq!(error, Some(("build-needed".to_owned(), message.to_owned())));
        }
        Ok(())
    }

    #[test]
    fn component_keeps_its_image_only_if_its_source_is_known_to_be_the_same() -> Result<()> {
        let source = git_source("https://a", "main");
        let images = build_images(&[("web", Some(source.clone()))])?;
        for (digest, is_built) in [(Some("digest"), false), (Some("other"), true), (None, true)] {
            let mut spec = build_spec(&["web"], &source, digest)?;
            keep_unchanged_images(&mut spec, &images);
            let built = spec.components.values().any(|one| matches!(one.image, ComponentImage::Build(_)));
            assert_eq!(built, is_built, "{digest:?}");
        }
        Ok(())
    }
}
