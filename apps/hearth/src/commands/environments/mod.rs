//! `hearth environments`: lists the environments of a tool and deletes one.

mod delete;

use hearth_base::{ErrorKind, Result};
use hearth_wire::components::Environment;

use crate::{
    context::CommandContext,
    flags::HELP_TEMPLATE,
    printer::{Cell, Table},
    tool_session::ToolSession,
};

/// The arguments of `hearth environments`.
#[derive(Debug, clap::Args)]
pub struct EnvironmentsArgs {
    #[command(subcommand)]
    command: Option<EnvironmentsCommand>,
}

/// Commands about environments.
#[derive(Debug, clap::Subcommand)]
enum EnvironmentsCommand {
    /// List the environments and previews with their pages
    #[command(before_help = "Example: hearth environments list", help_template = HELP_TEMPLATE)]
    List,
    /// Delete an environment or a preview: its jobs and its page
    #[command(before_help = "Example: hearth environments delete staging", help_template = HELP_TEMPLATE)]
    Delete(delete::DeleteEnvironmentArgs),
}

/// Runs the command.
pub async fn run(cx: &CommandContext, args: EnvironmentsArgs) -> Result<()> {
    match args.command {
        None | Some(EnvironmentsCommand::List) => print_environments(cx).await,
        Some(EnvironmentsCommand::Delete(args)) => delete::run(cx, args).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(args: &EnvironmentsArgs) -> &'static str {
    match args.command {
        None | Some(EnvironmentsCommand::List) => "nothing was changed",
        Some(EnvironmentsCommand::Delete(_)) => "some jobs may be deleted already; the same command finishes",
    }
}

/// Fetches the environments of a tool. A server of release 0.1.0 shows none.
pub async fn list_environments(session: &ToolSession<'_>) -> Result<Vec<Environment>> {
    match session.send(session.client().components().list_environments(session.tool_name())).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        list => Ok(list?.environments),
    }
}

async fn print_environments(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<Environment>()?;
    let session = cx.open_tool_session()?;
    let environments = list_environments(&session).await?;
    let mut table = Table::with_headings(&["environment", "page", "revision", "state", "jobs", "end"]);
    for environment in &environments {
        let jobs: Vec<&str> = environment.jobs.iter().map(|job| job.as_str()).collect();
        let revision = environment.revision.map_or_else(|| "-".to_owned(), |number| number.to_string());
        table.add_row([
            Cell::from(environment.name.as_str()),
            Cell::from(environment.url.as_deref().unwrap_or("-")),
            Cell::from(revision),
            Cell::from(environment.status.as_str()),
            Cell::from(jobs.join(", ")),
            environment.expires.map_or_else(|| Cell::from("-"), Cell::from),
        ]);
    }
    result.print_list(&environments, &table)?;
    if environments.is_empty() {
        cx.printer
            .print_note("No environments: hearth.yaml names them, and a deployment creates their jobs.");
        cx.printer.print_next("hearth deploy --environment NAME");
    }
    Ok(())
}
