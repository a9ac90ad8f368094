//! `hearth logout`: the saved token is revoked at the server, then forgotten here.

use hearth_base::{Credential, Kind, Result};
use serde::{Deserialize, Serialize};

use crate::{
    context::Context,
    flags::DryRun,
    session::Session,
    settings::{Server, Source, Sourced},
};

/// What `hearth logout` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Forget the token here, and leave it good at the server
    #[arg(long)]
    local: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// What was ended.
#[derive(Debug, Serialize, Deserialize)]
struct SignedOut {
    server: Server,
    user: Option<String>,
    revoked: bool,
    forgotten: bool,
}

/// Signs out.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<SignedOut>()?;
    let Args { local, dry_run } = args;
    let server = cx.settings.server()?.value;
    if cx.settings.environment.token.is_some() {
        cx.printer.warning("HEARTH_TOKEN is set; it stays good until it is unset or revoked");
    }
    let Some(entry) = cx.settings.user.entry(&server).cloned() else {
        let out = SignedOut { server, user: None, revoked: false, forgotten: false };
        let sentence = format!("nothing to change: you are not signed in at {}", out.server);
        return answer.said(&out, &sentence);
    };
    let user = entry.user;
    if dry_run.dry_run {
        let sentence = format!("{user} would be signed out at {server}");
        let out = SignedOut { server, user: Some(user), revoked: false, forgotten: false };
        return answer.said(&out, &sentence);
    }
    let shown = Sourced::new(entry.token, Source::User(cx.settings.user.path().to_owned()));
    let session = cx.session_showing(server.clone(), shown)?;
    let ended = if local { Ended::Untouched } else { end(&session).await.map_err(offline)? };
    cx.settings.user.forget(&server)?;
    let sentence = match ended {
        Ended::Revoked => format!("{user} is signed out at {server}; the token is revoked"),
        Ended::Before => format!("{user} is signed out at {server}; the token was good no more"),
        Ended::Untouched => {
            format!("the token of {user} for {server} is forgotten here; the server still takes it")
        }
    };
    let revoked = ended == Ended::Revoked;
    answer.done(&SignedOut { server, user: Some(user), revoked, forgotten: true }, &sentence)
}

/// What became of the token at the server.
#[derive(PartialEq, Eq)]
enum Ended {
    Revoked,
    Before,
    Untouched,
}

/// Ends what the session shows.
async fn end(session: &Session<'_>) -> Result<Ended> {
    let accounts = session.client.accounts();
    let me = match session.ask(accounts.me()).await {
        Err(error) if error.kind() == Kind::Unauthenticated => return Ok(Ended::Before),
        answer => answer?,
    };
    let ended = match me.credential {
        Credential::PersonalToken(id) => session.ask(accounts.token_revoke(id)).await,
        Credential::Session(_) => session.ask(accounts.session_end()).await,
        // A tool's token is ended by the tool's people, and may be in use elsewhere.
        Credential::ToolToken(_) | Credential::None | Credential::RoleKey => return Ok(Ended::Untouched),
    };
    ended.map(|_| Ended::Revoked)
}

fn offline(error: hearth_base::Error) -> hearth_base::Error {
    match error.kind() {
        Kind::Unavailable | Kind::Timeout => {
            error.also("You are still signed in here.").help("hearth logout --local")
        }
        _ => error,
    }
}
