//! `hearth repository rotate LINK`: replaces the secret of the webhook after a confirmation. The caller becomes the owner
//! of the link; the old secret is invalid at once.

use hearth_base::Result;
use hearth_wire::components::{RepositoryLink, RepositoryLinkSecret};

use super::{LinkActionArgs, build_secret_table, describe_setup, fetch_link};
use crate::context::CommandContext;

/// Replaces the secret.
pub async fn run(cx: &CommandContext, args: LinkActionArgs) -> Result<()> {
    let LinkActionArgs { id, dry_run } = args;
    let session = cx.open_tool_session()?;
    let link = fetch_link(&session, id).await?;
    if dry_run.dry_run {
        let result = cx.printer.open_output::<RepositoryLink>()?;
        let sentence = format!("would replace the secret of {id}, and make you its owner");
        return result.print_sentence(&link, &sentence);
    }
    let result = cx.printer.open_output::<RepositoryLinkSecret>()?;
    let target = format!("the secret of {id}, with which {} signs; you become the owner", link.repository);
    cx.require_confirmation("replace", &target).await?;
    let calls = session.client().components();
    let made = session.send(calls.rotate_repository_link_secret(session.tool_name(), id)).await?;
    result.print_record(&made, &build_secret_table(&made))?;
    cx.printer.print_note(&describe_setup(&made.link));
    Ok(())
}
