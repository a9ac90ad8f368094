//! The deployment of a preview: which components run, and what they get.
//!
//! The stored configuration decides. The files of the merge request are only built: whatever its `hearth.yaml` says about
//! components, variables or previews is never read.

use std::collections::BTreeMap;

use hearth_base::{EnvironmentName, EnvvarName, Error, ErrorKind, JobName, PreviewNumber, Result, Role};
use hearth_wire::{
    components::{ConfigDocument, DeploySource, DeploymentCreate, GitSource, HearthPreviews},
    jobs::{Emails, JobCreate, JobPreview, JobType, MountMode},
};
use jiff::{SignedDuration, Timestamp};

use super::{
    config::{self, ConfigContext, ParsedConfig, build_job_name},
    request::{DeploymentRequest, build_single_component, share_builds},
};
use crate::{
    context::ComponentsContext,
    forge::is_same_repository,
    spec::{BuildSpec, ComponentImage, ComponentSpec, ToolSpec},
    store::StoredLink,
};

/// Reads the deployment of a merge request: that of the stored configuration, or without one of the repository as one
/// component. Errors: those of the configuration; `no-preview-component` (unprocessable).
pub async fn read_preview_request(
    cx: &ComponentsContext,
    link: &StoredLink,
    reference: &str,
    number: PreviewNumber,
) -> Result<DeploymentRequest> {
    let stored = cx.store.find_config(link.tool).await?.map(|stored| stored.text);
    let names_components = stored.as_deref().map(config::names_components).transpose()?.unwrap_or(false);
    let text = stored.filter(|_| names_components);
    let source = GitSource { url: link.repository.clone(), reference: Some(reference.to_owned()) };
    let (spec, settings) = match &text {
        None => {
            let source = Some(DeploySource::Git(source));
            let create = DeploymentCreate { source, ..DeploymentCreate::default() };
            (build_single_component(create)?, HearthPreviews::default())
        }
        Some(text) => {
            let context =
                ConfigContext { source: Some(DeploySource::Git(source.clone())), ..ConfigContext::default() };
            let ParsedConfig { spec, document, .. } = config::resolve_config(cx, text, &context).await?;
            match document {
                ConfigDocument::Hearth(config) => (spec, config.previews.unwrap_or_default()),
                // Each build of this format names a ref, which is that of production.
                ConfigDocument::Toolforge(_) => (build_source(spec, &source), HearthPreviews::default()),
            }
        }
    };
    let lifetime = settings.expire_after.unwrap_or(HearthPreviews::DEFAULT_LIFETIME_SECONDS);
    let expires = cx.now() + SignedDuration::from_secs(lifetime.into());
    let spec = build_preview_spec(spec, &PreviewTerms { number, expires, settings })?;
    Ok(DeploymentRequest {
        description: format!("merge request {number}"),
        spec,
        environment: Some(EnvironmentName::from_preview(number).to_string()),
        config: text,
        restored_revision: None,
        warnings: Vec::new(),
    })
}

/// Builds the error about a service of an earlier release, which ignores that a build or a job is of a preview and would run
/// its code as the tool: `preview-not-isolated` (conflict).
pub fn build_unsupported_error(service: Role) -> Error {
    let what = format!("the service {service} is of an earlier release and does not isolate previews");
    Error::conflict("preview-not-isolated", what).help("upgrade all services, then push another commit")
}

/// Lets every build of the repository build another ref.
fn build_source(mut spec: ToolSpec, source: &GitSource) -> ToolSpec {
    for component in spec.components.values_mut() {
        if let ComponentImage::Build(BuildSpec { source: DeploySource::Git(git), .. }) = &mut component.image
            && is_same_repository(&git.url, &source.url)
        {
            git.reference.clone_from(&source.reference);
        }
    }
    spec
}

/// The number and the end of a preview, and what it gets of the tool.
struct PreviewTerms {
    number: PreviewNumber,
    expires: Timestamp,
    settings: HearthPreviews,
}

/// Builds the components of a preview from those of production: the continuous ones, as jobs of the preview.
fn build_preview_spec(spec: ToolSpec, terms: &PreviewTerms) -> Result<ToolSpec> {
    let environment = EnvironmentName::from_preview(terms.number);
    let images: BTreeMap<JobName, (ComponentImage, bool)> = spec
        .components
        .iter()
        .map(|(name, component)| (name.clone(), (component.image.clone(), is_in_previews(component))))
        .collect();
    let mut components = BTreeMap::new();
    for (name, component) in spec.components.into_iter().filter(|(_, component)| is_in_previews(component)) {
        let image = match component.image {
            ComponentImage::ReuseFrom(owner) => match images.get(&owner) {
                // A component that does not run here may be the one that has the build.
                Some((image, false)) => image.clone(),
                _ => ComponentImage::ReuseFrom(build_job_name(&owner, environment.as_str())?),
            },
            image => image,
        };
        let image = match image {
            // Outside builders do not build previews.
            ComponentImage::Build(build) => ComponentImage::Build(BuildSpec { builder: None, ..build }),
            image => image,
        };
        let job_name = build_job_name(&name, environment.as_str())?;
        let job = build_preview_job(component.job, job_name.clone(), terms);
        components.insert(job_name, ComponentSpec::new(image, job, component.phase));
    }
    if components.is_empty() {
        let what = "the configuration has no continuous component; a preview runs only those";
        return Err(Error::new(ErrorKind::Unprocessable, "no-preview-component", what)
            .help("hearth repository change LINK --previews none"));
    }
    Ok(share_builds(ToolSpec { components, is_complete: true }))
}

