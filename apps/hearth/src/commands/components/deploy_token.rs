//! `hearth components deploy-token …`: the token with which a pipeline deploys the tool. Showing it makes the reader one
//! of the people whose right it depends on, so that no other command shows the present token first.

use hearth_base::{Error, Result};
use hearth_wire::components::DeployToken;

use crate::{
    context::CommandContext,
    flags::{DryRun, HELP_TEMPLATE},
    printer::{Cell, Table},
    tool_session::ToolSession,
};

/// Commands about the deploy token.
#[derive(Debug, clap::Subcommand)]
pub enum DeployTokenCommand {
    /// Create the deploy token of the tool
    #[command(before_help = "Example: hearth components deploy-token create", help_template = HELP_TEMPLATE)]
    Create(ChangeDeployTokenArgs),
    /// Show the deploy token
    #[command(before_help = "Example: hearth components deploy-token show", help_template = HELP_TEMPLATE)]
    Show,
    /// Replace the deploy token by a new one; the present one ends
    #[command(before_help = "Example: hearth components deploy-token refresh", help_template = HELP_TEMPLATE)]
    Refresh(ChangeDeployTokenArgs),
    /// Delete the deploy token
    #[command(before_help = "Example: hearth components deploy-token delete", help_template = HELP_TEMPLATE)]
    Delete(ChangeDeployTokenArgs),
}

/// The arguments of commands that change the deploy token.
#[derive(Debug, clap::Args)]
pub struct ChangeDeployTokenArgs {
    #[command(flatten)]
    dry_run: DryRun,
}

/// The loss when the present token ends.
const TOKEN_LOSS: &str =
    "pipelines that have the present one are refused, and deployments that it started fail";

/// Runs the command.
pub async fn run(cx: &CommandContext, command: DeployTokenCommand) -> Result<()> {
    match command {
        DeployTokenCommand::Create(args) => create(cx, args).await,
        DeployTokenCommand::Show => show(cx).await,
        DeployTokenCommand::Refresh(args) => replace_token(cx, args).await,
        DeployTokenCommand::Delete(args) => delete(cx, args).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &DeployTokenCommand) -> &'static str {
    match command {
        DeployTokenCommand::Show => "nothing was changed",
        DeployTokenCommand::Create(_) | DeployTokenCommand::Refresh(_) => {
            "the deploy token may be new already; hearth components deploy-token show shows it"
        }
        DeployTokenCommand::Delete(_) => "the deploy token may be deleted already; the same command finishes",
    }
}

async fn create(cx: &CommandContext, args: ChangeDeployTokenArgs) -> Result<()> {
    let result = cx.printer.open_output::<DeployToken>()?;
    let session = cx.open_tool_session()?;
    let tool = session.tool_name();
    if args.dry_run.dry_run {
        return print_planned_change(cx, &format!("would create the deploy token of {tool}"));
    }
    let created = session.send(session.client().components().create_deploy_token(tool)).await;
    let created = created.map_err(|error| match error.code() {
        "deploy-token-exists" => error
            .and_message("hearth components deploy-token refresh replaces it, delete deletes it.")
            .help("hearth components deploy-token show"),
        _ => error,
    })?;
    result.print_record(&created, &build_token_table(&created))?;
    print_usage(cx, &session);
    Ok(())
}

async fn show(cx: &CommandContext) -> Result<()> {
    let result = cx.printer.open_output::<DeployToken>()?;
    let session = cx.open_tool_session()?;
    let shown = session.send(session.client().components().show_deploy_token(session.tool_name())).await;
    let shown = shown.map_err(propose_creation)?;
    result.print_record(&shown, &build_token_table(&shown))?;
    if shown.suspended {
        let what = "it is suspended: its owner, or another person who has seen it, has lost the right to it";
        cx.printer.print_warning(what);
        cx.printer.print_next("hearth components deploy-token refresh");
    }
    Ok(())
}

async fn replace_token(cx: &CommandContext, args: ChangeDeployTokenArgs) -> Result<()> {
    let result = cx.printer.open_output::<DeployToken>()?;
    let session = cx.open_tool_session()?;
    let target = format!("the deploy token of {}", session.tool_name());
    if args.dry_run.dry_run {
        return print_planned_change(cx, &format!("would replace {target}: {TOKEN_LOSS}"));
    }
    cx.require_confirmation("replace", &format!("{target}: {TOKEN_LOSS}")).await?;
    let replaced =
        session.send(session.client().components().replace_deploy_token(session.tool_name())).await;
    let replaced = replaced.map_err(propose_creation)?;
    result.print_record(&replaced, &build_token_table(&replaced))?;
    print_usage(cx, &session);
    Ok(())
}

async fn delete(cx: &CommandContext, args: ChangeDeployTokenArgs) -> Result<()> {
    let result = cx.printer.open_output::<DeployToken>()?;
    let session = cx.open_tool_session()?;
    let target = format!("the deploy token of {}", session.tool_name());
    if args.dry_run.dry_run {
        return print_planned_change(cx, &format!("would delete {target}: {TOKEN_LOSS}"));
    }
    cx.require_confirmation("delete", &format!("{target}: {TOKEN_LOSS}")).await?;
    let deleted = session.send(session.client().components().delete_deploy_token(session.tool_name())).await;
    let deleted = deleted.map_err(propose_creation)?;
    result.print_done(&deleted, &format!("{target} is deleted"))
}

/// Prints a planned change. There is no token to print: showing the present one has an effect.
fn print_planned_change(cx: &CommandContext, sentence: &str) -> Result<()> {
    cx.printer.open_output::<PlannedTokenChange>()?.print_sentence(&PlannedTokenChange {}, sentence)
}

/// The result of a dry run.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct PlannedTokenChange {}

fn propose_creation(error: Error) -> Error {
    match error.code() {
        "no-such-deploy-token" => error.help("hearth components deploy-token create"),
        _ => error,
    }
}

fn build_token_table(token: &DeployToken) -> Table {
    let secret = token.token.as_ref().map_or("(its key is lost; replace it)", |token| token.expose_secret());
    let mut pairs = vec![("token", Cell::from(secret)), ("created", Cell::from(token.creation_date))];
    pairs.extend(token.owner.as_ref().map(|owner| ("owner", Cell::from(owner.as_str()))));
    pairs.push(("state", Cell::from(if token.suspended { "suspended" } else { "valid" })));
    Table::from_pairs(pairs)
}

/// Says how a pipeline uses the token.
fn print_usage(cx: &CommandContext, session: &ToolSession<'_>) {
    let (server, tool) = (session.server_session.server.as_str(), session.tool_name());
    cx.printer.print_note(&format!(
        "A pipeline deploys with POST {server}/components/v1/tool/{tool}/deployment and Authorization: Bearer TOKEN."
    ));
}
