//! The components of a revision, and the deployment that restores them.

use std::collections::BTreeMap;

use hearth_base::JobName;
use hearth_wire::{
    components::{ComponentPhase, Revision, RevisionComponent},
    jobs::{JobCreate, JobType},
};

use crate::{
    spec::{ComponentImage, ComponentSpec, ToolSpec, find_environment},
    store::DeploymentContent,
};

/// The port of a component that listens on none.
const NO_PORT: u16 = 0;

/// Lists the components of a revision. One of release 0.1.0 has the component that its other fields describe.
pub fn list_components(revision: &Revision) -> BTreeMap<JobName, RevisionComponent> {
    if !revision.components.is_empty() {
        return revision.components.clone();
    }
    let job_type = if revision.schedule.is_some() { JobType::Scheduled } else { JobType::Continuous };
    let job = JobCreate {
        job_type: Some(job_type),
        port: Some(revision.port).filter(|port| *port != NO_PORT),
        publish: revision.schedule.is_none().then_some(revision.publish),
        schedule: revision.schedule.clone(),
        timezone: revision.timezone.clone(),
        ..JobCreate::new(revision.component.clone(), &*revision.image, &*revision.command)
    };
    let component = RevisionComponent {
        job,
        source: Some(revision.source.clone()),
        resolved_ref: revision.resolved_ref.clone(),
        phase: ComponentPhase::Main,
    };
    BTreeMap::from([(revision.component.clone(), component)])
}

/// Builds what a rollback to a revision deploys: all its components with their images, without one-off ones, which ran
/// when the revision was deployed. A revision of release 0.1.0 keeps the other settings of its job.
pub fn build_rollback_spec(revision: &Revision) -> ToolSpec {
    let of_environment = |name: &JobName| find_environment(name) == revision.environment.as_deref();
    let mut main = list_components(revision);
    main.retain(|name, component| component.phase.is_main() && of_environment(name));
    let components = main.into_iter().map(|(name, RevisionComponent { job, phase, .. })| {
        let image = ComponentImage::Image(job.imagename.clone());
        let job = JobCreate { imagename: String::new(), ..job };
        (name, ComponentSpec { image, job, phase })
    });
    ToolSpec { components: components.collect(), is_complete: !revision.components.is_empty() }
}

/// True if a deployment leaves a component of the previous revision as it is, unless it names it: a deployment of one
/// folder leaves all others, and a complete one those of other environments.
pub fn is_kept(content: &DeploymentContent, component: &JobName) -> bool {
    !content.is_complete || find_environment(component) != content.environment.as_deref()
}

/// Builds the components of the revision that a deployment creates: its own, and those of the previous revision that it
/// leaves as they are.
pub fn build_components(
    content: &DeploymentContent,
    previous: Option<&Revision>,
) -> BTreeMap<JobName, RevisionComponent> {
    let mut components = previous.map(list_components).unwrap_or_default();
    components.retain(|name, _| is_kept(content, name));
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
