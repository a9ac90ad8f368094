//! `hearth envvars delete NAME`: deletes a variable after a confirmation; the value is lost.

use hearth_base::{EnvvarName, JobName, Result};
use serde::{Deserialize, Serialize};

use super::{restart::RestartFlag, scope::JobScopeArgs};
use crate::{context::CommandContext, flags::DryRun};

/// The arguments of `hearth envvars delete`.
#[derive(Debug, clap::Args)]
pub struct DeleteEnvvarArgs {
    /// The variable
    #[arg(value_parser = super::parse_name)]
    name: EnvvarName,
    #[command(flatten)]
    job_scope: JobScopeArgs,
    #[command(flatten)]
    restart: RestartFlag,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result, without the value.
#[derive(Debug, Serialize, Deserialize)]
struct DeletedEnvvar {
    name: EnvvarName,
    deleted: bool,
    /// The restarted jobs.
    restarted: Vec<JobName>,
}

/// Deletes the variable.
pub async fn run(cx: &CommandContext, args: DeleteEnvvarArgs) -> Result<()> {
    let result = cx.printer.open_output::<DeletedEnvvar>()?;
    let DeleteEnvvarArgs { name, job_scope, restart, dry_run } = args;
    let session = cx.open_tool_session()?;
    let scope = job_scope.to_scope();
    super::fetch_envvar(&session, &name, &scope).await?;
    let target = format!("the {} and its value", job_scope.describe_variable(&name));
    if dry_run.dry_run {
        let deleted = DeletedEnvvar { name, deleted: false, restarted: Vec::new() };
        return result.print_sentence(&deleted, &format!("would delete {target}"));
    }
    cx.require_confirmation("delete", &target).await?;
    let deleted_envvar =
        session.send(session.client().envvars().delete(session.tool_name(), &name, &scope)).await?;
    cx.printer.print_messages(&deleted_envvar.messages);
    let restarted = restart.restart_outdated_jobs(cx, &session).await?;
    result.print_done(
        &DeletedEnvvar { name, deleted: true, restarted },
        &format!("{target} are deleted; current runs keep the value"),
    )
}
