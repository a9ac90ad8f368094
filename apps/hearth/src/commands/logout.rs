//! `hearth logout`: revokes the saved token at the server, then removes it here.

use hearth_base::{Credential, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::{
    context::CommandContext,
    flags::DryRun,
    session::Session,
    settings::{ServerAddress, SettingSource, Sourced},
};

/// The arguments of `hearth logout`.
#[derive(Debug, clap::Args)]
pub struct LogoutArgs {
    /// Remove the token here only; it stays valid at the server
    #[arg(long)]
    local: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result.
#[derive(Debug, Serialize, Deserialize)]
struct SignedOut {
    server: ServerAddress,
    user: Option<String>,
    revoked: bool,
    forgotten: bool,
}

/// Signs out.
pub async fn run(cx: &CommandContext, args: LogoutArgs) -> Result<()> {
    let result = cx.printer.open_output::<SignedOut>()?;
    let LogoutArgs { local, dry_run } = args;
    let server = cx.settings.resolve_server()?.value;
    if cx.settings.environment.token.is_some() {
        cx.printer.print_warning("HEARTH_TOKEN is set; it stays valid until it is revoked");
    }
    let Some(entry) = cx.settings.user.find_entry(&server).cloned() else {
        let out = SignedOut { server, user: None, revoked: false, forgotten: false };
        let sentence = format!("nothing to change: you are not signed in at {}", out.server);
        return result.print_sentence(&out, &sentence);
    };
    let user = entry.user;
    if dry_run.dry_run {
        let sentence = format!("{user} would be signed out at {server}");
        let out = SignedOut { server, user: Some(user), revoked: false, forgotten: false };
        return result.print_sentence(&out, &sentence);
    }
    let shown = Sourced::new(entry.token, SettingSource::User(cx.settings.user.path().to_owned()));
    let session = cx.open_session_with_token(server.clone(), shown)?;
    let ended =
        if local { TokenEnd::Kept } else { end_credential(&session).await.map_err(explain_offline)? };
    cx.settings.user.remove_entry(&server)?;
    let sentence = match ended {
        TokenEnd::Revoked => format!("{user} is signed out at {server}; the token is revoked"),
        TokenEnd::AlreadyInvalid => {
            format!("{user} is signed out at {server}; the token was invalid already")
        }
        TokenEnd::Kept => {
            format!("the token of {user} for {server} is removed here; the server still accepts it")
        }
    };
    let revoked = ended == TokenEnd::Revoked;
    result.print_done(&SignedOut { server, user: Some(user), revoked, forgotten: true }, &sentence)
}

/// The fate of the token at the server.
#[derive(PartialEq, Eq)]
enum TokenEnd {
    Revoked,
    AlreadyInvalid,
    Kept,
}

/// Revokes the session's credential.
async fn end_credential(session: &Session<'_>) -> Result<TokenEnd> {
    let accounts = session.client.accounts();
    let me = match session.send(accounts.show_caller()).await {
        Err(error) if error.kind() == ErrorKind::Unauthenticated => return Ok(TokenEnd::AlreadyInvalid),
        answer => answer?,
    };
    let ended = match me.credential {
        Credential::PersonalToken(id) => session.send(accounts.revoke_token(id)).await,
        Credential::Session(_) => session.send(accounts.end_session()).await,
        // A tool's token may be in use elsewhere; its members revoke it.
        Credential::ToolToken(_) | Credential::None | Credential::RoleKey => return Ok(TokenEnd::Kept),
    };
    ended.map(|_| TokenEnd::Revoked)
}

fn explain_offline(error: hearth_base::Error) -> hearth_base::Error {
    match error.kind() {
        ErrorKind::Unavailable | ErrorKind::Timeout => {
            error.and_message("You are still signed in here.").help("hearth logout --local")
        }
        _ => error,
    }
}
