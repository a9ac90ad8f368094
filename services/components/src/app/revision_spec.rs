//! The components of a revision, and the deployment that restores them.

use std::collections::BTreeMap;

use hearth_base::JobName;
use hearth_wire::{
    components::{Revision, RevisionComponent},
    jobs::JobCreate,
};

use crate::{
    spec::{ComponentImage, ComponentSpec, ToolSpec},
    store::DeploymentContent,
};

/// Builds the specification of a rollback to a revision: the components that it restores, with their images. A revision of release 0.1.0 keeps the other settings of its job.
pub fn build_rollback_spec(revision: &Revision) -> ToolSpec {
    let restored = revision.list_restored_components();
    let components = restored.into_iter().map(|(name, RevisionComponent { job, phase, .. })| {
        let image = ComponentImage::Image(job.imagename.clone());
        let job = JobCreate { imagename: String::new(), ..job };
        (name, ComponentSpec { image, job, phase })
    });
    ToolSpec { components: components.collect(), is_complete: !revision.components.is_empty() }
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
            phase: rollout.spec.phase,
        };
        components.insert(name.clone(), component);
    }
    components
}
