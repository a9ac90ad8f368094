//! Plans: the changes that a deployment would make.

use std::collections::BTreeMap;

use hearth_base::{JobName, Result, Role, SourceId, ToolId};
use hearth_wire::{
    components::{
        DeploySource, DeploymentCreate, DeploymentPlan, DeploymentPlanQuery, PlannedAction, PlannedComponent,
        Revision, compare_jobs,
    },
    jobs::JobCreate,
};

use super::request;
use crate::{
    context::ComponentsContext,
    spec::{ComponentImage, ComponentSpec, ToolSpec},
    store::{ComponentProgress, ComponentRollout, PreviousJob},
};

/// Plans a deployment without changing anything: no mandate is created, and no build is requested. Returns the plan with
/// warnings about the configuration. Errors: those of creating the deployment.
pub async fn plan_deployment(
    cx: &ComponentsContext,
    tool: ToolId,
    mut create: DeploymentCreate,
    query: &DeploymentPlanQuery,
) -> Result<(DeploymentPlan, Vec<String>)> {
    if query.folder && create.source.is_none() {
        // Only its kind is described.
        create.source = Some(DeploySource::Upload(SourceId::new(cx.now(), &cx.entropy)));
    }
    let previous = cx.store.find_newest_revision(tool).await?;
    let requested = request::read_request(cx, tool, create, false).await?;
    let jobs = cx.clients.create_client(Role::Jobs)?.jobs().list_definitions(tool).await?;
    let current: BTreeMap<JobName, JobCreate> = jobs.into_iter().map(|job| (job.name.clone(), job)).collect();
    let environment = requested.environment;
    let images = resolve_images(cx, tool, &requested.spec).await?;
    let tool_state = PlanInput { current: &current, previous: previous.as_ref(), images: &images };
    let components = plan_changes(&tool_state, &requested.spec, environment.as_deref());
    Ok((DeploymentPlan { components, environment }, requested.warnings))
}

/// Resolves the named images to those with a digest, as jobs have them.
async fn resolve_images(
    cx: &ComponentsContext,
    tool: ToolId,
    wanted: &ToolSpec,
) -> Result<BTreeMap<String, String>> {
    let images = cx.clients.create_client(Role::Images)?;
    let mut resolved = BTreeMap::new();
    for component in wanted.components.values() {
        if let ComponentImage::Image(image) = &component.image
            && !resolved.contains_key(image)
        {
            let found = images.images_internal().resolve(tool, image).await?;
            resolved.insert(image.clone(), found.reference);
        }
    }
    Ok(resolved)
}

/// The state of the tool that a deployment is compared with.
struct PlanInput<'a> {
    /// The definitions of the tool's jobs, without defaults.
    current: &'a BTreeMap<JobName, JobCreate>,
    previous: Option<&'a Revision>,
    /// The images that the deployment names, with their digests.
    images: &'a BTreeMap<String, String>,
}

/// Compares what a tool runs with what a deployment wants.
fn plan_changes(
    state: &PlanInput<'_>,
    wanted: &ToolSpec,
    environment: Option<&str>,
) -> Vec<PlannedComponent> {
    let PlanInput { current, previous, .. } = state;
    let named = wanted.components.iter();
    let mut planned: Vec<PlannedComponent> =
        named.map(|(name, spec)| plan_component(state, name, spec, wanted)).collect();
    let removed = previous.map(Revision::list_components).unwrap_or_default().into_keys().filter(|name| {
        wanted.is_complete
            && name.find_environment() == environment
            && !wanted.components.contains_key(name)
            && current.contains_key(name)
    });
    planned.extend(removed.map(|name| PlannedComponent {
        name,
        action: PlannedAction::Remove,
        image: String::new(),
        needs_build: false,
        changes: Vec::new(),
    }));
    planned.sort_by(|one, other| one.name.cmp(&other.name));
    planned
}

