//! `hearth tool members set USER ROLE`.

use hearth_base::{Result, ToolRole, UserName};
use hearth_wire::tools::{Member, MemberPut};

use crate::{context::CommandContext, flags::DryRun};

/// The arguments of `hearth tool members set`.
#[derive(Debug, clap::Args)]
pub struct SetMemberArgs {
    /// The user
    user: UserName,
    /// viewer (reads), maintainer (changes the tool) or owner (also manages members)
    role: ToolRole,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Sets the role.
pub async fn run(cx: &CommandContext, args: SetMemberArgs) -> Result<()> {
    let result = cx.printer.open_output::<Member>()?;
    let SetMemberArgs { user, role, dry_run } = args;
    let tool = cx.require_tool()?;
    let session = cx.open_session()?;
    let members = super::list_members(&session, &tool).await?;
    let before = super::find_role(&members, &user);
    let unchanged = members.into_iter().find(|member| member.user == user && member.role == role);
    let name = &tool.value;
    if let Some(member) = unchanged {
        return result.print_sentence(
            &member,
            &format!("nothing to change: the role of {user} on {name} is {role} already"),
        );
    }
    let was = before.map_or(String::new(), |before| format!(" (was {before})"));
    if dry_run.dry_run {
        let member = Member { user, role, since: cx.printer.now(), pending: false };
        let sentence = format!("would set the role of {} on {name} to {role}{was}", member.user);
        return result.print_sentence(&member, &sentence);
    }
    let put = MemberPut { role };
    let member = session.send(session.client.tools().set_member(name, &user, &put)).await?;
    if member.pending {
        let sentence = format!("{name} offers {user} the role {role}; it applies once {user} accepts");
        result.print_done(&member, &sentence)?;
        cx.printer.print_note(&format!("{user} runs: hearth tool accept {name}"));
        return Ok(());
    }
    let sentence = format!("the role of {user} on {name} is {role} now{was}");
    result.print_done(&member, &sentence)
}
