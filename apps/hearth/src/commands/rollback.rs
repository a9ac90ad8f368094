//! `hearth rollback [REVISION]`: deploys the components of an earlier revision again.
//!
//! It is a deployment of all its components as they were, with their images; nothing is built. Variables stay as they are
//! now, unless `--with-variables` returns them too. Of a revision of release 0.1.0, and with `--component`, one component returns: its image, command, port, page and
//! schedule.

use std::collections::BTreeMap;

use hearth_base::{Error, ErrorKind, JobName, Result};
use hearth_wire::{
    components::{
        DeploySource, Deployment, DeploymentCreate, DeploymentCreateQuery, Revision, RevisionComponent,
    },
    jobs::{JobCreate, JobType},
};

use super::{
    deploy,
    revisions::{fetch_newest_revisions, require_kept},
};
use crate::{config_file::describe_component_names, context::CommandContext, flags::DryRun};

/// The arguments of `hearth rollback`.
#[derive(Debug, clap::Args)]
pub struct RollBackArgs {
    /// The revision; default: the one before the newest
    revision: Option<u32>,
    /// The component, if the tool has several
    #[arg(long, value_name = "NAME", conflicts_with = "revision")]
    component: Option<JobName>,
    /// Return the values that the tool's variables had then, until the next deployment
    #[arg(long, conflicts_with = "component")]
    with_variables: bool,
    /// Queue behind another deployment instead of failing
    #[arg(long)]
    queue: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Deploys the revision and follows the deployment.
pub async fn run(cx: &CommandContext, args: RollBackArgs) -> Result<()> {
    let result = cx.printer.open_output::<Deployment>()?;
    let RollBackArgs { revision, component, with_variables, queue, dry_run } = args;
    let session = cx.open_tool_session()?;
    let revisions = fetch_newest_revisions(&session).await?;
    let target = select_target(&revisions, revision, component.as_ref())?;
    let create = target.build_deployment_create(with_variables)?;
    if dry_run.dry_run {
        let mut sentence = target.describe_plan(&revisions);
        if with_variables {
            sentence += "; with the variables of then";
        }
        return cx.printer.open_output()?.print_sentence(target.revision, &sentence);
    }
    let mut steps = cx.printer.open_steps();
    let query = DeploymentCreateQuery { queue, ..DeploymentCreateQuery::default() };
    let begun = deploy::start_deployment(cx, &session, &create, &query).await?;
    deploy::follow_to_end(&session, begun, &mut steps, &result).await
}

/// The revision to return to.
#[derive(Debug)]
struct RollbackTarget<'a> {
    revision: &'a Revision,
    /// The only component that returns; `None`: all of them.
    only: Option<RevisionComponent>,
}

/// Selects the named revision, or the newest earlier one that differs from what runs.
fn select_target<'a>(
    revisions: &'a [Revision],
    number: Option<u32>,
    component: Option<&JobName>,
) -> Result<RollbackTarget<'a>> {
    let revision = match (number, component) {
        (Some(number), _) => {
            let found = revisions.iter().find(|revision| revision.number == number);
            found.ok_or_else(|| Error::not_found("revision", number).help("hearth revisions"))?
        }
        (None, Some(component)) => find_earlier_component(revisions, component)?,
        (None, None) => match revisions.first() {
            None => return Err(build_nothing_error("there is no revision yet").help("hearth deploy")),
            Some(newest) if newest.components.is_empty() => {
                find_earlier_component(revisions, &newest.component)
                    .map_err(|error| propose_other_component(error, revisions, newest))?
            }
            Some(newest) => find_earlier_revision(revisions, newest)?,
        },
    };
    let revision = require_kept(revision, revisions, "hearth rollback")?;
    let only = match component {
        None if !revision.components.is_empty() => None,
        component => revision.list_components().remove(component.unwrap_or(&revision.component)),
    };
    Ok(RollbackTarget { revision, only })
}

/// Finds the newest earlier revision with another image or command of this component.
fn find_earlier_component<'a>(revisions: &'a [Revision], component: &JobName) -> Result<&'a Revision> {
    let find_program = |revision: &Revision| {
        let found = revision.list_components().remove(component);
        found.map(|component| (component.job.imagename, component.job.cmd))
    };
    let Some(current) = revisions.iter().find_map(find_program) else {
        return Err(
            build_nothing_error(&format!("no revision has a component {component}")).help("hearth revisions")
        );
    };
    let is_earlier = |revision: &&Revision| find_program(revision).is_some_and(|program| program != current);
    let found = revisions.iter().find(is_earlier);
    found.ok_or_else(|| {
        build_nothing_error(&format!("{component} has no earlier revision")).help("hearth revisions")
    })
}

