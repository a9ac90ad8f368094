//! `hearth tool members remove USER`.

use hearth_base::{Result, ToolName, ToolRole, UserName};
use serde::{Deserialize, Serialize};

use crate::{context::Context, flags::DryRun};

/// What `hearth tool members remove` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Who
    user: UserName,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Who was removed.
#[derive(Debug, Serialize, Deserialize)]
struct Removed {
    tool: ToolName,
    user: UserName,
    role: Option<ToolRole>,
    removed: bool,
}

/// Takes the role away.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Removed>()?;
    let Args { user, dry_run } = args;
    let tool = cx.tool()?;
    let session = cx.session()?;
    let role = super::role_of(&super::all(&session, &tool).await?, &user);
    let name = tool.value;
    let Some(was) = role else {
        let sentence = format!("nothing to change: {user} does not belong to {name}");
        return answer.said(&Removed { tool: name, user, role, removed: false }, &sentence);
    };
    let lost = format!("the tokens that {user} made for {name} end");
    if dry_run.dry_run {
        let sentence = format!("would remove {user}, {was} of {name}; {lost}");
        return answer.said(&Removed { tool: name, user, role, removed: false }, &sentence);
    }
    session.ask(session.client.tools().member_remove(&name, &user)).await?;
    let sentence = format!("{user}, who was {was}, does not belong to {name} any more; {lost}");
    answer.done(&Removed { tool: name, user, role, removed: true }, &sentence)
}
