//! `hearth tool members set USER ROLE`.

use hearth_base::{Result, ToolRole, UserName};
use hearth_wire::tools::{Member, MemberPut};

use crate::{context::Context, flags::DryRun};

/// What `hearth tool members set` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Who
    user: UserName,
    /// viewer (looks), maintainer (changes what runs) or owner (also changes people)
    role: ToolRole,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Gives the role.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Member>()?;
    let Args { user, role, dry_run } = args;
    let tool = cx.tool()?;
    let session = cx.session()?;
    let members = super::all(&session, &tool).await?;
    let before = super::role_of(&members, &user);
    let known = members.into_iter().find(|member| member.user == user && member.role == role);
    let name = &tool.value;
    if let Some(member) = known {
        return answer
            .said(&member, &format!("nothing to change: the role of {user} on {name} is {role} already"));
    }
    let was = before.map_or(String::new(), |before| format!(" (was {before})"));
    if dry_run.dry_run {
        let member = Member { user, role, since: cx.printer.now() };
        let sentence = format!("would set the role of {} on {name} to {role}{was}", member.user);
        return answer.said(&member, &sentence);
    }
    let put = MemberPut { role };
    let member = session.ask(session.client.tools().member_put(name, &user, &put)).await?;
    let sentence = format!("the role of {user} on {name} is {role} now{was}");
    answer.done(&member, &sentence)
}
