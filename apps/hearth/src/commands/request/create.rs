//! `hearth request create …`: asks the operators for something.

use hearth_base::{Error, PackageSourceName, Result};
use hearth_wire::accounts::{PackageSourceRequest, RequestKind, ToolRequest, ToolRequestCreate};
use serde::{Deserialize, Serialize};

use super::build_request_table;
use crate::{
    commands::tool::quota::parse_patch,
    context::CommandContext,
    flags::{DryRun, HELP_TEMPLATE},
};

/// Kinds of requests.
#[derive(Debug, clap::Subcommand)]
pub enum CreateRequestCommand {
    /// Ask for a source of Debian packages for the tool's builds
    #[command(before_help = "Example: hearth request create package-source pgdg --reason libpq17",
        help_template = HELP_TEMPLATE)]
    PackageSource(RequestPackageSourceArgs),
    /// Ask for other limits of the tool
    #[command(before_help = "Example: hearth request create quota --set memory=16Gi --reason index",
        help_template = HELP_TEMPLATE)]
    Quota(RequestQuotaArgs),
}

/// The arguments of `hearth request create package-source`.
#[derive(Debug, clap::Args)]
pub struct RequestPackageSourceArgs {
    /// Name of the package source; a proposal if this Hearth does not have it
    name: PackageSourceName,
    /// Why the tool needs it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Address where the source is described
    #[arg(long, value_name = "ADDRESS")]
    url: Option<String>,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The arguments of `hearth request create quota`.
#[derive(Debug, clap::Args)]
pub struct RequestQuotaArgs {
    /// A limit that the tool needs, as in memory=16Gi
    #[arg(long, value_name = "RESOURCE=LIMIT", required = true)]
    set: Vec<String>,
    /// Why the tool needs it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result of a dry run.
#[derive(Debug, Serialize, Deserialize)]
struct PlannedRequest {
    kind: RequestKind,
    reason: String,
}

/// Creates the request.
pub async fn run(cx: &CommandContext, command: CreateRequestCommand) -> Result<()> {
    let (create, dry_run) = match command {
        CreateRequestCommand::PackageSource(RequestPackageSourceArgs { name, reason, url, dry_run }) => {
            let package_source = Some(PackageSourceRequest { name, url });
            let kind = RequestKind::PackageSource;
            (ToolRequestCreate { kind, reason, quota: None, package_source }, dry_run)
        }
        CreateRequestCommand::Quota(RequestQuotaArgs { set, reason, dry_run }) => {
            let (kind, quota) = (RequestKind::Quota, Some(parse_patch(&set)?));
            (ToolRequestCreate { kind, reason, quota, package_source: None }, dry_run)
        }
    };
    if create.reason.trim().is_empty() {
        return Err(Error::invalid("request-reason", "the request has no reason").help("pass --reason TEXT"));
    }
    if dry_run.dry_run {
        let result = cx.printer.open_output::<PlannedRequest>()?;
        let sentence = format!("would ask the operators for: {}", create.describe_details());
        let planned = PlannedRequest { kind: create.kind, reason: create.reason };
        return result.print_sentence(&planned, &sentence);
    }
    let result = cx.printer.open_output::<ToolRequest>()?;
    let session = cx.open_tool_session()?;
    let request = session.send(session.client().tools().create_request(session.tool_name(), &create)).await?;
    result.print_record(&request, &build_request_table(&request))?;
    cx.printer
        .print_note("The operators of this Hearth decide; the tool's maintainers get the answer by mail.");
    cx.printer.print_next(&format!("hearth request show {}", request.id));
    Ok(())
}
