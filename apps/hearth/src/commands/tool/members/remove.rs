//! `hearth tool members remove USER`.

use hearth_base::{Result, ToolName, ToolRole, UserName};
use serde::{Deserialize, Serialize};

use crate::{context::CommandContext, flags::DryRun};

/// The arguments of `hearth tool members remove`.
#[derive(Debug, clap::Args)]
pub struct RemoveMemberArgs {
    /// The user
    user: UserName,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result.
#[derive(Debug, Serialize, Deserialize)]
struct RemovedMember {
    tool: ToolName,
    user: UserName,
    role: Option<ToolRole>,
    removed: bool,
}

/// Removes the member.
pub async fn run(cx: &CommandContext, args: RemoveMemberArgs) -> Result<()> {
    let result = cx.printer.open_output::<RemovedMember>()?;
    let RemoveMemberArgs { user, dry_run } = args;
    let tool = cx.require_tool()?;
    let session = cx.open_session()?;
    let mut members = super::list_members(&session, &tool).await?;
    members.extend(super::list_offers(&session, &tool.value).await?);
    let role = super::find_role(&members, &user);
    let name = tool.value;
    let Some(was) = role else {
        let sentence = format!("nothing to change: {user} is not a member of {name}");
        return result.print_sentence(&RemovedMember { tool: name, user, role, removed: false }, &sentence);
    };
    let lost = format!("the tokens that {user} created for {name} are suspended");
    if dry_run.dry_run {
        let sentence = format!("would remove {user}, {was} of {name}; {lost}");
        return result.print_sentence(&RemovedMember { tool: name, user, role, removed: false }, &sentence);
    }
    session.send(session.client.tools().remove_member(&name, &user)).await?;
    let sentence = format!("{user}, who was {was}, is no longer a member of {name}; {lost}");
    result.print_done(&RemovedMember { tool: name, user, role, removed: true }, &sentence)
}
