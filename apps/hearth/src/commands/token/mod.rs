//! `hearth token …`: tokens for scripts, of a tool or of oneself.

mod claim;
mod create;
mod list;
mod revoke;

use hearth_base::{Result, TokenId};
use hearth_wire::accounts::TokenCreated;

use crate::{
    context::CommandContext,
    flags::{DryRun, HELP_TEMPLATE},
    printer::{Cell, Table},
};

/// Commands about tokens.
#[derive(Debug, clap::Subcommand)]
pub enum TokenCommand {
    /// Create a token of the tool for a script, or with --personal one of your own
    #[command(before_help = "Example: hearth token create ci --days 90", help_template = HELP_TEMPLATE)]
    Create(create::CreateTokenArgs),
    /// List the tokens of the tool, or with --personal your own
    #[command(before_help = "Example: hearth token list", help_template = HELP_TEMPLATE)]
    List(list::ListTokensArgs),
    /// Revoke a token
    #[command(before_help = "Example: hearth token revoke token_00000000000000000000000001", help_template = HELP_TEMPLATE)]
    Revoke(revoke::RevokeTokenArgs),
    /// Take over a token of the tool: you own it, and it gets a new secret
    #[command(before_help = "Example: hearth token claim token_00000000000000000000000001", help_template = HELP_TEMPLATE)]
    Claim(ClaimTokenArgs),
}

/// The arguments of `hearth token claim`.
#[derive(Debug, clap::Args)]
pub struct ClaimTokenArgs {
    /// The token's id, as hearth token list shows it
    id: TokenId,
    #[command(flatten)]
    dry_run: DryRun,
}

/// Runs the command.
pub async fn run(cx: &CommandContext, command: TokenCommand) -> Result<()> {
    match command {
        TokenCommand::Create(args) => create::run(cx, args).await,
        TokenCommand::List(args) => list::run(cx, args).await,
        TokenCommand::Revoke(args) => revoke::run(cx, args).await,
        TokenCommand::Claim(args) => claim::run(cx, args).await,
    }
}

/// Explains the state after Ctrl-C.
pub fn explain_interrupt(command: &TokenCommand) -> &'static str {
    match command {
        TokenCommand::List(_) => "nothing was changed",
        TokenCommand::Create(_) => "a token may exist whose secret was not shown; hearth token list shows it",
        TokenCommand::Claim(_) => {
            "the token may have a new secret already; the same command shows another one"
        }
        TokenCommand::Revoke(_) => "the token may be revoked already; hearth token list shows it",
    }
}

/// Builds the table of a token with its secret.
fn build_secret_table(made: &TokenCreated) -> Table {
    let token = &made.token;
    let scopes = token.scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mut pairs = vec![
        ("token", Cell::from(token.id.to_string())),
        ("label", Cell::from(token.label.as_str())),
        ("scopes", Cell::from(scopes)),
    ];
    pairs.extend(token.expires.map(|expires| ("expires", Cell::from(expires))));
    pairs.push(("secret", Cell::from(made.secret.expose_secret())));
    Table::from_pairs(pairs)
}

/// The note about a new secret.
const SECRET_SHOWN_ONCE: &str = "The secret is shown only once. A script uses it as HEARTH_TOKEN.";
