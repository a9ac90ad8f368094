//! `hearth deployment list`.

use hearth_base::{PageLimit, Result};
use hearth_wire::{components::Deployment, reply::Paging};

use super::describe_deployment_state;
use crate::{
    commands::revisions::describe_origin,
    context::CommandContext,
    printer::{Cell, Table},
};

/// The arguments of `hearth deployment list`.
#[derive(Debug, clap::Args)]
pub struct ListDeploymentsArgs {
    /// Show only this many, newest first
    #[arg(long, short, value_name = "COUNT", default_value_t = 20)]
    last: u32,
}

/// Lists the deployments, the newest first.
pub async fn run(cx: &CommandContext, args: ListDeploymentsArgs) -> Result<()> {
    let result = cx.printer.open_output::<Deployment>()?;
    let session = cx.open_tool_session()?;
    let paging = Paging { limit: PageLimit::new(args.last)?, cursor: None };
    let page = session.send(session.client().components().list(session.tool_name(), &paging)).await?;
    let mut table =
        Table::with_headings(&["deployment", "state", "began", "by", "source", "revision", "description"]);
    for deployment in &page.deployments {
        table.add_row([
            Cell::from(deployment.deploy_id.to_string()),
            Cell::from(describe_deployment_state(deployment.status)),
            Cell::from(deployment.creation_time),
            Cell::from(deployment.by.as_str()),
            Cell::from(describe_origin(&deployment.source, "")),
            Cell::from(deployment.revision.map_or_else(|| "-".to_owned(), |number| number.to_string())),
            Cell::from(deployment.description.as_str()),
        ]);
    }
    result.print_list(&page.deployments, &table)?;
    if page.deployments.is_empty() {
        cx.printer.print_note("No deployments yet.");
        cx.printer.print_next("hearth deploy");
    } else if page.next.is_some() {
        cx.printer.print_note(&format!("Only the newest {} are listed; there are older ones.", args.last));
    }
    Ok(())
}
