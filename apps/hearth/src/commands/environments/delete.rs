//! `hearth environments delete NAME`: deletes the jobs of an environment after listing them.

use hearth_base::{EnvironmentName, Error, Result};
use hearth_wire::components::Environment;

use super::list_environments;
use crate::{context::CommandContext, flags::DryRun};

/// The arguments of `hearth environments delete`.
#[derive(Debug, clap::Args)]
pub struct DeleteEnvironmentArgs {
    /// The environment
    name: EnvironmentName,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Deletes the environment.
pub async fn run(cx: &CommandContext, args: DeleteEnvironmentArgs) -> Result<()> {
    let result = cx.printer.open_output::<Environment>()?;
    let DeleteEnvironmentArgs { name, dry_run } = args;
    let session = cx.open_tool_session()?;
    let environments = list_environments(&session).await?;
    let Some(environment) = environments.into_iter().find(|found| found.name == name) else {
        let what = format!("{} has no environment {name} with jobs", session.tool_name());
        return Err(Error::invalid("no-such-environment", what).help("hearth environments"));
    };
    let target = describe_environment(&environment);
    if dry_run.dry_run {
        return result.print_sentence(&environment, &format!("would stop and delete {target}"));
    }
    cx.require_confirmation("stop and delete", &target).await?;
    let deletion = session.client().components();
    let deleted = session.send(deletion.delete_environment(session.tool_name(), &name)).await?;
    result.print_done(&deleted, &format!("{target} is stopped and deleted"))
}

/// Describes what is lost.
fn describe_environment(environment: &Environment) -> String {
    let jobs: Vec<&str> = environment.jobs.iter().map(|job| job.as_str()).collect();
    if jobs.is_empty() {
        return format!("preview {}, which has no jobs", environment.name);
    }
    let page = environment.url.as_ref().map(|url| format!(", page {url}")).unwrap_or_default();
    format!("environment {} (jobs {}{page})", environment.name, jobs.join(", "))
}
