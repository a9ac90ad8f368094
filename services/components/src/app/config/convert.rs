//! Conversion of a checked configuration to the components of a deployment.

use std::collections::BTreeMap;

use hearth_base::{Digest, Error, ErrorKind, JobName, Result, join_first_names};
use hearth_wire::{
    components::{
        ComponentPhase, DeploySource, GitSource, HearthBuild, HearthComponent, HearthComponentType,
        HearthConfig, HearthEnvironment, OneOffTime, ToolBuild, ToolComponent, ToolConfig,
    },
    jobs::{HealthCheck, HealthProbe, JobCreate, JobType, MountMode},
};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::{
    ConfigContext,
    document::ConfigNode,
    environments::{PRODUCTION_ENVIRONMENT, build_job_name, merge_components},
    problems::ConfigProblems,
    rules::find_component_type,
};
use crate::{
    forge::is_same_repository,
    spec::{BuildSpec, ComponentImage, ComponentSpec, DEFAULT_PORT, ToolSpec},
};

/// Converts a configuration in Toolforge's format. Error `no-such-environment` (not found): it has none.
pub fn convert_tool_config(config: &ToolConfig, context: &ConfigContext) -> Result<ToolSpec> {
    if let Some(environment) = context.environment.as_deref().filter(|name| *name != PRODUCTION_ENVIRONMENT) {
        return Err(
            build_environment_error(environment, &[]).help("environments need config_version: hearth/v1")
        );
    }
    let components = config.components.iter().map(|(name, component)| {
        let (build, job) = match component {
            ToolComponent::Continuous(component) => {
                let run = component.run.clone();
                let is_published = run.publish.is_some();
                let probe = run.health_check_http.map(HealthProbe::Http);
                let probe = probe.or_else(|| run.health_check_script.map(HealthProbe::Script));
                let job = JobCreate {
                    job_type: Some(JobType::Continuous),
                    publish: Some(is_published),
                    port: run.port.or(is_published.then_some(DEFAULT_PORT)),
                    port_protocol: run.port_protocol,
                    replicas: run.replicas,
                    health_check: probe.map(HealthCheck::from_probe),
                    cpu: run.cpu,
                    memory: run.memory,
                    emails: run.emails,
                    mount: Some(run.mount.unwrap_or(MountMode::None)),
                    filelog: Some(
                        run.filelog.unwrap_or(names_file(&run.filelog_stdout, &run.filelog_stderr)),
                    ),
                    filelog_stdout: run.filelog_stdout,
                    filelog_stderr: run.filelog_stderr,
                    ..JobCreate::new(name.clone(), "", run.command)
                };
                (&component.build, job)
            }
            ToolComponent::Scheduled(component) => {
                let run = component.run.clone();
                let job = JobCreate {
                    job_type: Some(JobType::Scheduled),
                    schedule: Some(run.schedule),
                    retry: run.retry,
                    timeout: run.timeout,
                    cpu: run.cpu,
                    memory: run.memory,
                    emails: run.emails,
                    mount: Some(run.mount.unwrap_or(MountMode::None)),
                    filelog: Some(
                        run.filelog.unwrap_or(names_file(&run.filelog_stdout, &run.filelog_stderr)),
                    ),
                    filelog_stdout: run.filelog_stdout,
                    filelog_stderr: run.filelog_stderr,
                    ..JobCreate::new(name.clone(), "", run.command)
                };
                (&component.build, job)
            }
        };
        let image = match build {
            ToolBuild::Source(build) => {
                let source =
                    GitSource { url: build.repository.clone(), reference: Some(build.reference.clone()) };
                let source = DeploySource::Git(source);
                ComponentImage::Build(BuildSpec { source, folder: None, recipe: None, builder: None })
            }
            ToolBuild::Reuse(reference) => ComponentImage::ReuseFrom(reference.reuse_from.clone()),
        };
        (name.clone(), ComponentSpec::new(image, job, ComponentPhase::Main))
    });
    Ok(ToolSpec { components: components.collect(), is_complete: true })
}

