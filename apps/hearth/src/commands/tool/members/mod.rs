//! `hearth tool members …`: who belongs to a tool.

pub mod list;
pub mod remove;
pub mod set;

use hearth_base::{Result, ToolRole, UserName};
use hearth_wire::tools::Member;

use crate::{context::Context, flags::TEMPLATE, session::Session, settings::Sourced};

/// What to do with a tool's people.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List them
    #[command(before_help = "Example: hearth tool members list --tool dup-finder", help_template = TEMPLATE)]
    List,
    /// Give somebody a role, or another one
    #[command(before_help = "Example: hearth tool members set bob maintainer", help_template = TEMPLATE)]
    Set(set::Args),
    /// Take somebody's role away
    #[command(before_help = "Example: hearth tool members remove bob", help_template = TEMPLATE)]
    Remove(remove::Args),
}

/// Does it.
pub async fn run(cx: &Context, command: Option<Command>) -> Result<()> {
    match command {
        None | Some(Command::List) => list::run(cx).await,
        Some(Command::Set(args)) => set::run(cx, args).await,
        Some(Command::Remove(args)) => remove::run(cx, args).await,
    }
}

/// What is true after Ctrl-C.
pub fn after_interrupt(command: &Command) -> &'static str {
    match command {
        Command::List => "nothing was changed",
        Command::Set(_) | Command::Remove(_) => "the role may be changed already; the same command finishes",
    }
}

/// The tool's members.
async fn all(session: &Session<'_>, tool: &Sourced<hearth_base::ToolName>) -> Result<Vec<Member>> {
    // The first question finds out whether the tool is the caller's.
    session.ask_about(tool, session.client.tools().show(&tool.value)).await?;
    let (tools, name) = (session.client.tools(), &tool.value);
    session.all(|paging| async move { tools.member_list(name, &paging).await }).await
}

/// The role that `user` has among `members`.
fn role_of(members: &[Member], user: &UserName) -> Option<ToolRole> {
    members.iter().find(|member| member.user == *user).map(|member| member.role)
}
