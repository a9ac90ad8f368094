//! Conversion of configurations to the components of a deployment.

use hearth_base::{ErrorKind, Result};
use hearth_wire::{
    components::{ComponentPhase, ConfigDocument, DeploySource, GitSource},
    jobs::{JobType, MountMode},
};

use super::{
    super::{ConfigContext, read_config},
    read_text,
};
use crate::spec::{BuildSpec, ComponentImage, ComponentSpec, ToolSpec};

const TOOL_CONFIG: &str = "config_version: hearth/v1
build: {repository: 'https://h/x', ref: main, folder: app}
components:
  web: {publish: true}
  api: {port: 9000, build: {ref: v2}}
  other: {build: {repository: 'https://h/y'}}
  worker: {reuse_from: web, command: ./work}
  tick: {image: python3.11, schedule: '@daily', filelog_stdout: x.out}
  migrate: {run: before}
  notify: {run: after, reuse_from: migrate}
environments:
  staging:
    branch: develop
    components:
      web: {replicas: 1, build: {folder: web}}
      worker: {image: node22}
      extra: {command: ./extra}
";

fn git(url: &str, reference: Option<&str>) -> DeploySource {
    DeploySource::Git(GitSource { url: url.to_owned(), reference: reference.map(str::to_owned) })
}

fn build(source: DeploySource, folder: Option<&str>) -> ComponentImage {
    ComponentImage::Build(BuildSpec {
        source,
        folder: folder.map(str::to_owned),
        recipe: None,
        builder: None,
    })
}

fn find<'a>(spec: &'a ToolSpec, name: &str) -> &'a ComponentSpec {
    &spec.components[&name.parse().unwrap()]
}

fn in_environment(environment: &str) -> ConfigContext {
    ConfigContext { environment: Some(environment.to_owned()), ..ConfigContext::default() }
}

#[test]
fn components_of_toolforge_have_its_defaults() -> Result<()> {
    let text = "components:\n  web:\n    build: {repository: 'https://h/x', ref: main}\n    \
                run: {command: web, publish: /, health_check_http: /healthz}\n  \
                tick:\n    build: {reuse_from: web}\n    run: {command: ./tick, schedule: '@daily', retry: 2, mount: all}\n";
    let spec = read_text(text)?.spec;
    assert!(spec.is_complete);
    let (web, tick) = (find(&spec, "web"), find(&spec, "tick"));
    assert_eq!(web.image, build(git("https://h/x", Some("main")), None));
    assert_eq!(
        (web.job.job_type, web.job.port, web.job.publish),
        (Some(JobType::Continuous), Some(8000), Some(true))
    );
    assert_eq!(
        (web.job.mount, web.job.filelog, web.job.cmd.as_str()),
        (Some(MountMode::None), Some(false), "web")
    );
    assert!(web.job.health_check.is_some() && web.job.imagename.is_empty());
    assert_eq!(tick.image, ComponentImage::ReuseFrom("web".parse()?));
    assert_eq!(
        (tick.job.job_type, tick.job.retry, tick.job.mount),
        (Some(JobType::Scheduled), Some(2), Some(MountMode::All))
    );
    assert_eq!(tick.job.publish, None);
    Ok(())
}

#[test]
fn components_of_hearth_have_the_defaults_of_build() -> Result<()> {
    let spec = read_text(TOOL_CONFIG)?.spec;
    assert_eq!(spec.components.len(), 7);
    let image = |name| find(&spec, name).image.clone();
    assert_eq!(image("web"), build(git("https://h/x", Some("main")), Some("app")));
    assert_eq!(image("api"), build(git("https://h/x", Some("v2")), Some("app")));
    assert_eq!(image("other"), build(git("https://h/y", None), Some("app")));
    assert_eq!(image("worker"), ComponentImage::ReuseFrom("web".parse()?));
    assert_eq!(image("tick"), ComponentImage::Image("python3.11".to_owned()));
    assert_eq!(image("migrate"), image("web"));
    let (web, tick) = (find(&spec, "web"), find(&spec, "tick"));
    assert_eq!((web.job.port, web.job.publish, web.job.cmd.as_str()), (Some(8000), Some(true), ""));
    assert_eq!((web.job.mount, tick.job.filelog), (None, Some(true)));
    let phases: Vec<_> = ["migrate", "web", "tick", "notify"].map(|name| find(&spec, name).phase).into();
    use ComponentPhase::{After, Before, Main};
    assert_eq!(phases, [Before, Main, Main, After]);
    assert_eq!(find(&spec, "migrate").job.job_type, Some(JobType::OneOff));
    assert_eq!(read_config(TOOL_CONFIG, &in_environment("production"))?.spec, spec);
    Ok(())
}