/// True for continuous components: schedules and one-off programs work on data that a preview does not have.
fn is_in_previews(component: &ComponentSpec) -> bool {
    component.phase.is_main()
        && !component.is_scheduled()
        && matches!(component.job.effective_type(), JobType::Continuous | JobType::Webservice)
}

/// Builds the job of a component in a preview. What the stored configuration does not list for previews is left out.
fn build_preview_job(job: JobCreate, name: JobName, terms: &PreviewTerms) -> JobCreate {
    let settings = &terms.settings;
    let is_wanted = |envvar: &&EnvvarName| job.envvars.as_ref().is_none_or(|own| own.contains(envvar));
    JobCreate {
        name,
        envvars: Some(settings.envvars.iter().filter(is_wanted).cloned().collect()),
        variables: settings.variables.clone().filter(|variables| !variables.is_empty()),
        preview: Some(JobPreview { expires: terms.expires }),
        mount: Some(MountMode::None),
        filelog: Some(false),
        filelog_stdout: None,
        filelog_stderr: None,
        emails: Some(Emails::None),
        replicas: None,
        auto_update: None,
        ..job
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOL_CONFIG: &str = "config_version: hearth/v1
build: {repository: https://code.example/ada/hello, ref: main, builder: farm}
components:
  migrate: {run: before, command: ./migrate}
  tick: {schedule: '@hourly', command: ./tick}
  web: {publish: true, reuse_from: migrate, envvars: [SHARED, OWN], variables: {HIDDEN: x}, mount: all, replicas: 3}
  work: {reuse_from: migrate, command: ./work, filelog: true}
  files: {image: web-only, command: ./files}
previews:
  variables: {MODE: preview}
  envvars: [SHARED, LISTED]
";

    fn read_spec(text: &str) -> Result<(ToolSpec, HearthPreviews)> {
        let source = GitSource {
            url: "https://code.example/ada/hello".to_owned(),
            reference: Some("refs/pull/7/head".to_owned()),
        };
        let source = Some(DeploySource::Git(source));
        let parsed = config::read_config(text, &ConfigContext { source, ..ConfigContext::default() })?;
        let settings = match parsed.document {
            ConfigDocument::Hearth(config) => config.previews.unwrap_or_default(),
            ConfigDocument::Toolforge(_) => HearthPreviews::default(),
        };
        Ok((parsed.spec, settings))
    }

    fn build_spec(text: &str) -> Result<ToolSpec> {
        let (spec, settings) = read_spec(text)?;
        let terms = PreviewTerms { number: PreviewNumber::new(7)?, expires: Timestamp::UNIX_EPOCH, settings };
        build_preview_spec(spec, &terms)
    }

    #[test]
    fn preview_runs_continuous_components_with_what_is_listed_for_previews() -> Result<()> {
        let spec = build_spec(TOOL_CONFIG)?;
        let names: Vec<&str> = spec.components.keys().map(JobName::as_str).collect();
        assert_eq!(names, ["files--pr-7", "web--pr-7", "work--pr-7"]);
        assert!(spec.is_complete);
        for (name, component) in &spec.components {
            let job = &component.job;
            assert_eq!(
                (&job.name, job.preview.map(|preview| preview.expires)),
                (name, Some(Timestamp::UNIX_EPOCH))
            );
            assert_eq!((job.mount, job.filelog, job.replicas), (Some(MountMode::None), Some(false), None));
            let variables = serde_json::to_value(&job.variables).map_err(Error::internal)?;
            assert_eq!(variables, serde_json::json!({"MODE": "preview"}), "{name}");
        }
        let list_envvars = |name: &str| {
            let job = &spec.components[&name.parse::<JobName>().unwrap()].job;
            job.envvars.as_ref().map(|names| names.iter().map(|name| name.as_str()).collect::<Vec<_>>())
        };
        assert_eq!(list_envvars("web--pr-7"), Some(vec!["SHARED"]));
        assert_eq!(list_envvars("work--pr-7"), Some(vec!["SHARED", "LISTED"]));
        Ok(())
    }

    #[test]
    fn preview_takes_over_the_build_of_a_component_that_it_does_not_run() -> Result<()> {
        let spec = build_spec(TOOL_CONFIG)?;
        let find = |name: &str| spec.components[&name.parse::<JobName>().unwrap()].image.clone();
        let ComponentImage::Build(build) = find("web--pr-7") else { unreachable!("web is built") };
        assert_eq!(build.builder, None);
        assert!(
            matches!(&build.source, DeploySource::Git(git) if git.reference.as_deref() == Some("refs/pull/7/head")),
            "{build:?}"
        );
        assert_eq!(find("work--pr-7"), ComponentImage::ReuseFrom("web--pr-7".parse()?));
        assert_eq!(find("files--pr-7"), ComponentImage::Image("web-only".to_owned()));
        Ok(())
    }

    #[test]
    fn preview_gets_nothing_without_a_section_and_needs_a_continuous_component() -> Result<()> {
        let bare = TOOL_CONFIG.split("previews:").next().unwrap_or_default();
        for component in build_spec(bare)?.components.values() {
            assert_eq!((&component.job.envvars, &component.job.variables), (&Some(Vec::new()), &None));
        }
        let only_scheduled =
            "config_version: hearth/v1\ncomponents:\n  tick: {schedule: '@hourly', command: ./tick}\n";
        assert_eq!(build_spec(only_scheduled).unwrap_err().code(), "no-preview-component");
        Ok(())
    }
}
