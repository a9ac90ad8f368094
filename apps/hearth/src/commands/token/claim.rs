//! `hearth token claim ID`.

use hearth_base::{Result, TokenId};
use hearth_wire::accounts::TokenCreated;
use serde::{Deserialize, Serialize};

use super::{ClaimTokenArgs, SECRET_SHOWN_ONCE, build_secret_table};
use crate::context::CommandContext;

/// The result of a dry run.
#[derive(Debug, Serialize, Deserialize)]
struct PlannedOwner {
    id: TokenId,
}

/// Takes the token over.
pub async fn run(cx: &CommandContext, args: ClaimTokenArgs) -> Result<()> {
    let ClaimTokenArgs { id, dry_run } = args;
    if dry_run.dry_run {
        let result = cx.printer.open_output::<PlannedOwner>()?;
        let sentence = format!("would take over the token {id} and give it a new secret");
        return result.print_sentence(&PlannedOwner { id }, &sentence);
    }
    let result = cx.printer.open_output::<TokenCreated>()?;
    let session = cx.open_tool_session()?;
    let made = session.send(session.client().tools().take_over_token(session.tool_name(), id)).await?;
    result.print_record(&made, &build_secret_table(&made))?;
    cx.printer.print_note(SECRET_SHOWN_ONCE);
    Ok(())
}
