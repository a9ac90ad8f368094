//! `hearth open [NAME]`: a tool's page in the browser, and its address as the result.

use hearth_base::{Error, Kind, Result, ToolName};
use hearth_wire::{components::Deployment, reply::Paging};
use serde::{Deserialize, Serialize};

use super::tool;
use crate::{at_tool::AtTool, context::Context, platform};

/// What `hearth open` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tool; absent: this folder's
    name: Option<ToolName>,
    /// Only print the address
    #[arg(long)]
    print: bool,
}

/// Where the page is.
#[derive(Debug, Serialize, Deserialize)]
struct Page {
    tool: ToolName,
    url: String,
}

/// Opens it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Page>()?;
    let Args { name, print } = args;
    let at = cx.at(tool::named(cx, name)?)?;
    let Some(url) = address(&deployments(&at).await?) else {
        return Err(Error::new(
            Kind::NotFound,
            "no-page",
            format!("{} has nothing that was deployed and published", at.name()),
        )
        .help("hearth deploy"));
    };
    let page = Page { tool: at.name().clone(), url };
    answer.said(&page, &page.url)?;
    if !print && cx.printer.shows_results() && !platform::open_page(&page.url) {
        cx.printer.note("No browser could be started.");
    }
    Ok(())
}

/// The tool's newest deployments.
pub async fn deployments(at: &AtTool<'_>) -> Result<Vec<Deployment>> {
    let paging = Paging::default();
    Ok(at.ask(at.client().components().list(at.name(), &paging)).await?.deployments)
}

/// Where the newest deployment that was published has put the page.
pub fn address(deployments: &[Deployment]) -> Option<String> {
    deployments.iter().find_map(|deployment| deployment.url.clone())
}
