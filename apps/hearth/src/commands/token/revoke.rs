//! `hearth token revoke ID`.

use hearth_base::{Result, TokenId};
use serde::{Deserialize, Serialize};

use crate::{context::CommandContext, flags::DryRun};

/// The arguments of `hearth token revoke`.
#[derive(Debug, clap::Args)]
pub struct RevokeTokenArgs {
    /// The token's id, as hearth token list shows it
    id: TokenId,
    /// Revoke one of your own tokens instead of the tool's
    #[arg(long)]
    personal: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result.
#[derive(Debug, Serialize, Deserialize)]
struct RevokedToken {
    id: TokenId,
    revoked: bool,
}

/// Revokes the token.
pub async fn run(cx: &CommandContext, args: RevokeTokenArgs) -> Result<()> {
    let result = cx.printer.open_output::<RevokedToken>()?;
    let RevokeTokenArgs { id, personal, dry_run } = args;
    if dry_run.dry_run {
        let sentence = format!("would revoke the token {id}");
        return result.print_sentence(&RevokedToken { id, revoked: false }, &sentence);
    }
    if personal {
        let session = cx.open_session()?;
        session.send(session.client.accounts().revoke_token(id)).await?;
    } else {
        let session = cx.open_tool_session()?;
        session.send(session.client().tools().revoke_token(session.tool_name(), id)).await?;
    }
    result.print_done(&RevokedToken { id, revoked: true }, &format!("the token {id} is revoked"))
}
