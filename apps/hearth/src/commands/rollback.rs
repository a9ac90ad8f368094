//! `hearth rollback [REVISION]`: deploys the image of an earlier revision again.
//!
//! It is a deployment of that image with the component's command, port, page and schedule of then; nothing is
//! built. Variables and the job's other settings stay as they are now.

use hearth_base::{Error, ErrorKind, JobName, Result};
use hearth_wire::components::{DeploySource, Deployment, DeploymentCreate, DeploymentCreateQuery, Revision};

use super::{
    deploy,
    revisions::{fetch_newest_revisions, require_kept},
};
use crate::{context::CommandContext, flags::DryRun};

/// The arguments of `hearth rollback`.
#[derive(Debug, clap::Args)]
pub struct RollBackArgs {
    /// The revision; default: the one before the newest
    revision: Option<u32>,
    /// The component, if the tool has several
    #[arg(long, value_name = "NAME", conflicts_with = "revision")]
    component: Option<JobName>,
    /// Queue behind another deployment instead of failing
    #[arg(long)]
    queue: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Deploys the revision and follows the deployment.
pub async fn run(cx: &CommandContext, args: RollBackArgs) -> Result<()> {
    let result = cx.printer.open_output::<Deployment>()?;
    let RollBackArgs { revision, component, queue, dry_run } = args;
    let session = cx.open_tool_session()?;
    let revisions = fetch_newest_revisions(&session).await?;
    let revision = select_revision(&revisions, revision, component.as_ref())?;
    let create = build_deployment_create(revision);
    if dry_run.dry_run {
        let sentence = format!("would deploy revision {} of {} again", revision.number, revision.component);
        return cx.printer.open_output()?.print_sentence(revision, &sentence);
    }
    let mut steps = cx.printer.open_steps();
    let query = DeploymentCreateQuery { queue, ..DeploymentCreateQuery::default() };
    let calls = session.client().components();
    let begun = session.send(calls.create_deployment(session.tool_name(), &create, &query)).await?;
    deploy::follow_to_end(&session, begun, &mut steps, &result).await
}

/// Selects the named revision, or the newest earlier one of the component that differs from what runs.
fn select_revision<'a>(
    revisions: &'a [Revision],
    number: Option<u32>,
    component: Option<&JobName>,
) -> Result<&'a Revision> {
    if let Some(number) = number {
        let found = revisions.iter().find(|revision| revision.number == number);
        let found = found.ok_or_else(|| Error::not_found("revision", number).help("hearth revisions"))?;
        return require_kept(found, revisions, "hearth rollback");
    }
    let of_component =
        |revision: &&Revision| component.is_none_or(|component| revision.component == *component);
    let Some(newest) = revisions.iter().find(of_component) else {
        return Err(build_nothing_error("there is no revision yet").help("hearth deploy"));
    };
    let is_earlier = |revision: &&Revision| {
        revision.component == newest.component
            && (&revision.image, &revision.command) != (&newest.image, &newest.command)
    };
    match revisions.iter().find(is_earlier) {
        Some(earlier) => require_kept(earlier, revisions, "hearth rollback"),
        None => {
            let other = revisions.iter().find(|revision| revision.component != newest.component);
            let error = build_nothing_error(&format!("{} has no earlier revision", newest.component));
            Err(match other.filter(|_| component.is_none()) {
                Some(other) => error.help(format!("hearth rollback --component {}", other.component)),
                None => error.help("hearth revisions"),
            })
        }
    }
}

fn build_nothing_error(what: &str) -> Error {
    Error::new(ErrorKind::NotFound, "no-earlier-revision", what.to_owned())
}

fn build_deployment_create(revision: &Revision) -> DeploymentCreate {
    DeploymentCreate {
        description: format!("roll back to revision {}", revision.number),
        source: Some(DeploySource::Image(revision.image.clone())),
        component: Some(revision.component.clone()),
        command: Some(revision.command.clone()).filter(|command| !command.is_empty()),
        // 0 is the port of a component that listens on none.
        port: Some(revision.port).filter(|port| *port > 0),
        publish: revision.schedule.is_none().then_some(revision.publish),
        schedule: revision.schedule.clone(),
        timezone: revision.timezone.clone(),
        // The job keeps its mount.
        ..DeploymentCreate::default()
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
        })
    }

    #[test]
    fn default_is_the_newest_revision_that_differs_from_the_current_one() -> Result<()> {
        let revisions = [
            build_revision(4, "web", "b", true)?,
            build_revision(3, "bot", "c", true)?,
            build_revision(2, "web", "b", true)?,
            build_revision(1, "web", "a", true)?,
        ];
        assert_eq!(select_revision(&revisions, None, None)?.number, 1);
        assert_eq!(select_revision(&revisions, Some(3), None)?.number, 3);
        let bot = "bot".parse()?;
        assert!(select_revision(&revisions, None, Some(&bot)).is_err());
        Ok(())
    }

    #[test]
    fn revision_without_an_image_is_refused_with_those_that_have_one() -> Result<()> {
        let revisions = [build_revision(2, "web", "b", true)?, build_revision(1, "web", "a", false)?];
        let refused = select_revision(&revisions, None, None).err();
        let refused = refused.ok_or_else(|| Error::internal("it was accepted"))?;
        assert_eq!((refused.code(), refused.help_text()), ("revision-not-kept", Some("hearth rollback 2")));
        Ok(())
    }
}
