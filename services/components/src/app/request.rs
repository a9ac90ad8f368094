//! Requests of deployments: of one folder, a configuration, or an earlier revision.

use std::collections::BTreeMap;

use hearth_base::{EnvironmentName, Error, ErrorKind, JobName, Result, ToolId, check_plain_text};
use hearth_wire::{
    components::{ComponentPhase, DEFAULT_COMPONENT, DeploySource, DeploymentCreate, Revision},
    jobs::{JobCreate, JobType},
};

use super::{
    config::{self, ConfigContext, PRODUCTION_ENVIRONMENT, ParsedConfig},
    kept_images, revision_spec,
};
use crate::{
    context::ComponentsContext,
    spec::{BuildSpec, ComponentImage, ComponentSpec, DEFAULT_PORT, ToolSpec},
};

/// The maximum number of components whose files have a digest, as in a configuration.
const MAX_SOURCE_DIGESTS: usize = 64;
/// The time limit of a one-off component that names none, in seconds.
const ONE_OFF_TIMEOUT_SECONDS: u32 = 3600;

/// A checked request of a deployment.
#[derive(Debug)]
pub struct DeploymentRequest {
    pub description: String,
    pub spec: ToolSpec,
    /// The environment of the components; `None` for production.
    pub environment: Option<String>,
    /// The configuration that the components were read from.
    pub config: Option<String>,
    /// The revision that the components were read from: the request is a rollback.
    pub restored_revision: Option<u32>,
    /// Warnings about the configuration.
    pub warnings: Vec<String>,
}

/// Reads a request of a deployment: of a revision, its own configuration, its source as one component, or the stored
/// configuration of the tool. Components keep images of the newest revision where the request says so, or
/// their sources have not changed; with `force_build`, these are built too.
pub async fn read_request(
    cx: &ComponentsContext,
    tool: ToolId,
    create: DeploymentCreate,
    force_build: bool,
) -> Result<DeploymentRequest> {
    check_plain_text("description", &create.description, 0..=500)?;
    if let Some(source) = &create.source {
        check_source(source)?;
    }
    check_digests(&create)?;
    if create.keep_images && (create.source.is_some() || create.revision.is_some()) {
        let what = "a deployment that keeps all images takes no source and no revision";
        return Err(Error::invalid("images-and-source", what).help("leave the source out, or keep_images"));
    }
    let mut create = create;
    create.environment = create.environment.filter(|environment| environment != PRODUCTION_ENVIRONMENT);
    create.environment.as_deref().map_or(Ok(()), refuse_preview)?;
    let description = create.description.clone();
    if let Some(number) = create.revision {
        if create.source.is_some() || create.config.is_some() || create.environment.is_some() {
            return Err(Error::invalid(
                "revision-and-source",
                "a rollback to a revision takes no source and no configuration",
            )
            .help("name the revision alone: {\"revision\": 12}"));
        }
        return read_revision(cx, tool, number, description).await;
    }
    let text = match (&create.config, &create.source) {
        (Some(text), Some(_)) if !config::names_components(text)? => None,
        (Some(text), _) => Some(text.clone()),
        (None, Some(_)) => None,
        (None, None) => Some(find_stored_text(cx, tool).await?),
    };
    match text {
        None => {
            let spec = build_single_component(create)?;
            check_names(&spec, None)?;
            Ok(DeploymentRequest {
                description,
                spec,
                environment: None,
                config: None,
                restored_revision: None,
                warnings: Vec::new(),
            })
        }
        Some(text) => {
            refuse_component_choices(&create)?;
            let context = ConfigContext {
                source: create.source,
                environment: create.environment.clone(),
                keeps_images: create.keep_images,
                source_digests: create.source_digests,
            };
            let ParsedConfig { mut spec, warnings, .. } = config::resolve_config(cx, &text, &context).await?;
            keep_images(cx, tool, &mut spec, context.keeps_images, force_build).await?;
            let spec = complete_one_offs(share_builds(spec));
            check_names(&spec, context.environment.as_deref())?;
            Ok(DeploymentRequest {
                description,
                spec,
                environment: create.environment,
                config: Some(text),
                restored_revision: None,
                warnings,
            })
        }
    }
}

/// Refuses a preview: only merge requests deploy it.
fn refuse_preview(environment: &str) -> Result<()> {
    let name = environment.parse::<EnvironmentName>();
    if name.is_ok_and(|name| name.find_preview().is_some()) {
        let what = format!("{environment} is the name of a preview, which a merge request deploys");
        return Err(Error::invalid("environment-name", what)
            .help("push a commit to the merge request, or name an environment of the configuration"));
    }
    Ok(())
}

