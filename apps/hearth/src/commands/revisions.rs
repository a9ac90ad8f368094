//! `hearth revisions`: lists the results of successful deployments, the newest first.

use hearth_base::{Error, PageLimit, Result};
use hearth_wire::{
    components::{DeploySource, Revision},
    reply::Paging,
};

use crate::{
    config_file::join_names,
    context::CommandContext,
    printer::{Cell, Table},
    tool_session::ToolSession,
};

/// The arguments of `hearth revisions`.
#[derive(Debug, clap::Args)]
pub struct ListRevisionsArgs {
    /// Show only this many, newest first
    #[arg(long, short, value_name = "COUNT", default_value_t = 20)]
    last: u32,
}

/// Lists the revisions.
pub async fn run(cx: &CommandContext, args: ListRevisionsArgs) -> Result<()> {
    let result = cx.printer.open_output::<Revision>()?;
    let session = cx.open_tool_session()?;
    let paging = Paging { limit: PageLimit::new(args.last)?, cursor: None };
    let calls = session.client().components();
    let page = session.send(calls.list_revisions(session.tool_name(), &paging)).await?;
    let mut table =
        Table::with_headings(&["revision", "components", "created", "by", "source", "image", "description"]);
    for revision in &page.revisions {
        table.add_row([
            Cell::from(revision.number.to_string()),
            Cell::from(count_components(revision)),
            Cell::from(revision.created),
            Cell::from(revision.by.as_str()),
            Cell::from(describe_origin(&revision.source, &revision.resolved_ref)),
            Cell::from(if revision.kept { "kept" } else { "deleted" }),
            Cell::from(revision.description.as_str()),
        ]);
    }
    result.print_list(&page.revisions, &table)?;
    if page.revisions.is_empty() {
        cx.printer.print_note("No revisions yet: a successful deployment creates one.");
        cx.printer.print_next("hearth deploy");
        return Ok(());
    }
    if page.next.is_some() {
        cx.printer.print_note(&format!("Only the newest {} are listed; there are older ones.", args.last));
    }
    if page.revisions.len() > 1 {
        cx.printer.print_next("hearth rollback");
    }
    Ok(())
}

/// Describes the components of a revision: the name of the only one, or their number and names.
fn count_components(revision: &Revision) -> String {
    let names: Vec<&str> = revision.components.keys().map(|name| name.as_str()).collect();
    match names.as_slice() {
        [] => revision.component.to_string(),
        [only] => (*only).to_owned(),
        several => format!("{}: {}", several.len(), join_names(several)),
    }
}

/// Fetches the newest revisions, as many as one page holds.
pub async fn fetch_newest_revisions(session: &ToolSession<'_>) -> Result<Vec<Revision>> {
    let paging = Paging { limit: PageLimit::new(PageLimit::MAX_ITEMS)?, cursor: None };
    let calls = session.client().components();
    Ok(session.send(calls.list_revisions(session.tool_name(), &paging)).await?.revisions)
}

/// Refuses a revision whose image is deleted, and names those that `command` can use.
pub fn require_kept<'a>(
    revision: &'a Revision,
    revisions: &[Revision],
    command: &str,
) -> Result<&'a Revision> {
    if revision.kept {
        return Ok(revision);
    }
    let kept: Vec<String> =
        revisions.iter().filter(|one| one.kept).map(|one| one.number.to_string()).collect();
    let what = format!("the image of revision {} is deleted", revision.number);
    let error = Error::conflict("revision-not-kept", what);
    Err(match kept.first() {
        Some(newest) => error
            .and_message(format!("Revisions with an image: {}.", kept.join(", ")))
            .help(format!("{command} {newest}")),
        None => error.help("hearth deploy"),
    })
}

/// Describes the origin of an image: address and commit, a folder, or an image.
pub fn describe_origin(source: &DeploySource, resolved_ref: &str) -> String {
    let short: String = resolved_ref.trim_start_matches("sha256:").chars().take(7).collect();
    let origin = match source {
        DeploySource::Git(git) => git.url.clone(),
        DeploySource::Upload(_) => "a folder".to_owned(),
        // The digest of an image is long, and says nothing to a reader.
        DeploySource::Image(image) => image.split('@').next().unwrap_or(image).to_owned(),
    };
    if short.is_empty() { origin } else { format!("{origin} {short}") }
}