fn propose_other_component(error: Error, revisions: &[Revision], newest: &Revision) -> Error {
    match revisions.iter().find(|revision| revision.component != newest.component) {
        Some(other) => error.help(format!("hearth rollback --component {}", other.component)),
        None => error,
    }
}

/// Finds the newest earlier revision of the same environment whose components differ.
fn find_earlier_revision<'a>(revisions: &'a [Revision], newest: &Revision) -> Result<&'a Revision> {
    let current = newest.list_restored_components();
    let differs = |revision: &&Revision| {
        let earlier = revision.list_restored_components();
        // Of a revision of release 0.1.0, one component returns.
        let is_same = |(name, component): (&JobName, &RevisionComponent)| {
            let same = current.get(name).map(|current| (&current.job.imagename, &current.job.cmd));
            same == Some((&component.job.imagename, &component.job.cmd))
        };
        match revision.components.is_empty() {
            true => !earlier.iter().all(is_same),
            false => list_definitions(&earlier) != list_definitions(&current),
        }
    };
    let is_earlier = |revision: &&Revision| revision.environment == newest.environment && differs(revision);
    revisions.iter().find(is_earlier).ok_or_else(|| {
        let what = format!("no earlier revision differs from revision {}", newest.number);
        build_nothing_error(&what).help("hearth revisions")
    })
}

/// Lists the jobs of components: their commits and sources do not change what runs.
fn list_definitions(components: &BTreeMap<JobName, RevisionComponent>) -> Vec<&JobCreate> {
    components.values().map(|component| &component.job).collect()
}

fn build_nothing_error(what: &str) -> Error {
    Error::new(ErrorKind::NotFound, "no-earlier-revision", what.to_owned())
}