fn plan_component(
    state: &PlanInput<'_>,
    name: &JobName,
    spec: &ComponentSpec,
    wanted: &ToolSpec,
) -> PlannedComponent {
    let current = state.current.get(name);
    let owner = wanted.components.get(spec.image_owner(name)).unwrap_or(spec);
    let needs_build = matches!(owner.image, ComponentImage::Build(_));
    let before = current.map_or(PreviousJob::Nothing, |job| PreviousJob::Job(Box::new(job.clone())));
    let progress = ComponentProgress {
        before: Some(before),
        command: spec.job.cmd.clone(),
        ..ComponentProgress::default()
    };
    let definition = ComponentRollout { spec: spec.clone(), progress }.build_definition(wanted.is_complete);
    let mut changes = compare_jobs(current, Some(&definition));
    // The image is described apart. Without a command, the image decides.
    changes.retain(|change| {
        change.field != "imagename" && (change.field != "cmd" || !definition.cmd.is_empty())
    });
    let has_other_image = match &owner.image {
        ComponentImage::Image(image) => {
            let resolved = state.images.get(image).unwrap_or(image);
            current.is_none_or(|job| job.imagename != *resolved)
        }
        ComponentImage::Build(_) | ComponentImage::ReuseFrom(_) => false,
    };
    let action = match current {
        _ if !spec.phase.is_main() => PlannedAction::Run,
        None => PlannedAction::Create,
        Some(_) if !changes.is_empty() || has_other_image => PlannedAction::Update,
        Some(_) => PlannedAction::Keep,
    };
    PlannedComponent { name: name.clone(), action, image: describe_image(owner), needs_build, changes }
}

fn describe_image(owner: &ComponentSpec) -> String {
    match &owner.image {
        ComponentImage::Image(_) if owner.kept_build.is_some() => "the image that it has".to_owned(),
        ComponentImage::Image(image) => format!("the image {image}"),
        ComponentImage::ReuseFrom(owner) => format!("the image of {owner}"),
        ComponentImage::Build(build) => {
            let source = match &build.source {
                DeploySource::Git(git) => match &git.reference {
                    Some(reference) => format!("{} at {reference}", git.url),
                    None => git.url.clone(),
                },
                DeploySource::Upload(_) => "the uploaded folder".to_owned(),
                DeploySource::Image(image) => image.clone(),
            };
            match &build.folder {
                Some(folder) => format!("a build of the folder {folder} of {source}"),
                None => format!("a build of {source}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hearth_wire::components::ComponentPhase;

    use super::*;

    fn build_spec(components: &[(&str, &str)]) -> Result<ToolSpec> {
        let build = |(name, command): &(&str, &str)| {
            let job = JobCreate::new(name.parse()?, "", *command);
            let image = ComponentImage::Image("python3.13".to_owned());
            Ok((job.name.clone(), ComponentSpec::new(image, job, ComponentPhase::Main)))
        };
        Ok(ToolSpec { components: components.iter().map(build).collect::<Result<_>>()?, is_complete: true })
    }

    fn list_actions(planned: &[PlannedComponent]) -> Vec<(&str, PlannedAction)> {
        planned.iter().map(|component| (component.name.as_str(), component.action)).collect()
    }

    #[test]
    fn plan_names_each_change_of_a_job() -> Result<()> {
        let wanted = build_spec(&[("web", "./serve"), ("worker", "./work"), ("new", "./new")])?;
        let current = ["web", "worker", "by-hand"].map(|name| {
            let name: JobName = name.parse()?;
            Ok((name.clone(), JobCreate::new(name, "python3.13", "./serve")))
        });
        let current = current.into_iter().collect::<Result<BTreeMap<_, _>>>()?;
        let images = BTreeMap::new();
        let state = PlanInput { current: &current, previous: None, images: &images };
        let planned = plan_changes(&state, &wanted, None);
        let expected =
            [("new", PlannedAction::Create), ("web", PlannedAction::Keep), ("worker", PlannedAction::Update)];
        assert_eq!(list_actions(&planned), expected);
        assert_eq!(planned[2].changes.iter().map(|change| &*change.field).collect::<Vec<_>>(), ["cmd"]);
        let other_image = build_spec(&[("web", "./serve")])?;
        let current =
            BTreeMap::from([("web".parse()?, JobCreate::new("web".parse()?, "python3.11", "./serve"))]);
        let state = PlanInput { current: &current, previous: None, images: &images };
        let planned = plan_changes(&state, &other_image, None);
        assert_eq!(list_actions(&planned), [("web", PlannedAction::Update)]);
        Ok(())
    }
}