/// Checks the number and the form of the digests that a client computed.
fn check_digests(create: &DeploymentCreate) -> Result<()> {
    if create.source_digests.len() > MAX_SOURCE_DIGESTS {
        let count = create.source_digests.len();
        let what = format!("source_digests has {count} components; at most {MAX_SOURCE_DIGESTS}");
        return Err(Error::invalid("source-digests", what).help("name the components of the configuration"));
    }
    let mut digests = create.source_digests.values();
    digests.try_for_each(|digest| check_plain_text("source digest", digest, 1..=200))
}

/// Gives components the images that they keep: all of them, or those of unchanged sources unless a build is forced.
async fn keep_images(
    cx: &ComponentsContext,
    tool: ToolId,
    spec: &mut ToolSpec,
    keeps_all: bool,
    force_build: bool,
) -> Result<()> {
    let has_digests = spec.components.values().any(|component| component.source_digest.is_some());
    if !keeps_all && (force_build || !has_digests) {
        return Ok(());
    }
    let previous = cx.store.find_newest_revision(tool).await?;
    let images = previous.as_ref().map(Revision::list_components).unwrap_or_default();
    if keeps_all {
        return kept_images::keep_all_images(spec, &images);
    }
    kept_images::keep_unchanged_images(spec, &images);
    Ok(())
}

/// Finds the text of the tool's stored configuration, which a request without a source deploys.
async fn find_stored_text(cx: &ComponentsContext, tool: ToolId) -> Result<String> {
    let stored = cx.store.find_config(tool).await?.map(|stored| stored.text);
    stored.ok_or_else(|| {
        let what = "the deployment names no source, and the tool has no stored configuration";
        Error::new(ErrorKind::Unprocessable, "no-source", what)
            .help("name a source: {\"source\": {\"git\": {\"url\": …}}}, or run hearth deploy in its folder")
    })
}

/// Refuses choices for one component beside a configuration, which names them for each.
fn refuse_component_choices(create: &DeploymentCreate) -> Result<()> {
    let choices = [
        ("folder", create.folder.is_some()),
        ("recipe", create.recipe.is_some()),
        ("builder", create.builder.is_some()),
        ("component", create.component.is_some()),
        ("command", create.command.is_some()),
        ("port", create.port.is_some()),
        ("publish", create.publish.is_some()),
        ("schedule", create.schedule.is_some()),
        ("timezone", create.timezone.is_some()),
        ("mount", create.mount.is_some()),
    ];
    let given: Vec<&str> = choices.iter().filter(|(_, is_given)| *is_given).map(|(name, _)| *name).collect();
    if given.is_empty() {
        return Ok(());
    }
    let what = format!("a configuration names the components; the request also has {}", given.join(", "));
    Err(Error::invalid("config-and-component", what)
        .help("set them in the configuration, for each component"))
}

/// Refuses components whose names look like those of another environment, `COMPONENT--ENVIRONMENT`: the deployment of one
/// environment would remove those of another.
fn check_names(spec: &ToolSpec, environment: Option<&str>) -> Result<()> {
    match spec.components.keys().find(|name| name.find_environment() != environment) {
        None => Ok(()),
        Some(name) => {
            let what = format!("the component {name} has -- in its name, which is kept for environments");
            Err(Error::invalid("component-name", what).help("choose a name without --"))
        }
    }
}

/// Sets the type and the time limit of one-off components: a program that hangs would block the tool's deployments.
fn complete_one_offs(mut spec: ToolSpec) -> ToolSpec {
    for component in spec.components.values_mut().filter(|component| !component.phase.is_main()) {
        component.job.job_type = Some(JobType::OneOff);
        let timeout = component.job.timeout.filter(|seconds| *seconds > 0);
        component.job.timeout = timeout.or(Some(ONE_OFF_TIMEOUT_SECONDS));
    }
    spec
}

