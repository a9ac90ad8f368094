//! The components of revisions. A revision of release 0.1.0 has one, which its other fields describe.

use std::collections::BTreeMap;

use hearth_base::JobName;
use hearth_wire::{
    components::{ComponentPhase, Revision, RevisionComponent},
    jobs::{JobCreate, JobType},
};

/// Lists the components of a revision.
pub fn list_components(revision: &Revision) -> BTreeMap<JobName, RevisionComponent> {
    if !revision.components.is_empty() {
        return revision.components.clone();
    }
    let job_type = if revision.schedule.is_some() { JobType::Scheduled } else { JobType::Continuous };
    let job = JobCreate {
        job_type: Some(job_type),
        // 0 is the port of a component that listens on none.
        port: Some(revision.port).filter(|port| *port > 0),
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

/// Lists the components that a rollback to a revision deploys: those of its environment, without one-off ones, which ran
/// when the revision was deployed.
pub fn list_restored_components(revision: &Revision) -> BTreeMap<JobName, RevisionComponent> {
    let mut components = list_components(revision);
    components.retain(|name, component| {
        component.phase.is_main() && find_environment(name) == revision.environment.as_deref()
    });
    components
}

/// Finds the environment that a component of this name belongs to; `None` for production.
fn find_environment(component: &JobName) -> Option<&str> {
    component.as_str().rsplit_once("--").map(|(_, environment)| environment)
}
