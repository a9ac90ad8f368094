//! `hearth tool members …`: members of a tool.

pub mod list;
pub mod remove;
pub mod set;

use hearth_base::{ErrorKind, Result, ToolRole, UserName};
use hearth_wire::tools::Member;

use crate::{context::CommandContext, flags::HELP_TEMPLATE, session::Session, settings::Sourced};

/// Commands about members.
#[derive(Debug, clap::Subcommand)]
pub enum MemberCommand {
    /// List the members of a tool
    #[command(before_help = "Example: hearth tool members list --tool dup-finder", help_template = HELP_TEMPLATE)]
    List,
    /// Offer a role to a user, or change a member's role
    #[command(before_help = "Example: hearth tool members set bob maintainer", help_template = HELP_TEMPLATE)]
    Set(set::SetMemberArgs),
    /// Remove a member
    #[command(before_help = "Example: hearth tool members remove bob", help_template = HELP_TEMPLATE)]
    Remove(remove::RemoveMemberArgs),
}

/// Runs the command; without one, lists the members.
pub async fn run(cx: &CommandContext, command: Option<MemberCommand>) -> Result<()> {
    match command {
        None | Some(MemberCommand::List) => list::run(cx).await,
        Some(MemberCommand::Set(args)) => set::run(cx, args).await,
        Some(MemberCommand::Remove(args)) => remove::run(cx, args).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &MemberCommand) -> &'static str {
    match command {
        MemberCommand::List => "nothing was changed",
        MemberCommand::Set(_) | MemberCommand::Remove(_) => {
            "the role may be changed already; the same command finishes"
        }
    }
}

/// Lists the tool's members.
async fn list_members(session: &Session<'_>, tool: &Sourced<hearth_base::ToolName>) -> Result<Vec<Member>> {
    // The first request checks that the tool is the caller's.
    session.send_about_tool(tool, session.client.tools().show(&tool.value)).await?;
    let (tools, name) = (session.client.tools(), &tool.value);
    session.collect_items(|paging| async move { tools.list_members(name, &paging).await }).await
}

/// Lists the roles that the tool offers to users who have not accepted yet.
async fn list_offers(session: &Session<'_>, tool: &hearth_base::ToolName) -> Result<Vec<Member>> {
    let tools = session.client.tools();
    match session.collect_items(|paging| async move { tools.list_member_offers(tool, &paging).await }).await {
        // A server of release 0.1.0 has no offers.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed,
    }
}

/// Finds the role of `user` among `members`.
fn find_role(members: &[Member], user: &UserName) -> Option<ToolRole> {
    members.iter().find(|member| member.user == *user).map(|member| member.role)
}