impl RollbackTarget<'_> {
    fn build_deployment_create(&self, with_variables: bool) -> Result<DeploymentCreate> {
        let description = format!("roll back to revision {}", self.revision.number);
        let Some(RevisionComponent { job, .. }) = &self.only else {
            return Ok(DeploymentCreate {
                description,
                revision: Some(self.revision.number),
                restore_envvars: with_variables,
                ..DeploymentCreate::default()
            });
        };
        if with_variables {
            let what =
                format!("revision {} is of release 0.1.0, which kept no variables", self.revision.number);
            return Err(Error::conflict("envvars-not-known", what).help("leave --with-variables out"));
        }
        let is_scheduled = job.effective_type() == JobType::Scheduled;
        Ok(DeploymentCreate {
            description,
            source: Some(DeploySource::Image(job.imagename.clone())),
            component: Some(job.name.clone()),
            command: Some(job.cmd.clone()).filter(|command| !command.is_empty()),
            port: job.port,
            publish: (!is_scheduled).then_some(job.publish.unwrap_or_default()),
            schedule: job.schedule.clone(),
            timezone: job.timezone.clone(),
            // The job keeps its mount.
            ..DeploymentCreate::default()
        })
    }

    /// Describes the rollback, and the components that it removes.
    fn describe_plan(&self, revisions: &[Revision]) -> String {
        let number = self.revision.number;
        if let Some(component) = &self.only {
            return format!("would deploy revision {number} of {} again", component.job.name);
        }
        let restored = self.revision.list_restored_components();
        let names: Vec<&str> = restored.keys().map(JobName::as_str).collect();
        let sentence = format!("would return to revision {number}: {}", describe_component_names(&names));
        let newest = revisions.iter().find(|revision| revision.environment == self.revision.environment);
        let current = newest.map(Revision::list_restored_components).unwrap_or_default();
        let removed: Vec<&str> =
            current.keys().filter(|name| !restored.contains_key(*name)).map(JobName::as_str).collect();
        if removed.is_empty() { sentence } else { format!("{sentence}; would remove {}", removed.join(", ")) }
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    fn build_revision(number: u32, component: &str, image: &str, kept: bool) -> Result<Revision> {
        Ok(Revision {
            number,
            deployment: "deployment_00000000000000000000000007".parse()?,
            created: jiff::Timestamp::UNIX_EPOCH,
            by: "user ada".to_owned(),
            description: String::new(),
            source: DeploySource::Image(image.to_owned()),
            resolved_ref: String::new(),
            image: image.to_owned(),
            component: component.parse()?,
            command: "web".to_owned(),
            port: 8000,
            publish: true,
            schedule: None,
            timezone: None,
            kept,
            components: BTreeMap::new(),
            environment: None,
            config: None,
        })
    }

    /// Builds a revision with components, each with an image.
    fn build_whole_revision(number: u32, components: &[(&str, &str)]) -> Result<Revision> {
        let mut revision = build_revision(number, "web", "x", true)?;
        for (name, image) in components {
            let job = JobCreate::new(name.parse()?, *image, "web");
            let component =
                RevisionComponent { resolved_ref: number.to_string(), ..RevisionComponent::new(job) };
            revision.components.insert(name.parse()?, component);
        }
        Ok(revision)
    }

    fn select_number(revisions: &[Revision], component: Option<&str>) -> Result<u32> {
        let component = component.map(str::parse).transpose()?;
        select_target(revisions, None, component.as_ref()).map(|target| target.revision.number)
    }

    #[test]
    fn default_is_the_newest_revision_that_differs_from_the_current_one() -> Result<()> {
        let revisions = [
            build_revision(4, "web", "b", true)?,
            build_revision(3, "bot", "c", true)?,
            build_revision(2, "web", "b", true)?,
            build_revision(1, "web", "a", true)?,
        ];
        assert_eq!(select_number(&revisions, None)?, 1);
        assert_eq!(select_target(&revisions, Some(3), None)?.revision.number, 3);
        assert!(select_number(&revisions, Some("bot")).is_err());
        Ok(())
    }

    #[test]
    fn all_components_return_together() -> Result<()> {
        let revisions = [
            build_whole_revision(4, &[("web", "b"), ("worker", "b"), ("extra", "b")])?,
            build_whole_revision(3, &[("web", "b"), ("worker", "b"), ("extra", "b")])?,
            build_whole_revision(2, &[("web", "b"), ("worker", "a")])?,
            build_revision(1, "web", "a", true)?,
        ];
        let target = select_target(&revisions, None, None)?;
        let create = target.build_deployment_create(false)?;
        assert_eq!((create.revision, create.source, create.component), (Some(2), None, None));
        assert_eq!(
            target.describe_plan(&revisions),
            "would return to revision 2: 2 components: web, worker; would remove extra"
        );
        // One of release 0.1.0 restores its only component.
        let create = select_target(&revisions, Some(1), None)?.build_deployment_create(false)?;
        assert_eq!((create.revision, create.source), (None, Some(DeploySource::Image("a".to_owned()))));
        Ok(())
    }

    #[test]
    fn one_component_returns_alone_when_it_is_named() -> Result<()> {
        let revisions = [
            build_whole_revision(3, &[("web", "c"), ("worker", "b")])?,
            build_whole_revision(2, &[("web", "b"), ("worker", "b")])?,
            build_whole_revision(1, &[("web", "b"), ("worker", "a")])?,
        ];
        assert_eq!(select_number(&revisions, Some("worker"))?, 1);
        let worker = "worker".parse()?;
        let create = select_target(&revisions, None, Some(&worker))?.build_deployment_create(false)?;
        assert_eq!(create.source, Some(DeploySource::Image("a".to_owned())));
        assert_eq!((create.component, create.publish), (Some(worker), Some(false)));
        Ok(())
    }

    #[test]
    fn rollback_stays_within_the_environment() -> Result<()> {
        let mut staging = build_whole_revision(3, &[("web", "a"), ("web--staging", "c")])?;
        staging.environment = Some("staging".to_owned());
        let mut earlier = build_whole_revision(1, &[("web--staging", "b")])?;
        earlier.environment = Some("staging".to_owned());
        let revisions = [staging, build_whole_revision(2, &[("web", "z")])?, earlier];
        assert_eq!(select_number(&revisions, None)?, 1);
        Ok(())
    }

    #[test]
    fn revision_without_an_image_is_refused_with_those_that_have_one() -> Result<()> {
        let revisions = [build_revision(2, "web", "b", true)?, build_revision(1, "web", "a", false)?];
        let refused = select_target(&revisions, None, None).err();
        let refused = refused.ok_or_else(|| Error::internal("it was accepted"))?;
        assert_eq!((refused.code(), refused.help_text()), ("revision-not-kept", Some("hearth rollback 2")));
        Ok(())
    }
}
