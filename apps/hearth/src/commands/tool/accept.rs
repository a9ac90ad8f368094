//! `hearth tool accept NAME` and `hearth tool leave NAME`: the caller's own memberships.

use hearth_base::{Result, ToolName};
use serde::{Deserialize, Serialize};

use crate::{context::CommandContext, flags::DryRun};

/// The arguments of `hearth tool accept` and `hearth tool leave`.
#[derive(Debug, clap::Args)]
pub struct MembershipArgs {
    /// The tool
    name: ToolName,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result.
#[derive(Debug, Serialize, Deserialize)]
struct ChangedMembership {
    tool: ToolName,
    member: bool,
}

/// Accepts an offered membership.
pub async fn accept_membership(cx: &CommandContext, args: MembershipArgs) -> Result<()> {
    let result = cx.printer.open_output::<ChangedMembership>()?;
    let MembershipArgs { name: tool, dry_run } = args;
    if dry_run.dry_run {
        let sentence = format!("would accept the membership of {tool}");
        return result.print_sentence(&ChangedMembership { tool, member: false }, &sentence);
    }
    let session = cx.open_session()?;
    session.send(session.client.accounts().accept_membership(&tool)).await?;
    let sentence = format!("you are a member of {tool}");
    result.print_done(&ChangedMembership { tool: tool.clone(), member: true }, &sentence)?;
    cx.printer.print_next(&format!("hearth status --tool {tool}"));
    Ok(())
}

/// Declines an offered membership, or leaves a tool.
pub async fn end_membership(cx: &CommandContext, args: MembershipArgs) -> Result<()> {
    let result = cx.printer.open_output::<ChangedMembership>()?;
    let MembershipArgs { name: tool, dry_run } = args;
    let lost = "the tokens that you created for it are suspended";
    if dry_run.dry_run {
        let sentence = format!("would leave {tool}, or decline its offer; {lost}");
        return result.print_sentence(&ChangedMembership { tool, member: true }, &sentence);
    }
    cx.require_confirmation("leave", &format!("{tool}: {lost}")).await?;
    let session = cx.open_session()?;
    session.send(session.client.accounts().end_membership(&tool)).await?;
    let sentence = format!("you are not a member of {tool}");
    result.print_done(&ChangedMembership { tool, member: false }, &sentence)
}