#[test]
fn sleep_is_read_with_and_without_a_unit() -> Result<()> {
    for (written, seconds) in [("90", 90), ("'90'", 90), ("90s", 90), ("30m", 1800), ("2h", 7200), ("0", 0)] {
        let text = format!(
            "config_version: hearth/v1\ncomponents:\n  web: {{publish: true, image: x, sleep_after: {written}}}\n"
        );
        let spec = read_text(&text)?.spec;
        assert_eq!(find(&spec, "web").job.sleep_after, Some(seconds), "{written}");
    }
    Ok(())
}

#[test]
fn lifetime_of_previews_is_read_with_and_without_a_unit() -> Result<()> {
    for (written, seconds) in [("3600", 3600), ("12h", 43_200), ("7d", 604_800), ("30d", 2_592_000)] {
        let text = format!(
            "config_version: hearth/v1\ncomponents: {{web: {{image: x}}}}\npreviews: {{expire_after: {written}}}\n"
        );
        let ConfigDocument::Hearth(config) = read_text(&text)?.document else {
            unreachable!("it is Hearth's")
        };
        assert_eq!(config.previews.and_then(|previews| previews.expire_after), Some(seconds), "{written}");
    }
    Ok(())
}

#[test]
fn environment_changes_components_and_has_jobs_of_its_own() -> Result<()> {
    let spec = read_config(TOOL_CONFIG, &in_environment("staging"))?.spec;
    let names: Vec<String> = spec.components.keys().map(ToString::to_string).collect();
    let expected = ["api", "extra", "migrate", "notify", "other", "tick", "web", "worker"];
    assert_eq!(names, expected.map(|name| format!("{name}--staging")));
    let image = |name: &str| find(&spec, &format!("{name}--staging")).image.clone();
    assert_eq!(image("web"), build(git("https://h/x", Some("develop")), Some("web")));
    // A ref of the component itself comes before the branch, which belongs to the configuration's repository.
    assert_eq!(image("api"), build(git("https://h/x", Some("v2")), Some("app")));
    assert_eq!(image("other"), build(git("https://h/y", None), Some("app")));
    assert_eq!(image("worker"), ComponentImage::Image("node22".to_owned()));
    assert_eq!(image("notify"), ComponentImage::ReuseFrom("migrate--staging".parse()?));
    let (web, worker) = (find(&spec, "web--staging"), find(&spec, "worker--staging"));
    assert_eq!(
        (web.job.name.as_str(), web.job.replicas, web.job.publish),
        ("web--staging", Some(1), Some(true))
    );
    assert_eq!(worker.job.cmd, "./work");
    Ok(())
}

#[test]
fn unknown_environment_is_answered_with_the_known_ones() {
    let error = read_config(TOOL_CONFIG, &in_environment("stage")).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::NotFound, "no-such-environment"));
    assert_eq!(error.public_message(), "there is no environment \"stage\"; expected production, staging");
    let toolforge = "components: {web: {build: {repository: 'https://h/x', ref: v1}, run: {command: x}}}";
    let error = read_config(toolforge, &in_environment("staging")).unwrap_err();
    assert_eq!(error.public_message(), "there is no environment \"staging\"; the configuration has none");
}

#[test]
fn source_of_the_deployment_is_that_of_builds_without_a_repository() -> Result<()> {
    let text = "config_version: hearth/v1\ncomponents: {web: {build: {folder: a}}}\nenvironments: {staging: {branch: develop}}\n";
    let read = |source: DeploySource, environment: Option<&str>| {
        let context = ConfigContext {
            source: Some(source),
            environment: environment.map(str::to_owned),
            ..ConfigContext::default()
        };
        let spec = read_config(text, &context)?.spec;
        Ok::<_, hearth_base::Error>(spec.components.into_values().next().map(|component| component.image))
    };
    let url = "https://h/z";
    assert_eq!(read(git(url, None), None)?, Some(build(git(url, None), Some("a"))));
    assert_eq!(read(git(url, None), Some("staging"))?, Some(build(git(url, Some("develop")), Some("a"))));
    assert_eq!(read(git(url, Some("v1")), Some("staging"))?, Some(build(git(url, Some("v1")), Some("a"))));
    let upload = DeploySource::Upload("source_00000000000000000000000007".parse()?);
    assert_eq!(read(upload.clone(), None)?, Some(build(upload, Some("a"))));
    let error = read_text(text).unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unprocessable, "config-invalid"));
    assert_eq!(
        error.public_message(),
        "line 2, column 14: component web: its build names no repository, and the deployment has no source; add \
         build.repository, or deploy a folder or a git address"
    );
    let error = read(DeploySource::Image("x".to_owned()), None).unwrap_err();
    assert!(error.public_message().contains("the deployment's source is an image"), "{error}");
    Ok(())
}