/// True if a log file is named, which needs the log to go to files.
fn names_file(stdout: &Option<String>, stderr: &Option<String>) -> bool {
    stdout.is_some() || stderr.is_some()
}

/// Converts a configuration in Hearth's format. Errors: `no-such-environment` (not found), `config-invalid`
/// (unprocessable) if a component has no source.
pub fn convert_hearth_config(
    root: &ConfigNode,
    config: &HearthConfig,
    context: &ConfigContext,
) -> Result<ToolSpec> {
    let chosen = context.environment.as_deref().filter(|name| *name != PRODUCTION_ENVIRONMENT);
    let environment = match chosen {
        None => None,
        Some(name) => Some((
            name,
            config.environments.get(name).ok_or_else(|| {
                let names: Vec<&str> = config.environments.keys().map(String::as_str).collect();
                build_environment_error(name, &names).help("add it below environments, or name another one")
            })?,
        )),
    };
    let merged = match environment {
        None => config.components.clone(),
        Some((_, environment)) => merge_components(config, environment)?,
    };
    let name_job = |component: &JobName| match chosen {
        None => Ok(component.clone()),
        Some(environment) => build_job_name(component, environment),
    };
    let problems = ConfigProblems::default();
    let sources =
        SourceRules { config, environment: environment.map(|(_, environment)| environment), context };
    let mut components = BTreeMap::new();
    for (name, component) in merged {
        let image = match (&component.reuse_from, &component.image) {
            (Some(other), _) => ComponentImage::ReuseFrom(name_job(other)?),
            (None, Some(image)) => ComponentImage::Image(image.clone()),
            (None, None) => match sources.choose_build(component.build.as_ref()) {
                Ok(build) => ComponentImage::Build(build),
                Err(what) => {
                    let place = root.find_entry(&["components", name.as_str()]).and_then(|entry| entry.place);
                    problems.add_problem(place, format!("component {name}: {what}"));
                    continue;
                }
            },
        };
        let job_name = name_job(&name)?;
        let source_digest = sources.compute_digest(&name, &component)?;
        let spec = ComponentSpec { source_digest, ..build_component(job_name.clone(), image, component) };
        components.insert(job_name, spec);
    }
    problems.into_result()?;
    Ok(ToolSpec { components, is_complete: true })
}

fn build_environment_error(name: &str, names: &[&str]) -> Error {
    let known = match names {
        [] => "the configuration has none".to_owned(),
        names => format!("expected production, {}", join_first_names(names, 20)),
    };
    let what = format!("there is no environment {}; {known}", super::document::quote_value(name));
    Error::new(ErrorKind::NotFound, "no-such-environment", what)
}

/// How builds get their sources.
struct SourceRules<'a> {
    config: &'a HearthConfig,
    environment: Option<&'a HearthEnvironment>,
    context: &'a ConfigContext,
}

