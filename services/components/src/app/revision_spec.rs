//! The components of a revision, and the deployment that restores them.

use std::collections::BTreeMap;

use hearth_base::JobName;
use hearth_wire::{
    components::{DeploySource, Revision, RevisionComponent},
    jobs::JobCreate,
};

use crate::{
    spec::{BuildSpec, ComponentImage, ComponentSpec, KeptBuild, ToolSpec},
    store::DeploymentContent,
};

/// Builds the specification of a rollback to a revision: the components that it restores, with their images. A revision of release 0.1.0 keeps the other settings of its job.
pub fn build_rollback_spec(revision: &Revision) -> ToolSpec {
    let restored = revision.list_restored_components();
    let components = restored.into_iter().map(|(name, component)| {
        let (image, kept_build) = keep_image(&component);
        let RevisionComponent { job, phase, source_digest, .. } = component;
        let job = JobCreate { imagename: String::new(), ..job };
        (name, ComponentSpec { image, job, phase, kept_build, source_digest })
    });
    ToolSpec { components: components.collect(), is_complete: !revision.components.is_empty() }
}

/// Returns the image of a revision's component as an existing one, with the build that it comes from.
pub fn keep_image(component: &RevisionComponent) -> (ComponentImage, Option<Box<KeptBuild>>) {
    let source = component.source.clone().filter(|source| !matches!(source, DeploySource::Image(_)));
    let kept_build = source.map(|source| {
        let RevisionComponent { folder, recipe, resolved_ref, .. } = component.clone();
        Box::new(KeptBuild { build: BuildSpec { source, folder, recipe, builder: None }, resolved_ref })
    });
    (ComponentImage::Image(component.job.imagename.clone()), kept_build)
}

/// True if a deployment leaves a component of the previous revision as it is, unless it names it: a deployment of one
/// folder leaves all others, and a complete one those of other environments.
pub fn is_kept(content: &DeploymentContent, component: &JobName) -> bool {
    !content.is_complete || component.find_environment() != content.environment.as_deref()
}

/// Builds the components of the revision that a deployment creates: its own, and those of the previous revision that it
/// leaves as they are.
pub fn build_components(
    content: &DeploymentContent,
    previous: Option<&Revision>,
) -> BTreeMap<JobName, RevisionComponent> {
    let mut components = previous.map(Revision::list_components).unwrap_or_default();
    let has_image = |name: &JobName| content.kept_components.as_ref().is_none_or(|kept| kept.contains(name));
    components.retain(|name, _| is_kept(content, name) && has_image(name));
    for (name, rollout) in &content.components {
        let owner = content.components.get(content.find_image_owner(name)).unwrap_or(rollout);
        let component = RevisionComponent {
            job: rollout.build_definition(content.is_complete),
            source: rollout.spec.deploy_source(),
            resolved_ref: owner.progress.resolved_ref.clone(),
            folder: rollout.spec.find_build().and_then(|build| build.folder.clone()),
            recipe: rollout.spec.find_build().and_then(|build| build.recipe),
            source_digest: rollout.spec.source_digest.clone(),
            phase: rollout.spec.phase,
        };
        components.insert(name.clone(), component);
    }
    components
}
