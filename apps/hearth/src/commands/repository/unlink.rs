//! `hearth repository unlink LINK`: deletes a link after a confirmation.

use hearth_base::Result;
use hearth_wire::components::RepositoryLinkId;
use serde::{Deserialize, Serialize};

use super::{LinkActionArgs, fetch_link};
use crate::context::CommandContext;

/// The result.
#[derive(Debug, Serialize, Deserialize)]
struct UnlinkedRepository {
    id: RepositoryLinkId,
    repository: String,
    deleted: bool,
}

/// Deletes the link.
pub async fn run(cx: &CommandContext, args: LinkActionArgs) -> Result<()> {
    let result = cx.printer.open_output::<UnlinkedRepository>()?;
    let LinkActionArgs { id, dry_run } = args;
    let session = cx.open_tool_session()?;
    let repository = fetch_link(&session, id).await?.repository;
    let target = format!("the link {id} to {repository}, its secrets and its delivery log");
    if dry_run.dry_run {
        return result.print_sentence(
            &UnlinkedRepository { id, repository, deleted: false },
            &format!("would delete {target}"),
        );
    }
    cx.require_confirmation("delete", &target).await?;
    let calls = session.client().components();
    session.send(calls.delete_repository_link(session.tool_name(), id)).await?;
    let sentence = format!("{target} are deleted; delete the webhook at the forge too");
    result.print_done(&UnlinkedRepository { id, repository, deleted: true }, &sentence)
}
