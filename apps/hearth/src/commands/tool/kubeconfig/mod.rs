//! `hearth tool kubeconfig`: a file by which Toolforge's published clients enter.
//!
//! They read the tool (as the namespace `tool-NAME`) and a token from it; the server's address they are told by
//! an environment variable.

mod content;
mod file;

use std::path::PathBuf;

use hearth_base::{Result, TokenId, ToolName};
use hearth_wire::accounts::TokenCreate;
use serde::{Deserialize, Serialize};

use self::file::Target;
use crate::{
    commands::login::machine, context::Context, flags::DryRun, session::Session, settings::Server,
    words::quoted,
};

/// What `hearth tool kubeconfig` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The tool; absent: this folder's
    name: Option<ToolName>,
    /// Write to this file, which only you can read; absent: standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file if there is one
    #[arg(long, requires = "output")]
    force: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// What was made.
#[derive(Debug, Serialize, Deserialize)]
struct Made {
    tool: ToolName,
    server: Server,
    token: Option<TokenId>,
    file: Option<String>,
    kubeconfig: Option<String>,
}

/// Makes it.
pub async fn run(cx: &Context, args: Args) -> Result<()> {
    let answer = cx.printer.answer::<Made>()?;
    let Args { name, output, force, dry_run } = args;
    let tool = super::named(cx, name)?;
    let session = cx.session()?;
    let tool = session.ask_about(&tool, session.client.tools().show(&tool.value)).await?.name;
    let server = session.server.clone();
    let target = output.map(|path| Target::open(path, force, &tool, &server)).transpose()?;
    let file = target.as_ref().map(|target| target.path().display().to_string());
    let label = format!("kubeconfig on {}", machine());
    for line in target.iter().flat_map(Target::changes) {
        cx.printer.note(line);
    }
    if dry_run.dry_run {
        let place = file.clone().unwrap_or_else(|| "standard output".to_owned());
        let sentence = format!("would make a token of {tool}, “{label}”, and write it to {place}");
        let made = Made { tool, server, token: None, file, kubeconfig: None };
        return answer.said(&made, &sentence);
    }
    let create = TokenCreate { label, scopes: None, expires: None };
    let made = session.ask(session.client.tools().token_create(&tool, &create)).await?;
    let text = content::text(&tool, &server, &made.secret)?;
    let id = Some(made.token.id);
    match target {
        Some(target) => {
            keep(&session, &tool, made.token.id, target, &text).await?;
            let shown = file.clone().unwrap_or_default();
            let sentence = format!("a token of {tool} is in {shown}, which only you can read");
            let made = Made { tool, server: server.clone(), token: id, file, kubeconfig: None };
            answer.done(&made, &sentence)?;
            let line = format!("export KUBECONFIG={} TOOL_TOOLFORGE_API_URL={server}", quoted(&shown));
            cx.printer.next(&line);
        }
        None => {
            let made =
                Made { tool, server: server.clone(), token: id, file: None, kubeconfig: Some(text.clone()) };
            answer.verbatim(&made, &text)?;
            cx.printer.next(&format!("export KUBECONFIG=FILE TOOL_TOOLFORGE_API_URL={server}"));
        }
    }
    Ok(())
}

/// Puts the file in its place. A token that nobody can find is revoked again.
async fn keep(
    session: &Session<'_>,
    tool: &ToolName,
    token: TokenId,
    target: Target,
    text: &str,
) -> Result<()> {
    let kept = target.keep(text);
    if kept.is_err() {
        let _it_is_not_known = session.client.tools().token_revoke(tool, token).await;
    }
    kept
}
