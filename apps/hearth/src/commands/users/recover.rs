//! `hearth users recover USER`.

use hearth_base::Result;
use hearth_wire::accounts::RecoveryCode;
use serde::{Deserialize, Serialize};

use super::UserActionArgs;
use crate::{
    context::CommandContext,
    printer::{Cell, Table},
};

/// The result of a dry run.
#[derive(Debug, Serialize, Deserialize)]
struct PlannedRecovery {
    user: String,
}

/// Creates the code.
pub async fn run(cx: &CommandContext, args: UserActionArgs) -> Result<()> {
    let UserActionArgs { user, dry_run } = args;
    if dry_run.dry_run {
        let result = cx.printer.open_output::<PlannedRecovery>()?;
        let planned = PlannedRecovery { user: user.to_string() };
        return result.print_sentence(&planned, &format!("would create a recovery code for {user}"));
    }
    let result = cx.printer.open_output::<RecoveryCode>()?;
    let session = cx.open_session()?;
    let made = session.send(session.client.accounts().create_recovery_code(&user)).await?;
    let rows = Table::from_pairs([
        ("code", Cell::from(made.code.expose_secret())),
        ("user", Cell::from(made.user.as_str())),
        ("expires", Cell::from(made.expires)),
    ]);
    result.print_record(&made, &rows)?;
    cx.printer.print_note(&format!("The code is shown only once and works once. {user} runs:"));
    cx.printer.print_next(&format!("hearth password --code-stdin --server {}", session.server));
    Ok(())
}
