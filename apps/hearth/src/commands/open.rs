//! `hearth open [NAME]`: opens a tool's page in the browser and prints its address.

use hearth_base::{Error, ErrorKind, Result, ToolName};
use hearth_wire::{components::Deployment, reply::Paging};
use serde::{Deserialize, Serialize};

use super::tool;
use crate::{context::CommandContext, platform, tool_session::ToolSession};

/// The arguments of `hearth open`.
#[derive(Debug, clap::Args)]
pub struct OpenPageArgs {
    /// The tool; default: this folder's
    name: Option<ToolName>,
    /// Only print the address
    #[arg(long)]
    print: bool,
}

/// The address of the page.
#[derive(Debug, Serialize, Deserialize)]
struct ToolPage {
    tool: ToolName,
    url: String,
}

/// Opens the page.
pub async fn run(cx: &CommandContext, args: OpenPageArgs) -> Result<()> {
    let result = cx.printer.open_output::<ToolPage>()?;
    let OpenPageArgs { name, print } = args;
    let session = cx.open_session_for_tool(tool::choose_tool(cx, name)?)?;
    let Some(url) = find_page_address(&list_deployments(&session).await?) else {
        return Err(Error::new(
            ErrorKind::NotFound,
            "no-page",
            format!("{} has no published deployment", session.tool_name()),
        )
        .help("hearth deploy"));
    };
    let page = ToolPage { tool: session.tool_name().clone(), url };
    result.print_sentence(&page, &page.url)?;
    if !print && cx.printer.is_stdout_a_terminal() && !platform::open_in_browser(&page.url) {
        cx.printer.print_note("No browser could be started.");
    }
    Ok(())
}

/// Lists the tool's newest deployments.
pub async fn list_deployments(session: &ToolSession<'_>) -> Result<Vec<Deployment>> {
    let paging = Paging::default();
    Ok(session.send(session.client().components().list(session.tool_name(), &paging)).await?.deployments)
}

/// Finds the page's address: that of the newest published deployment of production.
pub fn find_page_address(deployments: &[Deployment]) -> Option<String> {
    let of_production = deployments.iter().filter(|deployment| deployment.environment.is_none());
    of_production.into_iter().find_map(|deployment| deployment.url.clone())
}