/// Lets components with the same build share its image, so that it is built once.
pub fn share_builds(mut spec: ToolSpec) -> ToolSpec {
    let mut owners: Vec<(BuildSpec, JobName)> = Vec::new();
    let mut shared = BTreeMap::new();
    for (name, component) in &mut spec.components {
        let ComponentImage::Build(build) = &component.image else { continue };
        match owners.iter().find(|(owned, _)| owned == build) {
            Some((_, owner)) => {
                shared.insert(name.clone(), owner.clone());
                component.image = ComponentImage::ReuseFrom(owner.clone());
            }
            None => owners.push((build.clone(), name.clone())),
        }
    }
    // A component may reuse the image of one that shares it now itself.
    for component in spec.components.values_mut() {
        if let ComponentImage::ReuseFrom(owner) = &component.image
            && let Some(owner) = shared.get(owner)
        {
            component.image = ComponentImage::ReuseFrom(owner.clone());
        }
    }
    spec
}

async fn read_revision(
    cx: &ComponentsContext,
    tool: ToolId,
    number: u32,
    description: String,
) -> Result<DeploymentRequest> {
    let found = cx.store.find_revision(tool, number).await?;
    let revision = found.ok_or_else(|| Error::not_found("revision", number).help("hearth revisions"))?;
    if !revision.kept {
        let what = format!("the images of revision {number} are no longer kept");
        return Err(Error::conflict("revision-not-kept", what)
            .help("choose a newer one: hearth revisions; or deploy its source again"));
    }
    let spec = revision_spec::build_rollback_spec(&revision);
    if spec.components.is_empty() {
        let what = format!("revision {number} has only one-off components, which do not run again");
        return Err(
            Error::conflict("nothing-to-roll-back", what).help("choose another one: hearth revisions")
        );
    }
    let (environment, config) = (revision.environment, revision.config);
    let (restored_revision, warnings) = (Some(number), Vec::new());
    Ok(DeploymentRequest { description, spec, environment, config, restored_revision, warnings })
}

fn check_source(source: &DeploySource) -> Result<()> {
    match source {
        DeploySource::Git(git) => {
            check_plain_text("address of the repository", &git.url, 1..=2000)?;
            check_plain_text("ref", git.reference.as_deref().unwrap_or_default(), 0..=250)
        }
        DeploySource::Image(image) => check_plain_text("image", image, 1..=500),
        DeploySource::Upload(_) => Ok(()),
    }
}

/// Checks the texts of a request, and that a scheduled component is neither published nor has a port. `jobs`
/// checks the schedule itself.
fn check_component(create: &DeploymentCreate) -> Result<()> {
    if let Some(command) = &create.command {
        check_plain_text("command", command, 1..=4000)?;
    }
    if create.port == Some(0) {
        return Err(Error::invalid("port", "invalid port 0: expected 1 to 65535"));
    }
    let Some(schedule) = &create.schedule else {
        return match &create.timezone {
            None => Ok(()),
            Some(_) => Err(Error::invalid("timezone", "the time zone has no schedule")
                .help("name a schedule too, or omit the time zone")),
        };
    };
    check_plain_text("schedule", schedule, 1..=200)?;
    check_plain_text("time zone", create.timezone.as_deref().unwrap_or_default(), 0..=100)?;
    if create.publish == Some(true) || create.port.is_some() {
        return Err(Error::invalid(
            "component-kind",
            "a component with a schedule cannot be published and has no port",
        )
        .help("omit the port and publish, or omit the schedule"));
    }
    Ok(())
}

/// Builds the component of a request that names a source and no configuration.
pub fn build_single_component(create: DeploymentCreate) -> Result<ToolSpec> {
    check_component(&create)?;
    let DeploymentCreate {
        source,
        folder,
        recipe,
        builder,
        component,
        command,
        port,
        publish,
        schedule,
        timezone,
        mount,
        ..
    } = create;
    let image = match source {
        Some(DeploySource::Image(image)) => ComponentImage::Image(image),
        Some(source) => ComponentImage::Build(BuildSpec { source, folder, recipe, builder }),
        None => return Err(Error::internal("the request has no source")),
    };
    let name = component.map_or_else(|| DEFAULT_COMPONENT.parse(), Ok)?;
    let publish = publish.unwrap_or(schedule.is_none());
    let command = command.filter(|command| !command.trim().is_empty()).unwrap_or_default();
    let job = JobCreate {
        job_type: Some(if schedule.is_some() { JobType::Scheduled } else { JobType::Continuous }),
        port: port.or(publish.then_some(DEFAULT_PORT)),
        publish: schedule.is_none().then_some(publish),
        schedule,
        timezone,
        mount,
        ..JobCreate::new(name.clone(), "", command)
    };
    let component = ComponentSpec::new(image, job, ComponentPhase::Main);
    Ok(ToolSpec { components: BTreeMap::from([(name, component)]), is_complete: false })
}
