//! `hearth tool kubeconfig`: creates a kubeconfig for Toolforge's published clients.
//!
//! They read the tool (as the namespace `tool-NAME`) and a token from it, and the server's address from an
//! environment variable.

mod content;
mod file;

use std::path::PathBuf;

use hearth_base::{Result, TokenId, ToolName};
use hearth_wire::accounts::TokenCreate;
use serde::{Deserialize, Serialize};

use self::file::KubeconfigFile;
use crate::{
    command_line::quote_argument, commands::login::machine_name, context::CommandContext, flags::DryRun,
    session::Session, settings::ServerAddress,
};

/// The arguments of `hearth tool kubeconfig`.
#[derive(Debug, clap::Args)]
pub struct WriteKubeconfigArgs {
    /// The tool; default: this folder's
    name: Option<ToolName>,
    /// Write to this file, which only you can read; default: standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace an existing file
    #[arg(long, requires = "output")]
    force: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

/// The result; `kubeconfig` is set without a file.
#[derive(Debug, Serialize, Deserialize)]
struct KubeconfigResult {
    tool: ToolName,
    server: ServerAddress,
    token: Option<TokenId>,
    file: Option<String>,
    kubeconfig: Option<String>,
}

/// Creates a token and the kubeconfig.
pub async fn run(cx: &CommandContext, args: WriteKubeconfigArgs) -> Result<()> {
    let result = cx.printer.open_output::<KubeconfigResult>()?;
    let WriteKubeconfigArgs { name, output, force, dry_run } = args;
    let tool = super::choose_tool(cx, name)?;
    let session = cx.open_session()?;
    let tool = session.send_about_tool(&tool, session.client.tools().show(&tool.value)).await?.name;
    let server = session.server.clone();
    let target = output.map(|path| KubeconfigFile::open(path, force, &tool, &server)).transpose()?;
    let file = target.as_ref().map(|target| target.path().display().to_string());
    let label = format!("kubeconfig on {}", machine_name());
    for line in target.iter().flat_map(KubeconfigFile::changes) {
        cx.printer.print_note(line);
    }
    if dry_run.dry_run {
        let place = file.clone().unwrap_or_else(|| "standard output".to_owned());
        let sentence = format!("would create a token of {tool}, “{label}”, and write it to {place}");
        let made = KubeconfigResult { tool, server, token: None, file, kubeconfig: None };
        return result.print_sentence(&made, &sentence);
    }
    let create = TokenCreate { label, scopes: None, expires: None };
    let made = session.send(session.client.tools().create_token(&tool, &create)).await?;
    let text = content::render_kubeconfig(&tool, &server, &made.secret)?;
    let id = Some(made.token.id);
    match target {
        Some(target) => {
            persist_or_revoke(&session, &tool, made.token.id, target, &text).await?;
            let shown = file.clone().unwrap_or_default();
            let sentence = format!("a token of {tool} is in {shown}, which only you can read");
            let made = KubeconfigResult { tool, server: server.clone(), token: id, file, kubeconfig: None };
            result.print_done(&made, &sentence)?;
            let line =
                format!("export KUBECONFIG={} TOOL_TOOLFORGE_API_URL={server}", quote_argument(&shown));
            cx.printer.print_next(&line);
        }
        None => {
            let made = KubeconfigResult {
                tool,
                server: server.clone(),
                token: id,
                file: None,
                kubeconfig: Some(text.clone()),
            };
            result.print_text(&made, &text)?;
            cx.printer.print_next(&format!("export KUBECONFIG=FILE TOOL_TOOLFORGE_API_URL={server}"));
        }
    }
    Ok(())
}

/// Moves the file to its path. When that fails, revokes the token.
async fn persist_or_revoke(
    session: &Session<'_>,
    tool: &ToolName,
    token: TokenId,
    target: KubeconfigFile,
    text: &str,
) -> Result<()> {
    let kept = target.persist_file(text);
    if kept.is_err() {
        let _revoked_or_unused = session.client.tools().revoke_token(tool, token).await;
    }
    kept
}