impl SourceRules<'_> {
    /// Finds the ref that is deployed of a repository: a deployment of the repository of the configuration's build builds
    /// the ref of the deployment.
    fn find_deployed_reference(&self, repository: &str) -> Option<String> {
        match &self.context.source {
            Some(DeploySource::Git(git)) if is_same_repository(&git.url, repository) => git.reference.clone(),
            _ => None,
        }
    }

    /// Chooses the build of a component: its own fields, then those of the configuration's build. The branch of the
    /// environment is that of the configuration's repository and of the deployment's source.
    fn choose_build(&self, build: Option<&HearthBuild>) -> Result<BuildSpec, &'static str> {
        let own = build.cloned().unwrap_or_default();
        let defaults = self.config.build.clone().unwrap_or_default();
        let branch = self.environment.and_then(|environment| environment.branch.clone());
        let source = match (own.repository, defaults.repository) {
            (Some(url), _) => {
                let reference = own.reference.or_else(|| self.find_deployed_reference(&url));
                DeploySource::Git(GitSource { url, reference })
            }
            (None, Some(url)) => {
                let deployed = self.find_deployed_reference(&url);
                let reference = own.reference.or(deployed).or(branch).or(defaults.reference);
                DeploySource::Git(GitSource { url, reference })
            }
            (None, None) => match &self.context.source {
                Some(DeploySource::Git(git)) => {
                    let reference = git.reference.clone().or(branch);
                    DeploySource::Git(GitSource { url: git.url.clone(), reference })
                }
                Some(upload @ DeploySource::Upload(_)) => upload.clone(),
                Some(DeploySource::Image(_)) => {
                    return Err("its build names no repository, and the deployment's source is an image; \
                                add image to the component, or build.repository");
                }
                // The image of an earlier build is kept, whatever its source.
                None if self.context.keeps_images => DeploySource::Image(String::new()),
                None => {
                    return Err("its build names no repository, and the deployment has no source; \
                                add build.repository, or deploy a folder or a git address");
                }
            },
        };
        Ok(BuildSpec {
            source,
            folder: own.folder.or(defaults.folder),
            recipe: own.recipe.or(defaults.recipe),
            builder: own.builder.or(defaults.builder),
        })
    }
}

impl SourceRules<'_> {
    /// Computes what has to be the same for a component to keep its image: its files, and how it is built. `None` without
    /// `when_changed`, or if the digest of its files is not known.
    fn compute_digest(&self, name: &JobName, component: &HearthComponent) -> Result<Option<String>> {
        let Some(files) = self.context.source_digests.get(name) else { return Ok(None) };
        if component.when_changed.is_empty() {
            return Ok(None);
        }
        let built = json!([files, component.when_changed, component.build, self.config.build]);
        let text = serde_json::to_string(&built).map_err(Error::internal)?;
        Ok(Some(Digest::new(Sha256::digest(text).into()).to_string()))
    }
}

fn build_component(name: JobName, image: ComponentImage, component: HearthComponent) -> ComponentSpec {
    let component_type = find_component_type(&component);
    let is_published = component.publish == Some(true);
    let (job_type, phase) = match (component_type, component.run) {
        (HearthComponentType::Continuous, _) => (JobType::Continuous, ComponentPhase::Main),
        (HearthComponentType::Scheduled, _) => (JobType::Scheduled, ComponentPhase::Main),
        (HearthComponentType::OneOff, Some(OneOffTime::After)) => (JobType::OneOff, ComponentPhase::After),
        (HearthComponentType::OneOff, _) => (JobType::OneOff, ComponentPhase::Before),
    };
    let job = JobCreate {
        job_type: Some(job_type),
        publish: (component_type == HearthComponentType::Continuous).then_some(is_published),
        port: component.port.or(is_published.then_some(DEFAULT_PORT)),
        port_protocol: component.port_protocol,
        schedule: component.schedule,
        timezone: component.timezone,
        concurrency: component.concurrency,
        starting_deadline: component.starting_deadline,
        replicas: component.replicas,
        sleep_after: component.sleep_after,
        memory: component.memory,
        cpu: component.cpu,
        disk: component.disk,
        health_check: component.health_check,
        checks: component.checks,
        stop: component.stop,
        retry: component.retry,
        timeout: component.timeout,
        emails: component.emails,
        mount: component.mount,
        filelog: Some(
            component.filelog.unwrap_or(names_file(&component.filelog_stdout, &component.filelog_stderr)),
        ),
        filelog_stdout: component.filelog_stdout,
        filelog_stderr: component.filelog_stderr,
        variables: component.variables.filter(|variables| !variables.is_empty()),
        envvars: component.envvars,
        ..JobCreate::new(name, "", component.command.unwrap_or_default())
    };
    ComponentSpec::new(image, job, phase)
}
